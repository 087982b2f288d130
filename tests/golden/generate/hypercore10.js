// hypercore 10: the messages of its channel, and what it answers to requests. The fields are those
// of hypercore.json.

const c = require('compact-encoding')
const crypto = require('hypercore-crypto')
const Hypercore = require('hypercore10')
const RAM = require('random-access-memory')
const { manifest: manifestEncoding, wire } = require('hypercore10/lib/messages')
const { hex, seed, write } = require('./vectors')

const NAMESPACE = Buffer.from('multifeed golden namespace 0001.')
const none = { block: null, hash: null, seek: null, upgrade: null, manifest: false, priority: 0 }

const node = ({ index, size, hash }) => ({ index, byte_length: size, hash: hex(hash) })

const REQUESTS = [
  ['the head from nothing', { upgrade: { start: 0, length: 13 }, manifest: true }],
  ['a block under a known root', { block: { index: 4, nodes: 3 } }],
  [
    'a new block with the upgrade',
    { block: { index: 12, nodes: 0 }, upgrade: { start: 8, length: 5 } }
  ],
  ['a hash', { hash: { index: 9, nodes: 2 } }]
]

async function feed(name, options) {
  const keyPair = crypto.keyPair(seed(7))
  const core = new Hypercore(RAM, { keyPair, ...options(keyPair) })
  await core.ready()
  for (let i = 0; i < 13; i++) await core.append(Buffer.alloc((i * 37) % 101, `block ${i} `))
  const proofs = []
  for (const [name, wanted] of REQUESTS) {
    const request = { id: 1, fork: core.fork, ...none, ...wanted }
    const proof = await core.core.tree.proof(request)
    if (proof.block) proof.block.value = await core.get(proof.block.index)
    const manifest = request.manifest && !core.core.compat ? core.manifest : null
    proofs.push({
      name,
      request: hex(c.encode(wire.request, request)),
      data: hex(c.encode(wire.data, { request: 1, ...proof, manifest })),
      manifest: manifest && hex(c.encode(manifestEncoding, manifest))
    })
  }
  const roots = core.core.tree.roots.map(node)
  return { name, compat: !!core.core.compat, key: hex(core.key), roots, proofs }
}

function messages() {
  const flags = { canUpgrade: true, uploading: true, downloading: false, hasManifest: true }
  const list = [
    ['handshake', { seeks: true, capability: seed(5) }],
    ['sync', { fork: 1, length: 300, remoteLength: 70000, ...flags }],
    ['cancel', { request: 300 }],
    ['noData', { request: 3 }],
    ['want', { start: 0, length: 2 ** 21 }],
    ['unwant', { start: 2 ** 21, length: 1 }],
    ['bitfield', { start: 32768, bitfield: new Uint32Array([0xffffffff, 1]) }],
    ['range', { drop: false, start: 5, length: 1 }],
    ['range', { drop: true, start: 0, length: 100000 }],
    ['extension', { name: 'ext', message: Buffer.from('raw') }]
  ]
  return list.map(([type, message]) => ({ type, bytes: hex(c.encode(wire[type], message)) }))
}

async function main() {
  const feeds = [
    await feed('compat', () => ({ compat: true })),
    await feed('own namespace', ({ publicKey }) => ({
      manifest: {
        version: 1,
        hash: 'blake2b',
        allowPatch: false,
        quorum: 1,
        signers: [{ signature: 'ed25519', namespace: NAMESPACE, publicKey }]
      }
    }))
  ]
  const packages = ['hypercore10', 'hypercore-crypto', 'compact-encoding']
  write('hypercore10.json', __filename, packages, { messages: messages(), feeds })
}

main()
