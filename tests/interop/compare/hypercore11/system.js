// hypercore 11 in a corestore, on the disk, as it comes. Keys are told to the other side by hand.

const fs = require('fs')
const os = require('os')
const path = require('path')
const Corestore = require('corestore')

module.exports = (received) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'multifeed-compare-'))
  const store = new Corestore(folder)
  const open = []

  return {
    async fill(name, feeds, blocks) {
      const keys = []
      for (let i = 0; i < feeds; i++) {
        const core = store.get({ name: name + i })
        await core.ready()
        await core.append(blocks)
        keys.push(core.key.toString('hex'))
        open.push(core)
      }
      return keys
    },
    async follow(keys) {
      for (const key of keys) {
        const core = store.get({ key: Buffer.from(key, 'hex') })
        await core.ready()
        core.on('download', received)
        core.download({ start: 0, end: -1 })
        open.push(core)
      }
    },
    replicate(isInitiator, socket) {
      const stream = store.replicate(isInitiator)
      stream.on('error', () => {})
      socket.on('close', () => stream.destroy())
      stream.pipe(socket).pipe(stream)
    },
    async close() {
      await store.close()
      fs.rmSync(folder, { recursive: true })
    }
  }
}
