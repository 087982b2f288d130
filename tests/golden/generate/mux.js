// protomux: the frames that it writes, and what they say.

const c = require('compact-encoding')
const Protomux = require('protomux')
const { Duplex } = require('streamx')
const { hex, seed, write } = require('./vectors')

const frames = []

// A stream that keeps what is written to it.
class Recorder extends Duplex {
  constructor() {
    super()
    this.userData = null
    this.written = []
  }

  _write(data, done) {
    this.written.push(data)
    done(null)
  }
}

// Keeps the frame that `run` causes after `skip` others.
async function record(name, skip, messages, run) {
  const stream = new Recorder()
  run(new Protomux(stream))
  await new Promise((resolve) => setTimeout(resolve, 20))
  const written = stream.written.slice(skip)
  if (written.length !== 1) throw new Error(name + ' wrote ' + written.length + ' frames')
  frames.push({ name, frame: hex(written[0]), messages })
}

const open = (localId, protocol, id, handshake) => ({
  open: { local_id: localId, protocol, id: id && hex(id), handshake: hex(handshake) }
})
const message = (channel, kind, body) => ({ message: { channel, kind, body: hex(body) } })

const raw = { encoding: c.raw }
const EMPTY = Buffer.alloc(0)

function channel(mux, protocol, id, types = 1) {
  return mux.createChannel({ protocol, id, messages: new Array(types).fill(raw), handshake: c.raw })
}

async function main() {
  await record(
    'open with id and handshake',
    0,
    [open(1, 'hypercore/alpha', seed(7), Buffer.from('hand'))],
    (mux) => channel(mux, 'hypercore/alpha', seed(7)).open(Buffer.from('hand'))
  )
  await record('open without id and handshake', 0, [open(1, 'multifeed/1', null, EMPTY)], (mux) =>
    channel(mux, 'multifeed/1', null).open(EMPTY)
  )
  await record('message', 1, [message(1, 2, Buffer.from('body'))], (mux) => {
    const ch = channel(mux, 'a', null, 3)
    ch.open(EMPTY)
    ch.messages[2].send(Buffer.from('body'))
  })
  await record(
    'message of a high kind on a high channel',
    300,
    [message(300, 260, Buffer.from('x'))],
    (mux) => {
      let last = null
      for (let i = 0; i < 300; i++) (last = channel(mux, 'p' + i, null, 261)).open(EMPTY)
      last.messages[260].send(Buffer.from('x'))
    }
  )
  await record('close', 1, [{ close: { local_id: 1 } }], (mux) => {
    const ch = channel(mux, 'a', null)
    ch.open(EMPTY)
    ch.close()
  })
  await record('reject', 0, [{ reject: { local_id: 9 } }], (mux) => {
    for (let i = 1; i < 9; i++) mux._remote.push(null)
    // An open of a protocol that nobody here speaks, from the remote's channel 9.
    mux._ondata(Buffer.from('000109016100', 'hex'))
  })
  await record(
    'batch over two channels',
    2,
    [
      message(1, 0, Buffer.from('a')),
      message(1, 1, Buffer.alloc(300, 5)),
      message(2, 0, EMPTY),
      message(1, 0, Buffer.from('b'))
    ],
    (mux) => {
      const one = channel(mux, 'one', null, 2)
      const two = channel(mux, 'two', null, 2)
      one.open(EMPTY)
      two.open(EMPTY)
      mux.cork()
      one.messages[0].send(Buffer.from('a'))
      one.messages[1].send(Buffer.alloc(300, 5))
      two.messages[0].send(EMPTY)
      one.messages[0].send(Buffer.from('b'))
      mux.uncork()
    }
  )
  await record(
    'batch with control messages',
    0,
    [
      open(1, 'one', Buffer.from('id'), Buffer.from('hi')),
      message(1, 0, Buffer.from('first')),
      open(2, 'two', null, EMPTY),
      { close: { local_id: 1 } }
    ],
    (mux) => {
      mux.cork()
      const one = channel(mux, 'one', Buffer.from('id'))
      one.open(Buffer.from('hi'))
      one.messages[0].send(Buffer.from('first'))
      channel(mux, 'two', null).open(EMPTY)
      one.close()
      mux.uncork()
    }
  )
  write('mux.json', __filename, ['protomux', 'compact-encoding'], { frames })
}

main()
