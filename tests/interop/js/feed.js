// PROTOCOL.md, section 4: groups and feeds.

const { packages } = require('../commands')
const crypto = packages('hypercore-crypto')
const flat = packages('flat-tree')
const sodium = packages('sodium-universal')
const Hypercore = packages('hypercore')
const { treeSignable } = packages('hypercore/lib/caps')

const [, INITIATOR, RESPONDER] = crypto.namespace('multifeed', 3)

function keyed(key, ...parts) {
  const hash = Buffer.alloc(32)
  sodium.crypto_generichash_batch(hash, parts.map((part) => Buffer.from(part)), key)
  return hash
}

// The indices of the largest complete subtrees over the blocks `end..length`, left to right.
function cover(end, length) {
  const isRight = (index) => flat.leftSpan(index) >= 2 * end
  return flat.patch(2 * end, 2 * length).filter(isRight)
}

class Group {
  constructor(key) {
    this.key = key
    this.channel = { protocol: 'multifeed/1', id: keyed(key, 'multifeed/1 channel') }
    this.handshakeKey = keyed(key, 'multifeed/1 handshake')
    this.namespace = keyed(key, 'multifeed/1 feeds')
    this.feeds = new Map() // by their keys, in hex
    this.sessions = new Set()
  }

  capability(handshakeHash, isInitiator) {
    return keyed(handshakeHash, isInitiator ? INITIATOR : RESPONDER, this.key)
  }

  // The feed of an author; a new one is empty.
  feed(publicKey) {
    const signer = { signature: 'ed25519', publicKey, namespace: this.namespace }
    const key = Hypercore.key({ version: 1, hash: 'blake2b', quorum: 1, signers: [signer] })
    const name = key.toString('hex')
    if (!this.feeds.has(name)) this.feeds.set(name, new Feed(key, publicKey))
    return this.feeds.get(name)
  }

  grown() {
    for (const session of this.sessions) session.scheduleFlush()
  }
}

class Feed {
  constructor(key, publicKey) {
    this.key = key
    this.publicKey = publicKey
    this.blocks = []
    this.nodes = new Map() // by their indices
    this.head = { length: 0, signature: null }
  }

  get length() {
    return this.blocks.length
  }

  append(values, secretKey) {
    const length = this.length + values.length
    const signable = this.signable(length, this.leaves(this.length, values))
    const head = { length, signature: crypto.sign(signable, secretKey) }
    this.accept(this.length, values, [], head)
  }

  // What ties blocks that end here to the head.
  right(end) {
    return cover(end, this.head.length).map((index) => this.node(index))
  }

  // Keeps what is new in a range.
  accept(start, blocks, right, head) {
    const end = start + blocks.length
    if (start > this.length || end <= this.length) return
    const indices = cover(end, head.length)
    if (head.length < end || indices.length !== right.length) throw new Error('bad proof')
    const nodes = this.leaves(start, blocks)
    indices.forEach((index, i) => nodes.set(index, { index, ...right[i] }))
    const signable = this.signable(head.length, nodes)
    if (!crypto.verify(signable, head.signature, this.publicKey)) throw new Error('bad signature')
    for (const [index, node] of nodes) this.nodes.set(index, node)
    this.blocks.push(...blocks.slice(this.length - start))
    this.head = head
  }

  leaves(start, values) {
    const leaf = (index, value) => ({ index, size: value.length, hash: crypto.data(value) })
    return new Map(values.map((value, i) => [2 * (start + i), leaf(2 * (start + i), value)]))
  }

  // A node that is held, or that follows from new ones, which it is put to.
  node(index, nodes = this.nodes) {
    const known = this.nodes.get(index) ?? nodes.get(index)
    if (known) return known
    const [a, b] = flat.children(index).map((child) => this.node(child, nodes))
    const node = { index, size: a.size + b.size, hash: crypto.parent(a, b) }
    nodes.set(index, node)
    return node
  }

  treeHash(length = this.length, nodes = this.nodes) {
    return crypto.tree(flat.fullRoots(2 * length).map((index) => this.node(index, nodes)))
  }

  signable(length, nodes) {
    return treeSignable(this.key, this.treeHash(length, nodes), length, 0)
  }
}

module.exports = { Group }
