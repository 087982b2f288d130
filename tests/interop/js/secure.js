// PROTOCOL.md, section 2: the secret stream of members, whose handshake has a pre-shared key.

const { packages } = require('../commands')
const NoiseSecretStream = packages('@hyperswarm/secret-stream')
const Noise = packages('noise-handshake')
const curve = packages('noise-curve-ed')

module.exports = class MemberStream extends NoiseSecretStream {
  constructor(psk, isInitiator, socket, options) {
    super(isInitiator, null, { ...options, autoStart: false })
    this.psk = psk
    this.start(socket, options)
  }

  _onkeypair(keyPair) {
    super._onkeypair(keyPair)
    const options = { curve, psk: this.psk }
    this._handshake.noise = new Noise('XXpsk0', this.isInitiator, keyPair, options)
    this._handshake.noise.initialise(Buffer.alloc(0))
  }
}
