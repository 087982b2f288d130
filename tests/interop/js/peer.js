// A peer that speaks `multifeed/1`, written from PROTOCOL.md: it writes feeds, reads those of
// others, and passes them on.
//
//   node peer.js <group key, in hex>

const assert = require('assert')
const { blocks, connections, listenTo, packages, until } = require('../commands')
const { Group } = require('./feed')
const MemberStream = require('./secure')
const Session = require('./session')
const crypto = packages('hypercore-crypto')

const group = new Group(Buffer.from(process.argv[2], 'hex'))

const stateOf = (feed) => ({
  key: feed.key.toString('hex'),
  length: feed.length,
  hash: feed.treeHash().toString('hex')
})

listenTo({
  ...connections((isInitiator, socket) => {
    const stream = new MemberStream(group.handshakeKey, isInitiator, socket, { keepAlive: 5000 })
    new Session(group, stream)
  }),
  // Appends to the feed of an author, which is its secret in full.
  append({ seed, count, sizes }) {
    const { publicKey, secretKey } = crypto.keyPair(Buffer.alloc(32, seed))
    const feed = group.feed(publicKey)
    feed.append(blocks(seed, feed.length, count, sizes), secretKey)
    group.grown()
    return stateOf(feed)
  },
  // Waits until so many blocks are here, and compares every byte.
  async have({ key, length, seed, sizes }) {
    await until(() => group.feeds.get(key)?.length >= length)
    const feed = group.feeds.get(key)
    assert.deepStrictEqual(feed.blocks, blocks(seed, 0, feed.length, sizes))
    return stateOf(feed)
  },
  feeds: () => ({ feeds: [...group.feeds.keys()] }),
  destroy: () => group.sessions.forEach(({ stream }) => stream.destroy())
})
