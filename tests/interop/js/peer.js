// A peer that speaks `multifeed/1`, written from PROTOCOL.md: it writes feeds, reads those of
// others, and passes them on. Of reconciliation it knows how to say that it does not.
//
//   node peer.js <group key, in hex>

const { block, blocks, connections, listenTo, packages, until } = require('../told')
const { Group } = require('./feed')
const Session = require('./session')
const NoiseSecretStream = packages('@hyperswarm/secret-stream')
const crypto = packages('hypercore-crypto')

const KEEP_ALIVE_MS = 5000

const group = new Group(Buffer.from(process.argv[2], 'hex'))
const writers = new Map()
const sessions = new Set()
const sockets = new Set()

group.grown = (feed) => sessions.forEach((session) => session.grown(feed))

function join(isInitiator, socket) {
  const stream = new NoiseSecretStream(isInitiator, socket)
  stream.setKeepAlive(KEEP_ALIVE_MS)
  sockets.add(socket)
  const session = new Session(group, stream, isInitiator, () => sessions.delete(session))
  sessions.add(session)
}

const told = (feed) => ({
  key: feed.key.toString('hex'),
  length: feed.length,
  hash: feed.treeHash().toString('hex')
})

function find(key) {
  return [...group.feeds.values()].find((feed) => feed.key.toString('hex') === key)
}

listenTo({
  ...connections(join),
  writer({ seed }) {
    const { publicKey, secretKey } = crypto.keyPair(Buffer.alloc(32, seed))
    const feed = group.feed(publicKey)
    writers.set(feed.key.toString('hex'), secretKey)
    return told(feed)
  },
  append({ key, seed, count, sizes }) {
    const feed = find(key)
    feed.append(blocks(seed, feed.length, count, sizes), writers.get(key))
    group.grown(feed)
    return told(feed)
  },
  // Waits until so many blocks are here, and compares every byte.
  async have({ key, length, seed, sizes }) {
    await until(() => find(key)?.length >= length)
    const feed = find(key)
    feed.blocks.forEach((value, i) => {
      if (!value.equals(block(seed, i, sizes))) throw new Error('block ' + i)
    })
    return told(feed)
  },
  tree: ({ key }) => told(find(key)),
  feeds: () => ({ feeds: [...group.feeds.values()].map((feed) => told(feed).key) }),
  destroy() {
    for (const socket of sockets) socket.destroy()
    return {}
  }
})
