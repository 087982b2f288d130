// Greets each member at their first message.
//   node greet-bot.js multichat --room kitchen --peer HOST:PORT
const bot = require('child_process').spawn(process.argv[2], [...process.argv.slice(3), 'pipe'])
bot.stderr.pipe(process.stderr)
const met = new Set()
require('readline').createInterface({ input: bot.stdout }).on('line', line => {
  const said = JSON.parse(line)
  if (said.type === 'hello') met.add(said.key)
  if (said.type !== 'message' || met.has(said.author.key)) return
  met.add(said.author.key)
  if (said.backfill) return
  bot.stdin.write(JSON.stringify({ cmd: 'send', text: `Welcome, ${said.author.nick}!` }) + '\n')
})
