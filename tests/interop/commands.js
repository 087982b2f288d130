// Shared by the peers of this folder: they execute commands, a line of JSON each, and answer each
// with a line. Blocks are made of their index and a seed, so that both sides know every byte of
// them.

const net = require('net')
const path = require('path')
const readline = require('readline')
const { createRequire } = require('module')

exports.packages = createRequire(path.join(__dirname, '../golden/generate/package.json'))

exports.block = function block(seed, index, sizes) {
  const value = Buffer.alloc(sizes[index % sizes.length])
  for (let i = 0, byte = seed + index * 31; i < value.length; i++, byte += 7) value[i] = byte
  return value
}

exports.blocks = function blocks(seed, first, count, sizes) {
  return Array.from({ length: count }, (_, i) => exports.block(seed, first + i, sizes))
}

exports.until = async function until(what) {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 10))
}

// Commands that make connections; `join(isInitiator, socket)` takes each of them.
exports.connections = (join) => ({
  listen: () =>
    new Promise((resolve) => {
      const server = net.createServer((socket) => {
        server.close()
        join(false, socket)
      })
      server.listen(0, '127.0.0.1', () => resolve({ port: server.address().port }))
    }),
  connect: ({ port }) =>
    new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve({}))
      join(true, socket)
    })
})

exports.listenTo = function listenTo(commands) {
  readline
    .createInterface({ input: process.stdin })
    .on('line', async (line) => {
      const { id, command, ...options } = JSON.parse(line)
      try {
        console.log(JSON.stringify({ id, ...(await commands[command](options)) }))
      } catch (error) {
        console.log(JSON.stringify({ id, error: error.stack }))
      }
    })
    .on('close', () => process.exit(0))
}
