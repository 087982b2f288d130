// compact-encoding: numbers, buffers and texts, as bytes.

const c = require('compact-encoding')
const { hex, write } = require('./vectors')

const numbers = [0, 1, 0xfc, 0xfd, 0xfe, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000]
numbers.push(2 ** 40, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER)

const buffers = [0, 1, 0xfc, 0xfd, 300].map((size) => Buffer.alloc(size, 0xab))
const texts = ['', 'hypercore/alpha', 'grüße, 世界 🌍']

write('codec.json', __filename, ['compact-encoding'], {
  uints: numbers.map((value) => ({ value: String(value), bytes: hex(c.encode(c.uint, value)) })),
  buffers: buffers.map((value) => ({ value: hex(value), bytes: hex(c.encode(c.buffer, value)) })),
  optional_buffers: [null, Buffer.from('id')].map((value) => ({
    value: value && hex(value),
    bytes: hex(c.encode(c.optionalBuffer, value))
  })),
  strings: texts.map((value) => ({ value, bytes: hex(c.encode(c.string, value)) })),
  // What JavaScript refuses to read as a uint.
  not_uints: ['', 'fd', 'fd01', 'fe010203', 'ff01020304050607', 'ff0000000000002000'].map(
    (bytes) => {
      try {
        c.decode(c.uint, Buffer.from(bytes, 'hex'))
      } catch {
        return bytes
      }
      throw new Error('was read: ' + bytes)
    }
  )
})
