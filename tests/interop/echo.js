// A peer of the JavaScript stack that sends messages on a channel and wants each of them back.
//
//   node echo.js listen          prints its port, answers one connection
//   node echo.js connect <port>
//
// Ends with code 0 when all came back.

const net = require('net')
const { createRequire } = require('module')
const packages = createRequire(require('path').join(__dirname, '../golden/generate/package.json'))
const NoiseSecretStream = packages('@hyperswarm/secret-stream')
const Protomux = packages('protomux')
const c = packages('compact-encoding')

const COUNT = 500

process.exitCode = 1 // a connection that ends early is no success

const [mode, port] = process.argv.slice(2)

if (mode === 'listen') {
  const server = net.createServer((socket) => speak(false, socket))
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
} else {
  speak(true, net.connect(Number(port), '127.0.0.1'))
}

function speak(isInitiator, socket) {
  const stream = new NoiseSecretStream(isInitiator, socket)
  const mux = new Protomux(stream)
  const messages = [0, 1].map((kind) => ({ encoding: c.raw, onmessage: (m) => check(kind, m) }))
  const channel = mux.createChannel({ protocol: 'echo', id: Buffer.from('id'), messages })
  const sent = []
  let received = 0

  channel.open()
  stream.sendKeepAlive()
  channel.fullyOpened().then(send)
  stream.on('error', fail)

  function send() {
    for (let i = 0; i < COUNT;) {
      // From one message alone to batches of five, from nothing to 200 kB.
      mux.cork()
      for (let j = 0; j <= i % 5 && i < COUNT; j++, i++) {
        const size = i % 50 === 49 ? 4001 * i : (i * 37) % 2000
        const message = Buffer.alloc(size % 200000, 'message ' + i)
        sent.push([i % 2, message])
        channel.messages[i % 2].send(message)
      }
      mux.uncork()
    }
  }

  function check(kind, message) {
    const [expectedKind, expected] = sent[received++]
    if (kind !== expectedKind || !expected.equals(message)) fail(new Error('not ' + received))
    if (received === COUNT) process.exit(0)
  }
}

function fail(error) {
  console.error(error)
  process.exit(1)
}
