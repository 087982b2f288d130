// A peer of the JavaScript stack that does what it is told, a line of JSON at a time, and answers
// each with a line.
//
//   node hypercore.js 10|11 <folder>
//
// All cores of version 11 share the folder; those of version 10 are in memory.
//
// Blocks are made of their index and a seed, so that both sides know every byte of them.

const net = require('net')
const path = require('path')
const readline = require('readline')
const { createRequire } = require('module')
const packages = createRequire(path.join(__dirname, '../golden/generate/package.json'))
const crypto = packages('hypercore-crypto')

const [version, folder] = process.argv.slice(2)
const isOld = version === '10'
const Hypercore = packages(isOld ? 'hypercore10' : 'hypercore')
const RAM = packages('random-access-memory')

const storage = isOld ? RAM : Hypercore.defaultStorage(folder)
const cores = new Map()
let socket = null
let stream = null

function block(seed, index, sizes) {
  const value = Buffer.alloc(sizes[index % sizes.length])
  for (let i = 0, byte = seed + index * 31; i < value.length; i++, byte += 7) value[i] = byte
  return value
}

function manifest(namespace, publicKey) {
  const signer = { signature: 'ed25519', publicKey }
  if (namespace) signer.namespace = Buffer.from(namespace, 'hex')
  return { version: 1, hash: 'blake2b', allowPatch: false, quorum: 1, signers: [signer] }
}

const tree = async (core) => ({
  key: core.key.toString('hex'),
  length: core.length,
  fork: core.fork,
  hash: (await core.treeHash()).toString('hex')
})

function join(isInitiator, raw) {
  socket = raw
  socket.on('error', () => {})
  stream = Hypercore.createProtocolStream(isInitiator)
  stream.on('error', () => {})
  stream.pipe(socket).pipe(stream)
  stream.on('close', () => raw.destroy())
  for (const core of cores.values()) core.replicate(stream)
}

async function check(core, seed, sizes, start, end) {
  for (let i = start; i < end; i++) {
    const value = await core.get(i)
    if (!value.equals(block(seed, i, sizes))) throw new Error('block ' + i)
  }
}

async function until(what) {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 10))
}

const commands = {
  // A core of our own of a kind, or a reader of a key.
  async core({ name, key, kind, namespace, seed, number = 0, other }) {
    const secret = Buffer.alloc(32, seed)
    secret.writeUInt32LE(number, 28)
    const keyPair = key ? null : crypto.keyPair(secret)
    const options = { keyPair }
    if (kind === 'compat') {
      options.compat = true
      key = keyPair.publicKey.toString('hex')
    } else if (!key) {
      options.compat = false
      options.manifest = Object.assign(manifest(namespace, keyPair.publicKey), other)
      key = Hypercore.key(options.manifest).toString('hex')
    }
    const core = new Hypercore(storage, Buffer.from(key, 'hex'), options)
    await core.ready()
    cores.set(name, core)
    if (stream) core.replicate(stream)
    return tree(core)
  },
  async append({ name, seed, count, sizes }) {
    const core = cores.get(name)
    const first = core.length
    const blocks = Array.from({ length: count }, (_, i) => block(seed, first + i, sizes))
    for (let i = 0; i < count; i += 500) await core.append(blocks.slice(i, i + 500))
    return tree(core)
  },
  async truncate({ name, length }) {
    const core = cores.get(name)
    await core.truncate(length)
    return tree(core)
  },
  // Waits until a length is here, downloads all of it, and compares every byte.
  async download({ name, length, seed, sizes, from = 0 }) {
    const core = cores.get(name)
    core.download({ start: 0, end: length })
    await until(() => core.length >= length)
    await check(core, seed, sizes, from, length)
    return tree(core)
  },
  async get({ name, indices, seed, sizes }) {
    const core = cores.get(name)
    for (const i of indices) await check(core, seed, sizes, i, i + 1)
    return tree(core)
  },
  async seek({ name, bytes }) {
    return { found: await cores.get(name).seek(bytes) }
  },
  tree: ({ name }) => tree(cores.get(name)),
  listen: () =>
    new Promise((resolve) => {
      const server = net.createServer((raw) => {
        server.close()
        join(false, raw)
      })
      server.listen(0, '127.0.0.1', () => resolve({ port: server.address().port }))
    }),
  connect: ({ port }) =>
    new Promise((resolve) => {
      const raw = net.connect(port, '127.0.0.1', () => resolve({}))
      join(true, raw)
    }),
  async destroy() {
    socket.destroy()
    stream = null
    return {}
  }
}

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
