// PROTOCOL.md, section 4: groups and feeds.

const { packages } = require('../told')
const crypto = packages('hypercore-crypto')
const sodium = packages('sodium-universal')
const Hypercore = packages('hypercore')

function keyed(key, ...parts) {
  const hash = Buffer.alloc(32)
  sodium.crypto_generichash_batch(hash, parts.map((part) => Buffer.from(part)), key)
  return hash
}

const namespace = (name, i) => crypto.hash([crypto.hash(Buffer.from(name)), Buffer.from([i])])

function u64le(value) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

// The largest complete subtrees over `start..end`, left to right, as [first block, blocks].
function cover(start, end) {
  const nodes = []
  for (let blocks; start < end; start += blocks) {
    for (blocks = 1; start % (2 * blocks) === 0 && start + 2 * blocks <= end; ) blocks *= 2
    nodes.push([start, blocks])
  }
  return nodes
}

class Group {
  constructor(key) {
    this.key = key
    this.discoveryKey = keyed(key, 'multifeed/1 channel')
    this.namespace = keyed(key, 'multifeed/1 feeds')
    this.feeds = new Map()
  }

  capability(handshakeHash, isInitiator) {
    return keyed(handshakeHash, namespace('multifeed', isInitiator ? 1 : 2), this.key)
  }

  // The feed of an author; a new one is empty.
  feed(publicKey) {
    const name = publicKey.toString('hex')
    if (!this.feeds.has(name)) this.feeds.set(name, new Feed(this, Buffer.from(publicKey)))
    return this.feeds.get(name)
  }
}

class Feed {
  constructor(group, publicKey) {
    const signer = { signature: 'ed25519', publicKey, namespace: group.namespace }
    this.publicKey = publicKey
    this.key = Hypercore.key({ version: 1, hash: 'blake2b', quorum: 1, signers: [signer] })
    this.blocks = []
    this.nodes = new Map()
    this.head = { length: 0, signature: null }
  }

  get length() {
    return this.blocks.length
  }

  append(values, secretKey) {
    const nodes = this.fold(values, [])
    const length = this.length + values.length
    this.keep(values, nodes, { length, signature: null })
    this.head.signature = crypto.sign(this.signable(this.treeHash(), length), secretKey)
  }

  // The blocks `start..end` with what ties them to the head.
  range(start, end) {
    const right = cover(end, this.head.length).map(([at, count]) => this.node(at, count))
    return { start, blocks: this.blocks.slice(start, end), right, head: this.head }
  }

  // Keeps what is new in a range. Returns whether something was.
  accept({ start, blocks, right, head }) {
    const end = start + blocks.length
    if (start > this.length || end <= this.length) return false
    if (blocks.length === 0 || head.length < end) throw new Error('bad proof')
    const values = blocks.slice(this.length - start).map((value) => Buffer.from(value))
    const places = cover(end, head.length)
    if (places.length !== right.length) throw new Error('bad proof')
    const covers = right.map((node, i) => ({ ...node, at: places[i][0], count: places[i][1] }))
    const nodes = this.fold(values, covers)
    const signable = this.signable(crypto.tree(nodes.roots), head.length)
    if (!crypto.verify(signable, head.signature, this.publicKey)) throw new Error('bad signature')
    this.keep(values, nodes, head)
    return true
  }

  // Hashes blocks behind our own, and nodes behind these: all nodes that come of it, and the roots.
  fold(values, right) {
    const made = []
    const roots = cover(0, this.length).map(([at, count]) => this.node(at, count))
    const push = (node) => {
      made.push({ ...node, index: 2 * node.at + node.count - 1 })
      roots.push(made[made.length - 1])
      const [a, b] = roots.slice(-2)
      if (!b || a.count !== b.count || a.at % (2 * a.count) !== 0) return
      roots.splice(-2)
      push({ at: a.at, count: 2 * a.count, size: a.size + b.size, hash: crypto.parent(a, b) })
    }
    values.forEach((value, i) =>
      push({ at: this.length + i, count: 1, size: value.length, hash: crypto.data(value) })
    )
    right.forEach(push)
    return { made, roots }
  }

  keep(values, { made }, head) {
    for (const node of made) this.nodes.set(node.at + '+' + node.count, node)
    this.blocks.push(...values)
    this.head = head
  }

  node(at, count) {
    return this.nodes.get(at + '+' + count)
  }

  signable(treeHash, length) {
    return Buffer.concat([namespace('hypercore', 0), this.key, treeHash, u64le(length), u64le(0)])
  }

  treeHash() {
    return crypto.tree(cover(0, this.length).map(([at, count]) => this.node(at, count)))
  }
}

module.exports = { Group }
