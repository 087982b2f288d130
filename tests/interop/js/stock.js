// A peer of the JavaScript stack as its users write it: it replicates a core of ours and one of its
// own with a node, over plain TCP, and prints the key of its own and the blocks of ours.
//
//   node stock.js <folder> <key> <length> <port>

const net = require('net')
const Corestore = require('corestore')
const NoiseSecretStream = require('@hyperswarm/secret-stream')

const [folder, key, length, port] = process.argv.slice(2)

async function main() {
  const store = new Corestore(folder)
  const own = store.get({ name: 'own' })
  await own.append(['written', 'in', 'javascript'])
  console.log(own.key.toString('hex'))
  const theirs = store.get({ key: Buffer.from(key, 'hex') })
  await theirs.ready()
  const stream = new NoiseSecretStream(true, net.connect(Number(port), '127.0.0.1'))
  stream.on('error', (error) => console.error(error))
  store.replicate(stream)
  for (let index = 0; index < Number(length); index++) {
    console.log((await theirs.get(index)).toString())
  }
}

main()
