// One connection of one group (PROTOCOL.md, sections 5 to 8). It does not implement reconciliation:
// it falls back to listing every feed.

const { packages } = require('../commands')
const { body, pack, takeBytes, takeVarint } = require('./encoding')
const Protomux = packages('protomux')

const [HEADS, LISTED, WANTS, RANGE] = [0, 1, 2, 3]
const [REJECTS, ALIAS_CREDIT, WINDOW_CREDIT, REFETCH] = [4, 5, 6, 7]
const FALL_BACK = 16
const LIST = 1
const [NEW, SENDER, RECEIVER] = [0, 1, 2]
const [DECLINED, UNAVAILABLE, DUPLICATE] = [0, 1, 2]
const GRANTED = { aliases: 64, window: 2 ** 22 }
const RANGE_BYTES = 60 * 1024
const RANGE_BLOCKS_MAX = 4096
// State of a feed on a connection: its alias, the length that the peer holds, the length announced
// to it, the end of what was sent (null: it wants none), and the range of blocks to send again.
const FRESH = { alias: null, held: 0, announced: 0, sent: null, refetch: null }

module.exports = class Session {
  constructor(group, stream) {
    this.group = group
    this.stream = stream
    this.isListed = false
    this.scheduled = null
    this.peerFeeds = new Map() // PeerFeed by feed
    this.aliased = { [SENDER]: [], [RECEIVER]: [] } // PeerFeeds by alias, seen from the peer
    this.aliases = GRANTED.aliases // aliases that the peer may still assign
    this.mux = new Protomux(stream)
    this.mux.pair(group.channel, () => !stream.isInitiator && this.createChannel())
    stream.on('open', () => stream.isInitiator && this.createChannel().open(this.hello()))
    stream.on('close', () => group.sessions.delete(this))
    group.sessions.add(this)
  }

  createChannel() {
    const list = (take) => (state) => {
      while (state.start < state.end) take.call(this, state)
    }
    const take = {
      [HEADS]: list(this.takeHead),
      [WANTS]: list(this.takeWant),
      [RANGE]: this.takeRange,
      [REJECTS]: list(this.takeReject),
      [ALIAS_CREDIT]: (state) => (this.left.aliases += takeVarint(state)),
      [WINDOW_CREDIT]: (state) => (this.left.window += takeVarint(state)),
      [REFETCH]: list(this.takeRefetch)
    }
    // An exception makes protomux destroy the stream.
    const onmessage = (type, state) => {
      take[type]?.call(this, state)
      this.scheduleFlush()
    }
    this.channel = this.mux.createChannel({
      ...this.group.channel,
      handshake: body,
      messages: Array.from({ length: FALL_BACK + 1 }, (_, type) => ({
        encoding: body,
        onmessage: (state) => onmessage(type, state)
      })),
      onopen: (state) => this.start(state),
      onclose: () => this.stream.destroy()
    })
    return this.channel
  }

  hello() {
    const capability = this.group.capability(this.stream.handshakeHash, this.stream.isInitiator)
    // Version and features; the claim at the end is empty, because it lists its feeds.
    return pack(1, 0, capability, GRANTED.aliases, GRANTED.window, 0)
  }

  start(state) {
    const version = takeVarint(state)
    takeVarint(state) // features
    const { handshakeHash, isInitiator } = this.stream
    const expected = this.group.capability(handshakeHash, !isInitiator)
    if (version === 0 || !takeBytes(state, 32).equals(expected)) throw new Error('not a member')
    // What we may send.
    this.left = { aliases: takeVarint(state), window: takeVarint(state) }
    if (!isInitiator) this.channel.open(this.hello())
    this.send(FALL_BACK, LIST)
  }

  send(type, ...parts) {
    this.channel.messages[type].send(pack(...parts))
  }

  peerFeed(feed) {
    if (!this.peerFeeds.has(feed)) this.peerFeeds.set(feed, { feed, ...FRESH })
    return this.peerFeeds.get(feed)
  }

  takeAlias(state) {
    const kind = takeVarint(state)
    if (kind === NEW) {
      if (this.aliases-- === 0) throw new Error('too many aliases')
      const peerFeed = this.peerFeed(this.group.feed(takeBytes(state, 32)))
      const alias = pack(RECEIVER, this.aliased[SENDER].push(peerFeed) - 1)
      return Object.assign(peerFeed, { alias, owesAliasCredit: true })
    }
    const peerFeed = this.aliased[kind]?.[takeVarint(state)]
    if (!peerFeed) throw new Error('unknown alias')
    return peerFeed
  }

  takeHead(state) {
    const peerFeed = this.takeAlias(state)
    const [length, fork] = [takeVarint(state), takeVarint(state)]
    peerFeed.held = fork === 0 ? length : 0
  }

  takeWant(state) {
    this.takeAlias(state).sent = takeVarint(state)
  }

  takeRange(state) {
    const bytes = state.end - state.start
    const { feed } = this.takeAlias(state)
    const [start, length, fork] = [takeVarint(state), takeVarint(state), takeVarint(state)]
    const head = { length, signature: takeBytes(state, 64) }
    const [right, blocks] = [[], []]
    for (let nodes = takeVarint(state); nodes > 0; nodes--) {
      right.push({ size: takeVarint(state), hash: takeBytes(state, 32) })
    }
    while (state.start < state.end) blocks.push(takeBytes(state, takeVarint(state)))
    if (fork === 0) feed.accept(start, blocks, right, head)
    this.group.grown()
    this.send(WINDOW_CREDIT, bytes)
  }

  takeReject(state) {
    const peerFeed = this.takeAlias(state)
    const why = takeVarint(state)
    if (why === DECLINED || why === DUPLICATE) peerFeed.sent = null
    // It is requested again once the peer announces the feed again.
    if (why !== DECLINED && why !== UNAVAILABLE) return
    Object.assign(peerFeed, { held: 0, isRequested: false })
  }

  takeRefetch(state) {
    const peerFeed = this.takeAlias(state)
    const [start, end] = [takeVarint(state), Math.min(takeVarint(state), peerFeed.feed.length)]
    if (start < end) peerFeed.refetch = [start, end]
  }

  // Messages are sent in a later task: protomux answers a batch with a batch, which could exceed
  // the maximum size of a frame.
  scheduleFlush() {
    this.scheduled ??= setImmediate(() => {
      this.scheduled = null
      if (this.channel?.opened && !this.channel.closed) this.flush()
    })
  }

  flush() {
    const peerFeeds = Array.from(this.group.feeds.values(), (feed) => this.peerFeed(feed))
    peerFeeds.forEach((peerFeed) => this.announce(peerFeed))
    const isAnnounced = ({ feed, announced, sent }) => sent !== null || announced === feed.length
    if (!this.isListed && peerFeeds.every(isAnnounced)) {
      this.isListed = true
      this.send(LISTED)
    }
    peerFeeds.forEach((peerFeed) => this.serve(peerFeed))
  }

  announce(peerFeed) {
    const { feed, held, announced, sent, alias } = peerFeed
    if (peerFeed.owesAliasCredit && feed.length > 0) {
      peerFeed.owesAliasCredit = false
      this.aliases++
      this.send(ALIAS_CREDIT, 1)
    }
    if (held > feed.length && !peerFeed.isRequested) {
      peerFeed.isRequested = true
      this.send(WANTS, alias, feed.length)
    }
    if (sent !== null || announced === feed.length || (!alias && this.left.aliases === 0)) return
    peerFeed.announced = feed.length
    this.send(HEADS, alias ?? pack(NEW, feed.publicKey), feed.length, 0)
    if (alias) return
    this.left.aliases--
    peerFeed.alias = pack(SENDER, this.aliased[RECEIVER].push(peerFeed) - 1)
  }

  // Sends what the peer wants, as far as its window goes.
  serve(peerFeed) {
    const { feed, refetch } = peerFeed
    if (refetch && this.sendRange(peerFeed, ...refetch)) peerFeed.refetch = null
    while (peerFeed.sent !== null && peerFeed.sent < feed.length) {
      const end = this.sendRange(peerFeed, peerFeed.sent, feed.length)
      if (end === null) return
      peerFeed.sent = end
    }
  }

  // Sends a range of a usual size, if the window has room. Returns where it ends.
  sendRange({ feed, alias }, start, limit) {
    const { blocks, head } = feed
    let end = start
    for (let bytes = 0; end < limit && end - start < RANGE_BLOCKS_MAX; end++) {
      bytes += blocks[end].length
      if (bytes > RANGE_BYTES && end > start) break
    }
    const nodes = feed.right(end).flatMap(({ size, hash }) => [size, hash])
    const proof = [head.length, 0, head.signature, nodes.length / 2, ...nodes]
    const values = blocks.slice(start, end).flatMap((value) => [value.length, value])
    const range = pack(alias, start, ...proof, ...values)
    if (range.length > this.left.window) return null
    this.left.window -= range.length
    this.send(RANGE, range)
    return end
  }
}
