// What stock peers do as a matter of course, against our node or against a stock corestore.
//
//   node behaviour.js ours|control [CASE...]
//
// Prints a line of JSON for each case: its name, the wanted and the seen result.

const fs = require('fs')
const net = require('net')
const os = require('os')
const path = require('path')
const { isDeepStrictEqual } = require('util')
const Hypercore = require('hypercore')
const Corestore = require('corestore')
const NoiseSecretStream = require('@hyperswarm/secret-stream')
const c = require('compact-encoding')
const { Ours, hex, lengthOf, pipe, sleep } = require('./behaviour_ours')
const { Control } = require('./behaviour_control')

const [role, ...chosen] = process.argv.slice(2)
const isControl = role === 'control'
const CASE_MS_MAX = 60000

const folder = () => fs.mkdtempSync(path.join(os.tmpdir(), 'behaviour-'))
const open = (channels = 4096) => (isControl ? new Control() : new Ours(channels)).open()
const within = (promise, ms) => Promise.race([promise, sleep(ms).then(() => 'never')])
const values = (name, count) => Array.from({ length: count }, (_, i) => name + i)

function watched(stream) {
  stream.isClosed = false
  stream.on('close', () => (stream.isClosed = true))
  return stream
}

const stateOf = (stream) => (stream.isClosed ? 'closed' : 'open')

// Replicates a store or a core with the node.
function attach(source, node, options) {
  const stream = watched(source.replicate(true, options))
  pipe(node, stream)
  return stream
}

// A secret stream to the node without any channel.
function dial(node) {
  const socket = net.connect(node.port, '127.0.0.1')
  socket.on('error', () => {})
  const stream = watched(new NoiseSecretStream(true, socket))
  stream.on('error', () => {})
  stream.setKeepAlive(3000)
  return stream
}

async function core(key) {
  const core = new Hypercore(folder(), key)
  await core.ready()
  return core
}

async function written(count) {
  const own = await core()
  await own.append(values('b', count))
  return own
}

// A corestore with cores of one block each.
async function storeOf(count) {
  const store = new Corestore(folder())
  await store.ready()
  const cores = []
  for (let i = 0; i < count; i++) {
    const core = store.get({ name: 'c' + i })
    await core.ready()
    await core.append('block 0')
    cores.push(core)
  }
  return { store, cores }
}

// Reads some blocks of a core into another one, and ends the connection.
async function copy(from, to, read) {
  const [one, two] = [from.replicate(true), to.replicate(false)]
  one.on('error', () => {})
  two.on('error', () => {})
  one.pipe(two).pipe(one)
  await read(to)
  one.destroy()
  two.destroy()
  await sleep(100)
}

// A feed of our node with this many blocks.
async function writtenByNode(node, seed, count) {
  return (await node.tell('write', { seed, blocks: values('n', count) })).key
}

const cases = {
  // 16 adopted cores, then a channel of another protocol.
  otherProtocol: {
    wanted: 'open',
    async run() {
      const node = await open()
      const { store, cores } = await storeOf(16)
      for (const core of cores) await node.adopt(core.key)
      const stream = attach(store, node)
      await lengthOf(node, cores[15].key, 1)
      const mux = stream.noiseStream.userData
      mux.createChannel({ protocol: 'app/rpc', messages: [{ encoding: c.raw }] }).open()
      await sleep(1000)
      return stateOf(stream)
    }
  },
  // More cores are open than the node knows.
  unknownCores: {
    wanted: [
      [1, 'open'],
      [1, 'open'],
      [1, 'open']
    ],
    async run() {
      const seen = []
      for (const count of [32, 33, 500]) {
        const node = await open(16)
        const { store, cores } = await storeOf(count)
        await node.adopt(cores[0].key)
        const stream = attach(store, node)
        seen.push([await lengthOf(node, cores[0].key, 1, 10000), stateOf(stream)])
      }
      return seen
    }
  },
  // Unknown cores are opened and closed one after another.
  rejectedInTurn: {
    wanted: 'open',
    async run() {
      const node = await open(16)
      const { store, cores } = await storeOf(1)
      await node.adopt(cores[0].key)
      const stream = attach(store, node)
      await lengthOf(node, cores[0].key, 1)
      for (let i = 0; i < 40; i++) {
        const core = store.get({ name: 'x' + i })
        await core.ready()
        await sleep(30)
        await core.close()
        await sleep(10)
      }
      return stateOf(stream)
    }
  },
  // One adopted core more than the node has channels.
  overTheLimit: {
    wanted: 'at least 16, open',
    async run() {
      const node = await open(16)
      const { store, cores } = await storeOf(17)
      for (const core of cores) await node.adopt(core.key)
      const stream = attach(store, node)
      await sleep(2500)
      let held = 0
      for (const core of cores) held += await node.length(core.key)
      return (held >= 16 ? 'at least 16, ' : held + ', ') + stateOf(stream)
    }
  },
  // The last channel of a connection older than the handshake deadline is closed.
  lastChannel: {
    wanted: 'open',
    async run() {
      const node = await open()
      const own = await written(1)
      await node.adopt(own.key)
      const stream = dial(node)
      own.replicate(stream)
      await lengthOf(node, own.key, 1)
      await sleep(11000)
      await own.close()
      await sleep(1500)
      return stateOf(stream)
    }
  },
  // The first channel is opened after the handshake deadline.
  lateChannel: {
    wanted: [1, 'open'],
    async run() {
      const node = await open()
      const own = await written(1)
      await node.adopt(own.key)
      const stream = dial(node)
      await sleep(11500)
      own.replicate(stream)
      return [await lengthOf(node, own.key, 1, 5000), stateOf(stream)]
    }
  },
  // 17 readers at once.
  crowded: {
    isOfNode: true,
    wanted: 17,
    async run() {
      const node = await open()
      const key = await writtenByNode(node, 3, 5)
      const streams = []
      for (let i = 0; i < 17; i++) {
        const reader = await core(Buffer.from(key, 'hex'))
        const stream = dial(node)
        reader.replicate(stream)
        await within(reader.get(4), 5000)
        streams.push(stream)
      }
      await sleep(500)
      return streams.filter((stream) => !stream.isClosed).length
    }
  },
  // 16 dialled stock peers, then a member.
  dialled: {
    isOfNode: true,
    wanted: 1,
    async run() {
      const [node, member] = [await open(), await open()]
      const key = await writtenByNode(member, 8, 1)
      const own = await written(1)
      await node.adopt(own.key)
      for (let i = 0; i < 16; i++) {
        const server = net.createServer((socket) => {
          socket.on('error', () => {})
          const stream = new NoiseSecretStream(false, socket)
          stream.on('error', () => {})
          own.replicate(stream)
        })
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
        await node.tell('dial', { addr: '127.0.0.1:' + server.address().port })
      }
      await sleep(2000)
      await node.tell('dial', { addr: '127.0.0.1:' + member.port })
      return lengthOf(node, Buffer.from(key, 'hex'), 1, 8000)
    }
  },
  // A holder has every other block below our length, and all that we lack.
  runs: {
    wanted: [400, 400],
    async run() {
      const seen = []
      for (const pieces of [64, 150]) {
        const node = await open()
        const own = await written(300)
        await node.adopt(own.key)
        const stream = attach(own, node)
        await lengthOf(node, own.key, 300)
        stream.destroy()
        await sleep(200)
        await own.append(values('c', 100))
        const holder = await core(own.key)
        await copy(own, holder, async () => {
          for (let i = 0; i < pieces; i++) await holder.get(2 * i)
          await holder.download({ start: 300, end: 400 }).done()
        })
        attach(holder, node)
        seen.push(await lengthOf(node, own.key, 400, 8000))
      }
      return seen
    }
  },
  // Two holders have every other block each.
  alternate: {
    wanted: 400,
    async run() {
      const node = await open()
      const own = await written(400)
      await node.adopt(own.key)
      for (const parity of [0, 1]) {
        const holder = await core(own.key)
        await copy(own, holder, async () => {
          for (let i = parity; i < 400; i += 2) await holder.get(i)
        })
        attach(holder, node)
      }
      return lengthOf(node, own.key, 400, 20000)
    }
  },
  // A block is cleared at the only holder: the status says what is missing.
  hole: {
    isOfNode: true,
    wanted: { have: 40, want: 100, stock: 1 },
    async run() {
      const node = await open()
      const own = await written(100)
      await own.clear(40)
      await node.adopt(own.key)
      attach(own, node)
      await lengthOf(node, own.key, 40)
      await sleep(500)
      return node.tell('status')
    }
  },
  // A reader behind the node requests the manifest of an empty core.
  emptyManifest: {
    wanted: true,
    async run() {
      const node = await open()
      const own = await core()
      await node.adopt(own.key)
      attach(own, node)
      const reader = await core(own.key)
      attach(reader, node)
      await sleep(2000)
      return !!reader.manifest
    }
  },
  // Nothing is sent for longer than a member may be silent.
  noKeepAlive: {
    wanted: 'open',
    async run() {
      const node = await open()
      const own = await written(1)
      await node.adopt(own.key)
      const stream = attach(own, node, { keepAlive: false })
      await sleep(17000)
      return stateOf(stream)
    }
  }
}

async function main() {
  for (const [name, { wanted, isOfNode, run }] of Object.entries(cases)) {
    if ((isControl && isOfNode) || (chosen.length > 0 && !chosen.includes(name))) continue
    const failed = (error) => ({ error: error.message })
    const seen = await within(run().catch(failed), CASE_MS_MAX)
    const isWanted = isDeepStrictEqual(seen, wanted)
    console.log(JSON.stringify({ name, isWanted, wanted, seen }))
  }
  process.exit(0)
}

main()
