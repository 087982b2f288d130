// PROTOCOL.md, sections 5 to 8: one connection of one group.

const { packages } = require('../told')
const { Reader, Writer } = require('./encoding')
const Protomux = packages('protomux')
const c = packages('compact-encoding')

const [HEADS, LISTED, WANTS, RANGE, NOS, NAMES, WINDOW, AGAIN] = [0, 1, 2, 3, 4, 5, 6, 7]
const GIVE_UP = 16
const LIST = 1
const [NEW, MINE, YOURS] = [0, 1, 2]
const [DECLINED, UNAVAILABLE, DUPLICATE, GONE] = [0, 1, 2, 3]
const GRANTED = { names: 64, window: 2 ** 22 }
const FILL_BYTES = 60 * 1024
const TURN_BYTES = 2 ** 19
const RANGE_BLOCKS_MAX = 4096

module.exports = class Session {
  constructor(group, stream, isInitiator, onend) {
    this.group = group
    this.stream = stream
    this.isInitiator = isInitiator
    this.onend = onend
    this.isOpen = false
    this.isListed = false
    this.isFlushing = false
    this.ours = [] // feeds by the numbers that we gave them, and by the peer's
    this.theirs = []
    this.edges = new Map()
    this.changed = new Set() // feeds to announce
    this.lacking = new Set() // feeds to want
    this.again = new Map() // runs that the peer has lost
    this.left = { names: 0, window: 0 } // what we may send, the peer may send, and is owed
    this.open = { ...GRANTED }
    this.owed = { names: 0, window: 0 }
    this.mux = new Protomux(stream)
    const [protocol, id] = ['multifeed/1', group.discoveryKey]
    if (!isInitiator) this.mux.pair({ protocol, id }, () => this.createChannel(protocol, id))
    stream.on('open', () => {
      if (isInitiator) this.createChannel(protocol, id).open(this.hello())
    })
    stream.on('error', () => this.end())
    stream.on('close', () => this.end())
  }

  createChannel(protocol, id) {
    const entries = (take) => (reader) => {
      while (!reader.isAtEnd) take.call(this, reader)
    }
    const take = []
    take[HEADS] = entries(this.takeHead)
    take[LISTED] = () => {} // heads are taken alike before and after
    take[WANTS] = entries(this.takeWant)
    take[RANGE] = this.takeRange
    take[NOS] = entries(this.takeNo)
    take[NAMES] = (reader) => (this.left.names += reader.varint())
    take[WINDOW] = (reader) => (this.left.window += reader.varint())
    take[AGAIN] = entries(this.takeAgain)
    // Of a reconciliation nothing is taken: it was given up before it began, so that no message
    // of it numbers a feed.
    const messages = Array.from({ length: GIVE_UP + 1 }, (_, type) => ({
      encoding: c.raw,
      onmessage: (body) => take[type] && this.attempt(take[type], new Reader(body))
    }))
    this.channel = this.mux.createChannel({
      protocol,
      id,
      handshake: c.raw,
      messages,
      onopen: (hello) => this.attempt(this.start, new Reader(hello)),
      onclose: () => this.end(),
      ondrain: () => this.flushSoon()
    })
    return this.channel
  }

  attempt(what, reader) {
    try {
      what.call(this, reader)
      this.flushSoon()
    } catch {
      this.end()
    }
  }

  end() {
    this.isOpen = false
    this.onend()
    this.stream.destroy()
  }

  hello() {
    const capability = this.group.capability(this.stream.handshakeHash, this.isInitiator)
    const hello = new Writer().varint(1).varint(0).raw(capability)
    // No claim: what it has it lists.
    return hello.varint(GRANTED.names).varint(GRANTED.window).varint(0).end()
  }

  start(hello) {
    const version = hello.varint()
    hello.varint() // features
    const expected = this.group.capability(this.stream.handshakeHash, !this.isInitiator)
    if (version === 0 || !hello.raw(32).equals(expected)) throw new Error('not a member')
    this.left = { names: hello.varint(), window: hello.varint() }
    if (!this.isInitiator) this.channel.open(this.hello())
    this.isOpen = true
    this.send(GIVE_UP, new Writer().varint(LIST))
    for (const feed of this.group.feeds.values()) this.grown(feed)
  }

  // What is known of a feed on this connection: our number of it and the peer's, how much the peer
  // holds and was told of, what it was sent, and whether we have asked for it.
  edge(feed) {
    const fresh = { our: null, their: null, held: 0, told: 0, sent: null, isAsked: false }
    if (!this.edges.has(feed)) this.edges.set(feed, { ...fresh, isOwed: false })
    return this.edges.get(feed)
  }

  // A feed has grown, or is there.
  grown(feed) {
    if (feed.length === 0) return
    const edge = this.edge(feed)
    if (edge.isOwed) this.owed.names++
    edge.isOwed = false
    if (edge.sent === null && edge.told < feed.length) this.changed.add(feed)
    this.flushSoon()
  }

  takeName(reader, mayBeNew) {
    const kind = reader.varint()
    if (kind === NEW && mayBeNew) {
      const feed = this.group.feed(reader.raw(32))
      if (this.open.names-- === 0) throw new Error('too many names')
      this.edge(feed).their = this.theirs.push(feed) - 1
      this.edge(feed).isOwed = true
      this.grown(feed)
      return feed
    }
    const feed = { [MINE]: this.theirs, [YOURS]: this.ours }[kind]?.[reader.varint()]
    if (!feed) throw new Error('unknown number')
    return feed
  }

  takeHead(reader) {
    const feed = this.takeName(reader, true)
    const [length, fork] = [reader.varint(), reader.varint()]
    const edge = this.edge(feed)
    edge.held = fork === 0 ? length : 0
    if (edge.held > feed.length && !edge.isAsked) this.lacking.add(feed)
  }

  takeWant(reader) {
    const feed = this.takeName(reader, false)
    this.edge(feed).sent = reader.varint()
    this.changed.delete(feed)
  }

  takeRange(reader) {
    const bytes = reader.buffer.length
    if ((this.open.window -= bytes) < 0) throw new Error('past the window')
    this.owed.window += bytes
    const feed = this.takeName(reader, false)
    const [start, length, fork] = [reader.varint(), reader.varint(), reader.varint()]
    if (fork !== 0) return
    const head = { length, signature: Buffer.from(reader.raw(64)) }
    const right = []
    for (let [nodes] = reader.raw(1); nodes > 0; nodes--) {
      right.push({ size: reader.varint(), hash: Buffer.from(reader.raw(32)) })
    }
    const blocks = []
    while (!reader.isAtEnd) blocks.push(reader.bytes())
    if (feed.accept({ start, blocks, right, head })) this.group.grown(feed)
  }

  takeNo(reader) {
    const feed = this.takeName(reader, true)
    const why = reader.varint()
    const edge = this.edge(feed)
    if (why === DECLINED) edge.held = 0
    if (why === DECLINED || why === DUPLICATE) edge.sent = null
    if (why === DECLINED || why === UNAVAILABLE) edge.isAsked = false
  }

  takeAgain(reader) {
    const feed = this.takeName(reader, false)
    this.again.set(feed, { start: reader.varint(), end: reader.varint() })
  }

  // Messages are made a moment later: protomux answers a batch with a batch, which could be longer
  // than a frame may be.
  flushSoon() {
    if (this.isFlushing || !this.isOpen) return
    this.isFlushing = true
    setImmediate(() => {
      this.isFlushing = false
      if (this.isOpen) this.flush()
    })
  }

  flush() {
    this.mux.cork()
    this.grant('names', NAMES)
    this.grant('window', WINDOW)
    this.answerAgain()
    this.announce()
    this.want()
    this.mux.uncork()
    this.serve()
  }

  send(type, writer) {
    return this.channel.messages[type].send(writer.end())
  }

  grant(what, type) {
    if (this.owed[what] * 4 <= GRANTED[what]) return
    this.send(type, new Writer().varint(this.owed[what]))
    this.open[what] += this.owed[what]
    this.owed[what] = 0
  }

  // Writes a feed's name. Returns whether it could: a new one takes a name of those granted.
  putName(entries, feed) {
    const edge = this.edge(feed)
    if (edge.our !== null) return entries.varint(MINE).varint(edge.our)
    if (edge.their !== null) return entries.varint(YOURS).varint(edge.their)
    if (this.left.names === 0) return false
    this.left.names--
    edge.our = this.ours.push(feed) - 1
    return entries.varint(NEW).raw(feed.publicKey)
  }

  announce() {
    const heads = new Writer()
    for (const feed of this.changed) {
      if (heads.length > FILL_BYTES) this.flushSoon()
      if (heads.length > FILL_BYTES || !this.putName(heads, feed)) break
      heads.varint(feed.length).varint(0)
      this.edge(feed).told = feed.length
      this.changed.delete(feed)
    }
    if (heads.length > 0) this.send(HEADS, heads)
    if (this.isListed || this.changed.size > 0) return
    this.isListed = true
    this.send(LISTED, new Writer())
  }

  want() {
    const wants = new Writer()
    for (const feed of this.lacking) {
      const edge = this.edge(feed)
      edge.isAsked = edge.held > feed.length
      if (edge.isAsked) this.putName(wants, feed).varint(feed.length)
    }
    this.lacking.clear()
    if (wants.length > 0) this.send(WANTS, wants)
  }

  serve() {
    let budget = TURN_BYTES
    for (const [feed, edge] of this.edges) {
      while (edge.sent !== null && edge.sent < feed.length) {
        if (budget <= 0) return this.flushSoon()
        const { end, body } = this.range(feed, edge.sent, feed.length)
        if (body.length > this.left.window || !this.mux.drained) return
        this.left.window -= body.length
        this.send(RANGE, body)
        edge.sent = end
        edge.told = Math.max(edge.told, end)
        budget -= body.length
      }
    }
  }

  answerAgain() {
    for (const [feed, { start, end }] of this.again) {
      const limit = Math.min(end, feed.length)
      const { body } = start < limit ? this.range(feed, start, limit) : {}
      if (body?.length > this.left.window) return
      if (body) this.left.window -= body.length
      if (body) this.send(RANGE, body)
      else this.send(NOS, this.putName(new Writer(), feed).varint(GONE))
      this.again.delete(feed)
    }
  }

  // A range as long as fills a frame.
  range(feed, start, limit) {
    let end = start
    for (let bytes = 0; end < limit && end - start < RANGE_BLOCKS_MAX; end++) {
      bytes += feed.blocks[end].length
      if (bytes > FILL_BYTES && end > start) break
    }
    const { blocks, right, head } = feed.range(start, end)
    const body = this.putName(new Writer(), feed).varint(start).varint(head.length).varint(0)
    body.raw(head.signature).raw(Buffer.from([right.length]))
    for (const { size, hash } of right) body.varint(size).raw(hash)
    for (const block of blocks) body.bytes(block)
    return { end, body }
  }
}
