//! Multifeeds joined by pipes, each with a map for a store.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::wire::codec::uint_size;
use crate::wire::frame::FrameReader;
use crate::wire::multifeed::{Hello, Kind, decode};
use crate::wire::mux::{MuxMessage, messages};
use crate::*;

/// The stored entries of one node; survives the node.
pub(super) type Map = BTreeMap<StoreKey, Bytes>;

pub(super) struct Node {
    pub(super) multifeed: Multifeed,
    pub(super) map: Map,
    pub(super) events: Vec<Event>,
    pub(super) closed: Vec<(ConnectionId, CloseReason)>,
    /// Commits fail with this, if it is set.
    pub(super) failure: Option<StoreFailure>,
    /// Store requests are kept here instead of being done.
    pub(super) held: Option<Vec<StoreRequest>>,
    /// Where the process ends, if it does.
    pub(super) end: Option<End>,
    transmits: VecDeque<ConnectionId>,
    /// Inputs and calls so far.
    inputs: usize,
}

/// Where a process ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// Store requests that are answered before.
    pub(super) after: usize,
    /// The one behind them is done, but not answered.
    pub(super) is_done: bool,
}

impl Node {
    pub(super) fn open(group: &Group, seed: u8, map: Map) -> Self {
        Self::with(Config::new(group.clone(), Seed::new([seed; 32])), map)
    }

    pub(super) fn with(config: Config, map: Map) -> Self {
        let multifeed = Multifeed::open(config);
        let (events, closed, transmits) = (Vec::new(), Vec::new(), VecDeque::new());
        let (failure, held, end) = (None, None, None);
        let inputs = 0;
        let mut node =
            Self { multifeed, map, events, closed, failure, held, end, transmits, inputs };
        node.drain();
        node
    }

    /// Gives an input to the multifeed, and checks its invariants.
    pub(super) fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.multifeed.handle(now, input);
        self.check_invariants();
    }

    /// Checks the invariants after every input, or after one in 64 where a check costs much: a node
    /// with many feeds, or one that has had many inputs.
    fn check_invariants(&mut self) {
        const FEEDS_MAX: usize = 16;
        const INPUTS_MAX: usize = 512;
        const CHECKED_ONE_IN: usize = 64;
        self.inputs += 1;
        let is_cheap =
            self.inputs <= INPUTS_MAX && self.multifeed.feeds().take(FEEDS_MAX).count() < FEEDS_MAX;
        if is_cheap || self.inputs.is_multiple_of(CHECKED_ONE_IN) {
            self.multifeed.check_invariants();
        }
    }

    /// Carries out all outputs, and checks the invariants: a call of the application may have gone
    /// before.
    pub(super) fn drain(&mut self) {
        self.check_invariants();
        while let Some(output) = self.multifeed.poll() {
            match output {
                Output::Transmit { connection } => self.transmits.push_back(connection),
                Output::Disconnect { connection, reason } => self.closed.push((connection, reason)),
                Output::Event(event) => self.events.push(event),
                Output::Store(request) if self.has_ended() => self.lose(request),
                Output::Store(request) => match &mut self.held {
                    Some(held) => held.push(request),
                    None => {
                        let reply = self.answer(request);
                        self.handle(Instant::ZERO, Input::Stored(reply));
                    }
                },
            }
        }
    }

    /// Whether the process ends with the store request that comes next. Counts it.
    fn has_ended(&mut self) -> bool {
        let Some(End { after, .. }) = &mut self.end else { return false };
        let has_ended = *after == 0;
        *after = after.saturating_sub(1);
        has_ended
    }

    /// A request gets no reply.
    fn lose(&mut self, request: StoreRequest) {
        let is_done = self.end.as_mut().is_some_and(|end| core::mem::take(&mut end.is_done));
        if is_done {
            self.answer(request);
        }
    }

    pub(super) fn answer(&mut self, request: StoreRequest) -> StoreReply {
        match request {
            StoreRequest::Read(read) => {
                let values = read.keys().iter().map(|key| self.map.get(key).cloned()).collect();
                read.found(values)
            }
            StoreRequest::Scan(scan) => {
                let mut bytes = 0;
                let entries = self.map.range(scan.from()..scan.until()).take(scan.entries_max());
                let entries = entries.take_while(|(_, value)| {
                    let is_first = bytes == 0;
                    bytes += value.len().max(1);
                    is_first || bytes <= scan.bytes_max()
                });
                let entries = entries.map(|(key, value)| (*key, value.clone())).collect();
                scan.found(entries)
            }
            StoreRequest::Commit(commit) => {
                if let Some(failure) = self.failure {
                    return commit.failed(failure);
                }
                for write in commit.writes() {
                    match write {
                        Write::Put(key, value) => _ = self.map.insert(*key, value.clone()),
                        Write::Delete(key) => _ = self.map.remove(key),
                    }
                }
                commit.durable()
            }
        }
    }

    /// Answers the store requests that were held back, and holds back no more.
    pub(super) fn release(&mut self) {
        for request in self.held.take().unwrap_or_default() {
            let reply = self.answer(request);
            self.handle(Instant::ZERO, Input::Stored(reply));
        }
        self.drain();
    }

    pub(super) fn writer(&mut self, seed: u8) -> FeedId {
        let feed = self.multifeed.writer("local", KeyPair::from_seed(&[seed; 32])).unwrap();
        self.drain();
        feed
    }

    pub(super) fn append(&mut self, feed: FeedId, blocks: &[&[u8]]) {
        self.multifeed.append(feed, blocks).unwrap();
        self.drain();
    }

    pub(super) fn blocks(&mut self, key: &FeedKey) -> Vec<Bytes> {
        let Some(feed) = self.multifeed.find(key) else { return Vec::new() };
        let (feed, length) = (feed.id, feed.length);
        let mut all = Vec::new();
        while (all.len() as u64) < length {
            self.multifeed.read(feed, all.len() as u64, length).unwrap();
            self.drain();
            let Some(Event::Blocks { blocks, .. }) = self.events.pop() else { panic!() };
            all.extend(blocks);
        }
        all
    }

    /// What each feed holds, by key.
    pub(super) fn holdings(&self) -> Vec<(FeedKey, u64)> {
        let mut all: Vec<_> = self.multifeed.feeds().map(|feed| (feed.key, feed.length)).collect();
        all.sort();
        all
    }
}

/// Nodes and the pipes between them.
#[derive(Default)]
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    /// (node, its connection) ⇄ (node, its connection).
    pipes: Vec<[(usize, ConnectionId); 2]>,
    next: u64,
    /// Bytes that crossed a pipe.
    pub(super) bytes: usize,
    /// Bytes that may still cross a pipe before all of them break.
    pub(super) left: usize,
    /// Longest piece that is delivered at once.
    pub(super) cut: usize,
    /// What protects the streams; nothing: the usual.
    pub(super) secure: Option<Secure>,
    /// Bytes of messages, framing included, and how many there were, by their kind.
    pub(super) said: BTreeMap<u64, (usize, usize)>,
    /// Feeds to grow before each delivery: (node, feed).
    pub(super) unrest: Vec<(usize, FeedId)>,
}

impl World {
    pub(super) fn of(nodes: Vec<Node>) -> Self {
        Self { nodes, cut: usize::MAX, left: usize::MAX, ..Self::default() }
    }

    pub(super) fn connect(&mut self, a: usize, b: usize, mode: Mode) -> [ConnectionId; 2] {
        let ids = [ConnectionId(self.next), ConnectionId(self.next + 1)];
        self.next += 2;
        self.pipes.push([(a, ids[0]), (b, ids[1])]);
        for ((node, connection), role) in
            [(a, ids[0]), (b, ids[1])].into_iter().zip([Role::Initiator, Role::Responder])
        {
            let secure = self.secure.clone().unwrap_or(Secure::Noise);
            let input = Input::Connected { connection, role, secure, mode };
            self.nodes[node].handle(Instant::ZERO, input);
            self.nodes[node].drain();
        }
        ids
    }

    /// Delivers bytes until no node has any.
    pub(super) fn run(&mut self) {
        let mut limit = 1_000_000;
        while self.step() {
            limit -= 1;
            assert!(limit > 0, "no end of messages");
        }
    }

    /// Delivers flight by flight, what all nodes have to say at a time being one, until `is_there`.
    /// Returns how many flights that took.
    pub(super) fn flights(&mut self, mut is_there: impl FnMut(&Self) -> bool) -> usize {
        for flight in 1..100 {
            let said: Vec<_> = (0..self.nodes.len()).flat_map(|node| self.say_all(node)).collect();
            assert!(!said.is_empty(), "nothing more is said after {} flights", flight - 1);
            for (node, connection, bytes) in said {
                self.deliver(node, connection, bytes);
            }
            if is_there(self) {
                return flight;
            }
        }
        panic!("no end of flights");
    }

    /// Takes all that a node has to say, and nothing that it would answer.
    fn say_all(&mut self, index: usize) -> Vec<(usize, ConnectionId, Vec<u8>)> {
        let node = &mut self.nodes[index];
        let mut said = Vec::new();
        node.drain();
        while let Some(connection) = node.transmits.pop_front() {
            let mut bytes = BytesMut::new();
            while node.multifeed.poll_transmit(connection, &mut bytes, 1 << 20) > 0 {
                node.drain();
            }
            node.drain();
            said.push((index, connection, bytes.to_vec()));
        }
        said
    }

    /// Lets each node send once.
    pub(super) fn step_once(&mut self) {
        self.step();
    }

    fn step(&mut self) -> bool {
        let mut has_moved = false;
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            node.drain();
            let Some(connection) = node.transmits.pop_front() else { continue };
            has_moved = true;
            let mut bytes = BytesMut::new();
            while node.multifeed.poll_transmit(connection, &mut bytes, self.cut) > 0 {
                node.drain();
            }
            node.drain();
            self.deliver(index, connection, bytes.to_vec());
        }
        self.hang_up() || has_moved
    }

    pub(super) fn deliver(&mut self, from: usize, connection: ConnectionId, mut bytes: Vec<u8>) {
        bytes.truncate(self.left);
        self.left -= bytes.len();
        self.bytes += bytes.len();
        // Under Noise they are encrypted.
        if self.secure.as_ref().is_some_and(|secure| !matches!(secure, Secure::Noise)) {
            self.count(&bytes);
        }
        for (node, feed) in self.unrest.clone() {
            self.nodes[node].append(feed, &[b"x"]);
        }
        let Some((to, other)) = self.other_end(from, connection) else { return };
        for piece in bytes.chunks(self.cut) {
            let input = Input::Received { connection: other, bytes: piece };
            self.nodes[to].handle(Instant::ZERO, input);
            self.nodes[to].drain();
        }
    }

    /// Counts the messages in whole frames: each with its own bytes and those that frame it, and
    /// the first one with those of the frame. A seal is the stream's, and not counted.
    fn count(&mut self, bytes: &[u8]) {
        let mut reader = FrameReader::new(1 << 24);
        reader.push(bytes);
        while let Some(frame) = reader.next().unwrap() {
            // Length of the frame, channel of control, batch and channel.
            let mut framing = 3 + 3;
            for message in messages(&frame) {
                let (kind, body) = match message.unwrap() {
                    MuxMessage::Message { kind, body, .. } => (kind, body),
                    MuxMessage::Open { handshake, .. } => {
                        self.count_hello(handshake);
                        continue;
                    }
                    _ => continue,
                };
                let said = self.said.entry(kind).or_default();
                // The kind and its length.
                said.0 += core::mem::take(&mut framing) + 1 + uint_size(body.len() as u64 + 1);
                said.0 += body.len();
                said.1 += 1;
            }
        }
    }

    /// Counts the claim in a hello, with its length and its seal.
    fn count_hello(&mut self, handshake: &[u8]) {
        let hello: Hello = decode(handshake).unwrap();
        if !hello.claim.is_empty() {
            let said = self.said.entry(Kind::Claim as u64).or_default();
            said.0 += 1 + hello.claim.len();
            said.1 += 1;
        }
    }

    fn other_end(&self, node: usize, id: ConnectionId) -> Option<(usize, ConnectionId)> {
        self.pipes.iter().find_map(|[a, b]| match (node, id) {
            end if end == *a => Some(*b),
            end if end == *b => Some(*a),
            _ => None,
        })
    }

    /// Ends the pipes that a node closed, once all that it had sent is delivered.
    fn hang_up(&mut self) -> bool {
        let is_closed = |(node, id): (usize, ConnectionId)| {
            let node = &self.nodes[node];
            node.closed.iter().any(|closed| closed.0 == id) && !node.transmits.contains(&id)
        };
        let ends = self.pipes.iter().position(|[a, b]| is_closed(*a) || is_closed(*b));
        let Some(place) = ends else { return false };
        for (node, connection) in self.pipes.remove(place) {
            let input = Input::Disconnected { connection };
            self.nodes[node].handle(Instant::ZERO, input);
            self.nodes[node].drain();
        }
        true
    }

    /// Breaks a pipe without a word.
    pub(super) fn cut(&mut self, ends: [ConnectionId; 2]) {
        let place = self.pipes.iter().position(|[a, b]| [a.1, b.1] == ends).unwrap();
        for (node, connection) in self.pipes.remove(place) {
            let input = Input::Disconnected { connection };
            self.nodes[node].handle(Instant::ZERO, input);
            self.nodes[node].drain();
        }
    }
}
