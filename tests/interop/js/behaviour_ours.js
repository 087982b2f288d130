// Our node: the program `stock_node` of this crate, named by the environment variable STOCK_NODE.

const { spawn } = require('child_process')
const net = require('net')
const readline = require('readline')

exports.sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
exports.hex = (key) => Buffer.from(key).toString('hex')

// Joins a stream of hypercore with a socket to the node.
exports.pipe = function pipe(node, stream) {
  const socket = net.connect(node.port, '127.0.0.1')
  socket.setNoDelay(true)
  socket.on('error', () => {})
  stream.on('error', () => {})
  stream.pipe(socket).pipe(stream)
  socket.on('close', () => stream.destroy())
  stream.on('close', () => socket.destroy())
}

// Waits until a node holds this many blocks of a feed, and returns how many it holds.
exports.lengthOf = async function lengthOf(node, key, length, ms = 20000) {
  const end = Date.now() + ms
  let held = await node.length(key)
  while (held < length && Date.now() < end) {
    await exports.sleep(20)
    held = await node.length(key)
  }
  return held
}

exports.Ours = class Ours {
  constructor(channels) {
    const program = process.env.STOCK_NODE
    this.child = spawn(program, [JSON.stringify({ channels })], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    this.answers = []
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.answers.shift()(JSON.parse(line))
    })
  }

  async open() {
    this.port = (await this._answer()).port
    return this
  }

  _answer() {
    return new Promise((resolve) => this.answers.push(resolve))
  }

  tell(command, options = {}) {
    this.child.stdin.write(JSON.stringify({ command, ...options }) + '\n')
    return this._answer()
  }

  adopt(key) {
    return this.tell('adopt', { key: exports.hex(key) })
  }

  async length(key) {
    return (await this.tell('length', { key: exports.hex(key) })).length
  }

  async ends() {
    return (await this.tell('ends')).ends
  }

  close() {
    this.child.kill()
  }
}
