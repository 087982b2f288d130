// multifeed 6 in memory. Both sides know the group's key.

const { promisify } = require('util')
const multifeed = require('multifeed')
const ram = require('random-access-memory')

// The page of a file in memory is 1 MiB unless told otherwise: gigabytes for a thousand feeds.
const storage = () => ram({ pageSize: 4096 })

const encryptionKey = Buffer.alloc(32, 7)

module.exports = (received) => {
  const multi = multifeed(storage, { encryptionKey, valueEncoding: 'binary' })
  const ready = new Promise((resolve) => multi.ready(resolve))
  multi.on('feed', (feed) => feed.on('download', received))

  return {
    async fill(name, feeds, blocks) {
      await ready
      for (let i = 0; i < feeds; i++) {
        const feed = await promisify(multi.writer.bind(multi))(name + i)
        await promisify(feed.append.bind(feed))(blocks)
      }
      return []
    },
    // It finds out by itself which feeds there are.
    async follow() {},
    replicate(isInitiator, socket) {
      const stream = multi.replicate(isInitiator, { live: true })
      stream.on('error', () => {})
      socket.on('close', () => stream.destroy())
      stream.pipe(socket).pipe(stream)
    },
    async close() {}
  }
}
