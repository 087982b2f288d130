// One side of a comparison that reads orders, line by line, from its standard input:
//
//   node peer.js <multifeed6|hypercore11>
//
//   {"fill": {"name": "a", "feeds": 10, "blocks": 1000, "bytes": 100}}  -> {"keys": [...]}
//   {"follow": [key, ...]}       feeds to get, where they are agreed upon elsewhere  -> {}
//   {"listen": {}}               -> {"port": 4001}
//   {"dial": {"port": 4001, "blocks": n}}  -> {"first": true} at the first new block, then
//                                            {"blocks": n} at the nth
//   {"hang_up": {}}              -> {}
//
// It ends when its standard input does.

const net = require('net')
const readline = require('readline')

const systems = { multifeed6: './multifeed6/system', hypercore11: './hypercore11/system' }
const system = require(systems[process.argv[2]])(received)
const sockets = new Set()
let wanted = 0
let got = 0

function say(answer) {
  process.stdout.write(JSON.stringify(answer) + '\n')
}

function received() {
  got++
  if (got === 1) say({ first: true })
  if (got === wanted) say({ blocks: got })
}

function replicate(isInitiator, socket) {
  socket.setNoDelay(true)
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(socket))
  system.replicate(isInitiator, socket)
}

const commands = {
  async fill({ name, feeds, blocks, bytes }) {
    return { keys: await system.fill(name, feeds, contents(blocks, bytes)) }
  },
  async follow(keys) {
    await system.follow(keys)
    return {}
  },
  listen() {
    return new Promise((resolve) => {
      const server = net.createServer((socket) => replicate(false, socket))
      server.listen(0, '127.0.0.1', () => resolve({ port: server.address().port }))
    })
  },
  dial({ port, blocks }) {
    wanted = blocks
    got = 0
    replicate(true, net.connect(port, '127.0.0.1'))
    return null
  },
  hang_up() {
    for (const socket of sockets) socket.destroy()
    return {}
  }
}

function contents(blocks, bytes) {
  return Array.from({ length: blocks }, (_, index) => Buffer.alloc(bytes, 'block ' + index + ' '))
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [[name, order]] = Object.entries(JSON.parse(line))
    const answer = await commands[name](order)
    if (answer) say(answer)
  }
  await system.close()
  process.exit(0)
}

main()
