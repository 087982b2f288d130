// PROTOCOL.md, sections 5 to 8: one connection of one group. Of reconciliation it knows how to say
// that it does not: it lists.

const { packages } = require('../commands')
const { body, pack, takeBytes, takeVarint } = require('./encoding')
const Protomux = packages('protomux')

const [HEADS, LISTED, WANTS, RANGE, NOS, NAMES, WINDOW, AGAIN] = [0, 1, 2, 3, 4, 5, 6, 7]
const GIVE_UP = 16
const LIST = 1
const [NEW, MINE, YOURS] = [0, 1, 2]
const [DECLINED, UNAVAILABLE, DUPLICATE] = [0, 1, 2]
const GRANTED = { names: 64, window: 2 ** 22 }
const RANGE_BYTES = 60 * 1024
const RANGE_BLOCKS_MAX = 4096
// Of a feed on a connection: its name, how much the peer holds and was told of, up to where it was
// sent (null: it wants none), and which blocks it wants again.
const FRESH = { name: null, held: 0, told: 0, sent: null, again: null }

module.exports = class Session {
  constructor(group, stream) {
    this.group = group
    this.stream = stream
    this.isListed = false
    this.soon = null
    this.edges = new Map() // of feeds
    this.numbered = { [MINE]: [], [YOURS]: [] } // edges, as the peer says it
    this.names = GRANTED.names // what the peer may name
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
      [NOS]: list(this.takeNo),
      [NAMES]: (state) => (this.left.names += takeVarint(state)),
      [WINDOW]: (state) => (this.left.window += takeVarint(state)),
      [AGAIN]: list(this.takeAgain)
    }
    // What is thrown here makes protomux destroy the stream.
    const onmessage = (type, state) => {
      take[type]?.call(this, state)
      this.flushSoon()
    }
    this.channel = this.mux.createChannel({
      ...this.group.channel,
      handshake: body,
      messages: Array.from({ length: GIVE_UP + 1 }, (_, type) => ({
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
    // Version, features; at the end no claim: what it has it lists.
    return pack(1, 0, capability, GRANTED.names, GRANTED.window, 0)
  }

  start(state) {
    const version = takeVarint(state)
    takeVarint(state) // features
    const { handshakeHash, isInitiator } = this.stream
    const expected = this.group.capability(handshakeHash, !isInitiator)
    if (version === 0 || !takeBytes(state, 32).equals(expected)) throw new Error('not a member')
    // What we may send.
    this.left = { names: takeVarint(state), window: takeVarint(state) }
    if (!isInitiator) this.channel.open(this.hello())
    this.send(GIVE_UP, LIST)
  }

  send(type, ...parts) {
    this.channel.messages[type].send(pack(...parts))
  }

  edge(feed) {
    if (!this.edges.has(feed)) this.edges.set(feed, { feed, ...FRESH })
    return this.edges.get(feed)
  }

  takeName(state) {
    const kind = takeVarint(state)
    if (kind === NEW) {
      if (this.names-- === 0) throw new Error('too many names')
      const edge = this.edge(this.group.feed(takeBytes(state, 32)))
      const name = pack(YOURS, this.numbered[MINE].push(edge) - 1)
      return Object.assign(edge, { name, isOwed: true })
    }
    const edge = this.numbered[kind]?.[takeVarint(state)]
    if (!edge) throw new Error('unknown number')
    return edge
  }

  takeHead(state) {
    const edge = this.takeName(state)
    const [length, fork] = [takeVarint(state), takeVarint(state)]
    edge.held = fork === 0 ? length : 0
  }

  takeWant(state) {
    this.takeName(state).sent = takeVarint(state)
  }

  takeRange(state) {
    const bytes = state.end - state.start
    const { feed } = this.takeName(state)
    const [start, length, fork] = [takeVarint(state), takeVarint(state), takeVarint(state)]
    const head = { length, signature: takeBytes(state, 64) }
    const [right, blocks] = [[], []]
    for (let nodes = takeVarint(state); nodes > 0; nodes--) {
      right.push({ size: takeVarint(state), hash: takeBytes(state, 32) })
    }
    while (state.start < state.end) blocks.push(takeBytes(state, takeVarint(state)))
    if (fork === 0) feed.accept(start, blocks, right, head)
    this.group.grown()
    this.send(WINDOW, bytes)
  }

  takeNo(state) {
    const edge = this.takeName(state)
    const why = takeVarint(state)
    if (why === DECLINED || why === DUPLICATE) edge.sent = null
    // It is asked again once it names the feed again.
    if (why === DECLINED || why === UNAVAILABLE) Object.assign(edge, { held: 0, isAsked: false })
  }

  takeAgain(state) {
    const edge = this.takeName(state)
    const [start, end] = [takeVarint(state), Math.min(takeVarint(state), edge.feed.length)]
    if (start < end) edge.again = [start, end]
  }

  // Messages are made a moment later: protomux answers a batch with a batch, which could be longer
  // than a frame may be.
  flushSoon() {
    this.soon ??= setImmediate(() => {
      this.soon = null
      if (this.channel?.opened && !this.channel.closed) this.flush()
    })
  }

  flush() {
    const edges = Array.from(this.group.feeds.values(), (feed) => this.edge(feed))
    edges.forEach((edge) => this.announce(edge))
    const isTold = ({ feed, told, sent }) => sent !== null || told === feed.length
    if (!this.isListed && edges.every(isTold)) {
      this.isListed = true
      this.send(LISTED)
    }
    edges.forEach((edge) => this.serve(edge))
  }

  announce(edge) {
    const { feed, held, told, sent, name } = edge
    if (edge.isOwed && feed.length > 0) {
      edge.isOwed = false
      this.names++
      this.send(NAMES, 1)
    }
    if (held > feed.length && !edge.isAsked) {
      edge.isAsked = true
      this.send(WANTS, name, feed.length)
    }
    if (sent !== null || told === feed.length || (!name && this.left.names === 0)) return
    edge.told = feed.length
    this.send(HEADS, name ?? pack(NEW, feed.publicKey), feed.length, 0)
    if (name) return
    this.left.names--
    edge.name = pack(MINE, this.numbered[YOURS].push(edge) - 1)
  }

  // Sends what the peer wants, as far as its window goes.
  serve(edge) {
    const { feed, again } = edge
    if (again && this.sendRange(edge, ...again)) edge.again = null
    while (edge.sent !== null && edge.sent < feed.length) {
      const end = this.sendRange(edge, edge.sent, feed.length)
      if (end === null) return
      edge.sent = end
    }
  }

  // Sends a range of a usual size, if the window has room. Returns where it ends.
  sendRange({ feed, name }, start, limit) {
    const { blocks, head } = feed
    let end = start
    for (let bytes = 0; end < limit && end - start < RANGE_BLOCKS_MAX; end++) {
      bytes += blocks[end].length
      if (bytes > RANGE_BYTES && end > start) break
    }
    const nodes = feed.right(end).flatMap(({ size, hash }) => [size, hash])
    const proof = [head.length, 0, head.signature, nodes.length / 2, ...nodes]
    const values = blocks.slice(start, end).flatMap((value) => [value.length, value])
    const range = pack(name, start, ...proof, ...values)
    if (range.length > this.left.window) return null
    this.left.window -= range.length
    this.send(RANGE, range)
    return end
  }
}
