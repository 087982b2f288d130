// A peer of the JavaScript stack that executes commands, a line of JSON each, and answers each with
// a line.
//
//   node hypercore.js 10|11 <folder>
//
// All cores of version 11 share the folder; those of version 10 are in memory.

const { block, blocks, connections, listenTo, packages, until } = require('./commands')
const crypto = packages('hypercore-crypto')

const [version, folder] = process.argv.slice(2)
const isOld = version === '10'
const Hypercore = packages(isOld ? 'hypercore10' : 'hypercore')
const RAM = packages('random-access-memory')

const storage = isOld ? RAM : Hypercore.defaultStorage(folder)
const cores = new Map()
let socket = null
let stream = null

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
  const mux = Hypercore.getProtocolMuxer(stream)
  // As a corestore does it: all channels are opened in one frame.
  mux.cork()
  for (const core of cores.values()) core.replicate(stream)
  stream.noiseStream.opened.then(() => mux.uncork())
}

async function check(core, seed, sizes, start, end) {
  for (let i = start; i < end; i++) {
    const value = await core.get(i)
    if (!value.equals(block(seed, i, sizes))) throw new Error('block ' + i)
  }
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
    const values = blocks(seed, core.length, count, sizes)
    for (let i = 0; i < count; i += 500) await core.append(values.slice(i, i + 500))
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
  ...connections(join),
  async destroy() {
    socket.destroy()
    stream = null
    return {}
  }
}

listenTo(commands)
