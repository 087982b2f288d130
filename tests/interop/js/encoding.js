// PROTOCOL.md, section 6: the encodings of the channel's messages.

class Writer {
  constructor() {
    this.parts = []
    this.length = 0
  }

  raw(bytes) {
    this.parts.push(bytes)
    this.length += bytes.length
    return this
  }

  varint(value) {
    const bytes = []
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
    return this.raw(Buffer.from([...bytes, value]))
  }

  bytes(value) {
    return this.varint(value.length).raw(value)
  }

  end() {
    return Buffer.concat(this.parts, this.length)
  }
}

class Reader {
  constructor(buffer) {
    this.buffer = buffer
    this.at = 0
  }

  get isAtEnd() {
    return this.at === this.buffer.length
  }

  raw(length) {
    if (this.at + length > this.buffer.length) throw new Error('malformed')
    this.at += length
    return this.buffer.subarray(this.at - length, this.at)
  }

  varint() {
    for (let value = 0, scale = 1; scale < 2 ** 70; scale *= 128) {
      const [byte] = this.raw(1)
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
    throw new Error('malformed')
  }

  bytes() {
    return this.raw(this.varint())
  }
}

module.exports = { Reader, Writer }
