// PROTOCOL.md, section 6: the encodings of the channel's messages.

const { packages } = require('../commands')
const c = packages('compact-encoding')

function varint(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return Buffer.from([...bytes, value])
}

// The parts one behind the other: numbers as varints, buffers as they are.
exports.pack = function pack(...parts) {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? varint(part) : part)))
}

exports.takeVarint = function takeVarint(state) {
  for (let value = 0, scale = 1; scale < 2 ** 70; scale *= 128) {
    const byte = c.uint8.decode(state)
    value += (byte % 128) * scale
    if (byte < 128) return value
  }
  throw new Error('malformed')
}

exports.takeBytes = (state, length) => c.fixed(length).decode(state)

// What was packed; who gets it takes it apart.
exports.body = { ...c.raw, decode: (state) => state }
