// hypercore: hashes, manifests, signed heads, proofs, and the messages of its channel.
// What each field means: ../README.md.

const c = require('compact-encoding')
const crypto = require('hypercore-crypto')
const fs = require('fs')
const os = require('os')
const path = require('path')
const Hypercore = require('hypercore')
const caps = require('hypercore/lib/caps')
const { manifest: manifestEncoding, multiSignature, wire } = require('hypercore/lib/messages')
const { hex, seed, write } = require('./vectors')

const SEED = seed(7)
const NAMESPACE = Buffer.from('multifeed golden namespace 0001.')
const LENGTHS = [1, 2, 3, 5, 8, 13, 100]

const node = ({ index, size, hash }) => ({ index, byte_length: size, hash: hex(hash) })
const nodes = (list) => list.map(node)

// Blocks of many lengths, 0 among them.
function block(index) {
  return Buffer.alloc((index * 37) % 101, 'block ' + index + ' ')
}

function hashes() {
  const blocks = [0, 1, 2, 127, 128, 129, 1000].map((size) => Buffer.alloc(size, 'leaf'))
  const leaves = blocks.map((value, i) => ({
    index: 2 * i,
    size: value.byteLength,
    hash: crypto.data(value)
  }))
  const [a, b, d] = leaves
  const parent = { index: 1, size: a.size + b.size, hash: crypto.parent(a, b) }
  return {
    leaves: blocks.map((value, i) => ({ block: hex(value), hash: hex(leaves[i].hash) })),
    parents: [{ left: node(a), right: node(b), parent: node(parent) }],
    trees: [[], [a], [parent, d]].map((roots) => ({
      roots: nodes(roots),
      hash: hex(crypto.tree(roots))
    })),
    namespaces: [
      ['hypercore', 0],
      ['hypercore', 4],
      ['hyperswarm/secret-stream', 1]
    ].map(([name, index]) => ({ name, index, hash: hex(crypto.namespace(name, [index])[0]) })),
    discovery_keys: [seed(7)].map((key) => ({
      key: hex(key),
      hash: hex(crypto.discoveryKey(key))
    })),
    capabilities: [
      {
        handshake_hash: hex(Buffer.alloc(64, 9)),
        key: hex(seed(7)),
        initiator: hex(caps.replicate(true, seed(7), Buffer.alloc(64, 9))),
        responder: hex(caps.replicate(false, seed(7), Buffer.alloc(64, 9)))
      }
    ]
  }
}

async function head(core) {
  const { upgrade } = await core.proof({ upgrade: { start: 0, length: core.length } })
  const treeHash = await core.treeHash()
  const compat = core.core.compat
  return {
    length: core.length,
    byte_length: core.byteLength,
    fork: core.fork,
    roots: nodes(upgrade.nodes),
    tree_hash: hex(treeHash),
    signable: hex(
      compat
        ? caps.treeSignableCompat(treeHash, core.length, core.fork, false)
        : caps.treeSignable(core.key, treeHash, core.length, core.fork)
    ),
    signature: hex(
      compat ? upgrade.signature : c.decode(multiSignature, upgrade.signature).proofs[0].signature
    ),
    wire_signature: hex(upgrade.signature)
  }
}

// Requests as a replicator makes them, `nodes` being how many levels the asker lacks. No seeks:
// `Hypercore.proof` closes its reader before a seek has walked the tree, and throws.
const REQUESTS = [
  ['the head from nothing', { upgrade: { start: 0, length: 13 }, manifest: true }],
  [
    'a block, and the head from nothing',
    { block: { index: 4, nodes: 0 }, upgrade: { start: 0, length: 13 } }
  ],
  ['a block under a known root', { block: { index: 4, nodes: 3 } }],
  ['a block whose parent is known', { block: { index: 5, nodes: 1 } }],
  ['the last block, which is a root', { block: { index: 12, nodes: 0 } }],
  ['an upgrade', { upgrade: { start: 5, length: 8 } }],
  ['an upgrade short of the head', { upgrade: { start: 2, length: 6 } }],
  [
    'a new block with the upgrade',
    { block: { index: 12, nodes: 0 }, upgrade: { start: 8, length: 5 } }
  ],
  [
    'a known block with an upgrade',
    { block: { index: 1, nodes: 0 }, upgrade: { start: 8, length: 5 } }
  ],
  ['a hash', { hash: { index: 9, nodes: 2 } }]
]

async function proofs(core) {
  const list = []
  for (const [name, request] of REQUESTS) {
    const all = {
      block: null,
      hash: null,
      seek: null,
      upgrade: null,
      priority: 0,
      manifest: false,
      ...request
    }
    const proof = await core.proof(all)
    // A replicator keeps an old feed's manifest to itself.
    const manifest = request.manifest && !core.core.compat ? core.manifest : null
    const data = { request: 1, ...proof, manifest }
    list.push({
      name,
      request: hex(c.encode(wire.request, { id: 1, fork: core.fork, ...all })),
      data: hex(c.encode(wire.data, data)),
      fork: proof.fork,
      block: proof.block && {
        index: proof.block.index,
        value: hex(proof.block.value),
        nodes: nodes(proof.block.nodes)
      },
      hash: proof.hash && { index: proof.hash.index, nodes: nodes(proof.hash.nodes) },
      seek: proof.seek && { bytes: proof.seek.bytes, nodes: nodes(proof.seek.nodes) },
      upgrade: proof.upgrade && {
        start: proof.upgrade.start,
        length: proof.upgrade.length,
        nodes: nodes(proof.upgrade.nodes),
        additional_nodes: nodes(proof.upgrade.additionalNodes),
        signature: hex(proof.upgrade.signature)
      },
      manifest: manifest && hex(c.encode(manifestEncoding, manifest))
    })
  }
  return list
}

async function feed(name, options) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'golden-'))
  const keyPair = crypto.keyPair(SEED)
  const core = new Hypercore(dir, { keyPair, ...options(keyPair) })
  await core.ready()
  const compat = core.core.compat
  const vector = {
    name,
    compat,
    seed: hex(SEED),
    public_key: hex(keyPair.publicKey),
    namespace: compat ? null : hex(core.manifest.signers[0].namespace),
    manifest: compat ? null : hex(c.encode(manifestEncoding, core.manifest)),
    key: hex(core.key),
    discovery_key: hex(core.discoveryKey),
    blocks: [],
    heads: [],
    proofs: []
  }
  for (const length of LENGTHS) {
    while (core.length < length) {
      vector.blocks.push(hex(block(core.length)))
      await core.append(block(core.length))
    }
    vector.heads.push(await head(core))
    if (length === 13) vector.proofs = await proofs(core)
  }
  await core.truncate(8, { fork: 1 })
  vector.truncated = await head(core)
  await core.close()
  fs.rmSync(dir, { recursive: true })
  return vector
}

// The messages of the channel, but for request and data, which stand beside the proofs.
function messages() {
  const list = []
  const add = (type, message) => {
    const value = {}
    for (const [key, field] of Object.entries(message)) {
      value[key] = Buffer.isBuffer(field)
        ? hex(field)
        : field instanceof Uint32Array
          ? [...field]
          : field
    }
    list.push({ type, value, bytes: hex(c.encode(wire[type], message)) })
  }
  add('handshake', { seeks: true, capability: seed(5) })
  const sync = { fork: 0, length: 0, remoteLength: 0 }
  const off = {
    canUpgrade: false,
    uploading: false,
    downloading: false,
    hasManifest: false,
    allowPush: false
  }
  add('sync', { ...sync, ...off })
  for (const flag of Object.keys(off))
    add('sync', { fork: 1, length: 300, remoteLength: 70000, ...off, [flag]: true })
  add('cancel', { request: 300 })
  add('noData', { request: 3, reason: 0 })
  add('noData', { request: 3, reason: 1 })
  for (const type of ['want', 'unwant']) {
    add(type, { start: 0, length: 2 ** 21, any: false })
    add(type, { start: 2 ** 21, length: 1, any: true })
  }
  add('bitfield', { start: 32768, bitfield: new Uint32Array([0xffffffff, 1, 0, 0x80000000]) })
  add('range', { drop: false, start: 5, length: 1 })
  add('range', { drop: true, start: 300, length: 1 })
  add('range', { drop: false, start: 0, length: 100000 })
  add('extension', { name: 'ext', message: Buffer.from('raw') })
  return list
}

async function main() {
  const feeds = [
    await feed('default namespace', () => ({})),
    await feed('own namespace', (keyPair) => ({
      manifest: {
        version: 1,
        hash: 'blake2b',
        allowPatch: false,
        quorum: 1,
        signers: [{ signature: 'ed25519', namespace: NAMESPACE, publicKey: keyPair.publicKey }]
      }
    })),
    await feed('compat', () => ({ compat: true }))
  ]
  const packages = ['hypercore', 'hypercore-crypto', 'compact-encoding']
  write('hypercore.json', __filename, packages, { ...hashes(), messages: messages(), feeds })
}

main()
