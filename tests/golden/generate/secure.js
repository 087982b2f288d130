// @hyperswarm/secret-stream: one whole session, with every secret and every byte.
//
// Each side draws its secrets from a ChaCha20 keystream under a seed, as the Rust `Chance` does:
// first the seed of the ephemeral key, later the header of the stream.

const { createCipheriv } = require('crypto')
const { Duplex } = require('streamx')
const sodium = require('sodium-universal')
const curve = require('noise-curve-ed')
const secretstream = require('sodium-secretstream')
const { hex, seed, write } = require('./vectors')

let opening = null // the stream whose cipher is being set up

secretstream.Push = class extends secretstream.Push {
  constructor(key, state, header) {
    super(key, state, header)
    // libsodium chose a random header; the receiving end's start with ours gives the same state.
    header.set((opening.header = opening.chance.subarray(32, 56)))
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(this.state, header, key)
  }
}

const NoiseSecretStream = require('@hyperswarm/secret-stream')

const transcript = []

class End extends Duplex {
  constructor(name) {
    super()
    this.name = name
    this.remote = null
  }

  _write(data, done) {
    transcript.push({ from: this.name, bytes: hex(data) })
    this.remote.push(Buffer.from(data))
    done(null)
  }
}

class Side extends NoiseSecretStream {
  static start(name, isInitiator, raw, keySeed, chanceSeed) {
    const side = new Side(isInitiator, raw, { keyPair: NoiseSecretStream.keyPair(keySeed) })
    side.name = name
    side.keySeed = keySeed
    side.chanceSeed = chanceSeed
    side.chance = createCipheriv('chacha20', chanceSeed, Buffer.alloc(16)).update(Buffer.alloc(56))
    side.ephemeral = side.chance.subarray(0, 32)
    side._handshake.noise.e = curve.generateKeyPair(side.ephemeral)
    return side
  }

  _setupSecretStream(tx, rx, hash, publicKey, remotePublicKey) {
    opening = this
    this.sendKey = Buffer.from(tx)
    super._setupSecretStream(tx, rx, hash, publicKey, remotePublicKey)
  }

  toVector() {
    return {
      seed: hex(this.keySeed),
      public_key: hex(this.publicKey),
      chance: hex(this.chanceSeed),
      ephemeral_seed: hex(this.ephemeral),
      send_key: hex(this.sendKey),
      stream_id: hex(NoiseSecretStream.id(this.handshakeHash, this.isInitiator)),
      header: hex(this.header)
    }
  }
}

async function main() {
  const one = new End('initiator')
  const two = new End('responder')
  one.remote = two
  two.remote = one
  const initiator = Side.start('initiator', true, one, seed(1), seed(3))
  const responder = Side.start('responder', false, two, seed(2), seed(4))
  await Promise.all([initiator.opened, responder.opened])
  // The responder's stream header is the last of the opening.
  while (transcript.length < 5) await pause()

  const script = [
    [initiator, Buffer.from('hello')],
    [responder, Buffer.from('hello yourself')],
    [initiator, Buffer.alloc(0)],
    [responder, Buffer.alloc(1000, 0xab)],
    [initiator, Buffer.alloc(300, 0xcd)],
    [responder, Buffer.alloc(0)]
  ]
  for (const [from, message] of script) {
    const to = from === initiator ? responder : initiator
    const received = new Promise((resolve) => to.once('data', resolve))
    from.write(message)
    if (!message.equals(await received)) throw new Error('another message arrived')
    transcript[transcript.length - 1].message = hex(message)
  }

  const packages = ['@hyperswarm/secret-stream', 'noise-handshake', 'noise-curve-ed']
  write('secure.json', __filename, packages, {
    initiator: initiator.toVector(),
    responder: responder.toVector(),
    handshake_hash: hex(initiator.handshakeHash),
    transcript
  })
  process.exit(0)
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

main()
