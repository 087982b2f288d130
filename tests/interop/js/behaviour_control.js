// The control: a stock corestore in the place of our node.

const fs = require('fs')
const net = require('net')
const os = require('os')
const path = require('path')
const Corestore = require('corestore')
const { hex } = require('./behaviour_ours')

exports.Control = class Control {
  async open() {
    this.store = new Corestore(fs.mkdtempSync(path.join(os.tmpdir(), 'control-')))
    await this.store.ready()
    this.cores = new Map()
    this.server = net.createServer((socket) => {
      const stream = this.store.replicate(false)
      stream.on('error', () => {})
      socket.on('error', () => {})
      stream.pipe(socket).pipe(stream)
      stream.on('close', () => socket.destroy())
    })
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.port = this.server.address().port
    return this
  }

  async adopt(key) {
    const core = this.store.get({ key })
    await core.ready()
    core.download({ start: 0, end: -1 })
    this.cores.set(hex(key), core)
  }

  async length(key) {
    const core = this.cores.get(hex(key))
    return core ? core.contiguousLength : 0
  }

  async ends() {
    return []
  }

  close() {
    this.server.close()
  }
}
