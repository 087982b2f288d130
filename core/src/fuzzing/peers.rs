//! Two whole multifeeds, a pipe between them, and events that may affect all three.
//!
//! Rule: each action is two bytes, `code, argument`, so a mutation of one leaves the others intact.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use super::connection::stranger;
use super::map::{Map, Node, author};
use crate::wire::frame::{FrameReader, write_frame};
use crate::{
    CloseReason, ConnectionId, Deadline, Event, FeedId, FeedKey, Input, KeyPair, Mode, Role, Secure,
};

/// Maximum number of clock steps, each of [`ROUND_MILLIS`], until both hold the same.
const ROUNDS_MAX: usize = 40;
const ROUND_MILLIS: u64 = 1_000;

/// Maximum bytes of an honest peer's frame.
const FRAME_BYTES_MAX: usize = 1 << 24;

/// Two nodes and the bytes in flight between them.
struct Pair {
    nodes: [Node; 2],
    /// The id of each node's own feed at that node.
    feeds: [FeedId; 2],
    keys: [FeedKey; 2],
    /// Blocks of each node's own feed that were reported as durable.
    acked: [Vec<Bytes>; 2],
    /// Blocks of each node's own feed in the order of the calls.
    appended: [Vec<Bytes>; 2],
    connection: Option<ConnectionId>,
    connections: u64,
    /// Bytes that each node has sent and the other has not received.
    pipes: [BytesMut; 2],
}

impl Pair {
    fn new() -> Self {
        let mut nodes = [1, 2].map(|seed| Node::with_seed(seed, Map::new()));
        let [first, second] = &mut nodes;
        let feeds = [write(first, author()), write(second, stranger())];
        let keys = [(first, feeds[0]), (second, feeds[1])]
            .map(|(node, feed)| node.multifeed.feed(feed).expect("it was just opened").key);
        Self {
            nodes,
            feeds,
            keys,
            acked: Default::default(),
            appended: Default::default(),
            connection: None,
            connections: 0,
            pipes: Default::default(),
        }
    }

    fn append(&mut self, side: usize, size: u8) {
        let feed = self.feeds[side];
        let block = Bytes::from(alloc::vec![self.appended[side].len() as u8; usize::from(size)]);
        if self.nodes[side].multifeed.append(feed, &[&block]).is_ok() {
            self.appended[side].push(block);
        }
        self.nodes[side].drain();
    }

    fn connect(&mut self) {
        self.cut();
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.connection = Some(connection);
        let keys = [1, 0].map(|other: usize| self.nodes[other].multifeed.public_key());
        for (side, role) in [(0, Role::Initiator), (1, Role::Responder)] {
            let secure = Secure::Plain { remote: keys[side] };
            let input = Input::Connected { connection, role, secure, mode: Mode::Live };
            self.nodes[side].handle(input);
        }
    }

    fn cut(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.nodes.iter_mut().for_each(|node| node.handle(Input::Disconnected { connection }));
            self.pipes.iter_mut().for_each(BytesMut::clear);
        }
    }

    /// Delivers at most `bytes_max` bytes from one side to the other. Returns whether there were
    /// any.
    fn deliver(&mut self, from: usize, bytes_max: usize) -> bool {
        let Some(connection) = self.connection else { return false };
        let said = self.nodes[from].transmit(connection);
        let pipe = &mut self.pipes[from];
        pipe.extend_from_slice(&said);
        let bytes = &pipe.split_to(pipe.len().min(bytes_max));
        self.nodes[1 - from].handle(Input::Received { connection, bytes });
        !bytes.is_empty()
    }

    /// Stops a side abruptly and reopens its store.
    fn crash(&mut self, side: usize) {
        self.cut();
        self.take_acks(side);
        let map = core::mem::take(&mut self.nodes[side].map);
        self.check_closed(side);
        self.nodes[side] = Node::with_seed(1 + side as u8, map);
        let key_pair = if side == 0 { author() } else { stranger() };
        self.feeds[side] = write(&mut self.nodes[side], key_pair);
        // Reported blocks must remain; others may.
        let length = self.length(side, side);
        assert!(length >= self.acked[side].len(), "a durable block is missing");
        self.appended[side].truncate(length);
        self.take_acks(side);
    }

    /// The number of blocks that `side` holds of the feed of side `of`.
    fn length(&self, side: usize, of: usize) -> usize {
        self.nodes[side].multifeed.find(&self.keys[of]).map_or(0, |feed| feed.length as usize)
    }

    fn take_acks(&mut self, side: usize) {
        let feed = self.feeds[side];
        for event in core::mem::take(&mut self.nodes[side].events) {
            if let Event::Appended { feed: appended, end, .. } = event
                && appended == feed
            {
                self.acked[side] = self.appended[side][..end as usize].to_vec();
            }
        }
    }

    /// Checks that no honest peer was closed for a violation.
    fn check_closed(&self, side: usize) {
        let is_fair = |reason: &CloseReason| {
            matches!(reason, CloseReason::Deadline(Deadline::Dead | Deadline::Handshake))
        };
        let closed = &self.nodes[side].closed;
        assert!(closed.iter().all(is_fair), "an honest peer was closed: {closed:?}");
    }

    fn pass(&mut self, millis: u64) {
        for node in &mut self.nodes {
            node.now = node.now + core::time::Duration::from_millis(millis);
            node.handle(Input::Timeout);
        }
    }

    /// Accepts both feeds, connects the two nodes, and waits until both hold the same.
    fn meet(&mut self) {
        self.cut();
        for side in 0..2 {
            self.nodes[side].release();
            _ = self.nodes[side].multifeed.accept(self.keys[1 - side]);
            self.nodes[side].drain();
            self.nodes[side].closed.clear();
        }
        self.connect();
        for _ in 0..ROUNDS_MAX {
            while self.deliver(0, usize::MAX) | self.deliver(1, usize::MAX) {}
            if (0..2).all(|of| self.length(0, of) == self.length(1, of)) {
                return;
            }
            self.pass(ROUND_MILLIS);
        }
        panic!("two connected peers do not reach the same state");
    }

    /// Checks that both nodes hold the signed blocks of each feed.
    fn check(&mut self) {
        for of in 0..2 {
            let key = self.keys[of];
            self.take_acks(of);
            let appended = self.appended[of].clone();
            assert!(appended.starts_with(&self.acked[of]), "a durable block is missing");
            let hashes = [0, 1].map(|side: usize| {
                let multifeed = &self.nodes[side].multifeed;
                multifeed.find(&key).and_then(|feed| multifeed.tree_hash(feed.id))
            });
            assert_eq!(hashes[0], hashes[1]);
            let feed = self.feeds[of];
            for (index, block) in appended.iter().enumerate().take(self.length(of, of)) {
                let node = &mut self.nodes[of];
                let index = index as u64;
                _ = node.multifeed.read(feed, index, index + 1);
                node.drain();
                if let Some(Event::Blocks { blocks, .. }) = node.events.pop() {
                    assert_eq!(&blocks[0], block);
                }
            }
        }
    }

    /// Executes an action of the application or the environment. Does not change bytes in flight.
    fn act(&mut self, act: u8, how: u8) {
        let side = usize::from(act & 1);
        let other = self.keys[1 - side];
        match act >> 1 & 15 {
            0 | 1 => self.append(side, how),
            2 => self.connect(),
            3..=6 => _ = self.deliver(side, 1 + 4 * usize::from(how)),
            7 => self.cut(),
            8 => self.crash(side),
            9 => _ = self.nodes[side].held.get_or_insert_default(),
            10 => self.nodes[side].release(),
            11 => self.pass(100 * u64::from(how)),
            12 => _ = self.nodes[side].multifeed.refuse(other),
            13 => _ = self.nodes[side].multifeed.accept(other),
            act => {
                let held = self.nodes[side].multifeed.find(&other);
                let Some((id, length)) = held.map(|feed| (feed.id, feed.length)) else { return };
                let start = u64::from(how) % length.max(1);
                let multifeed = &mut self.nodes[side].multifeed;
                match act {
                    14 if how & 0x80 != 0 => _ = multifeed.remove(id),
                    14 => _ = multifeed.clear(id, start..start + 1),
                    _ => _ = multifeed.download(id, start..start + 1),
                }
            }
        }
        self.nodes[side].drain();
    }
}

/// Opens a node's own feed.
fn write(node: &mut Node, key_pair: KeyPair) -> FeedId {
    let feed = node.multifeed.writer("own", key_pair);
    node.drain();
    feed.expect("there is room for its own feed")
}

/// Runs two honest peers that append, connect, disconnect, crash, refuse, clear and download.
///
/// Claims: neither reports a violation; blocks reported as durable survive every crash; and after
/// a final connection both hold the same blocks of the feeds that both accept.
#[doc(hidden)]
pub fn peers(acts: &[u8]) {
    let mut pair = Pair::new();
    for act in acts.chunks_exact(2) {
        pair.act(act[0], act[1]);
    }
    (0..2).for_each(|side| pair.check_closed(side));
    pair.meet();
    (0..2).for_each(|side| pair.check_closed(side));
    pair.check();
}

/// Runs two honest peers and an attacker between them that drops, repeats, reorders, truncates and
/// changes frames. An action with the top bit set affects the next frames of a side.
///
/// Claims: both keep their own feeds, hold only signed blocks of the other's, and hold the same
/// after a connection without the attacker.
#[doc(hidden)]
pub fn tampered(acts: &[u8]) {
    let mut pair = Pair::new();
    for act in acts.chunks_exact(2) {
        if act[0] & 0x80 == 0 {
            pair.act(act[0], act[1]);
        } else {
            tamper(&mut pair, act[0], act[1]);
        }
        // Who is right is not asked: the bytes were not the other's.
        pair.nodes.iter_mut().for_each(|node| node.closed.clear());
    }
    pair.meet();
    (0..2).for_each(|side| pair.check_closed(side));
    pair.check();
}

/// Takes all that a side has said, and brings it to the other with one frame changed.
fn tamper(pair: &mut Pair, act: u8, how: u8) {
    let Some(connection) = pair.connection else { return };
    let from = usize::from(act & 1);
    let said = pair.nodes[from].transmit(connection);
    let mut reader = FrameReader::new(FRAME_BYTES_MAX);
    reader.push(&pair.pipes[from].split());
    reader.push(&said);
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = reader.next() {
        frames.push(frame);
    }
    let place = usize::from(how & 3).min(frames.len().saturating_sub(1));
    let at = usize::from(how >> 2);
    if let Some(frame) = frames.get_mut(place) {
        let byte = at % frame.len().max(1);
        match act >> 1 & 7 {
            0 => _ = frames.remove(place),
            1 => frames.insert(place, frames[place].clone()),
            2 => frames.reverse(),
            3 => frame.truncate(byte),
            4 => frame.extend_from_slice(&[how; 3]),
            bit => frame.iter_mut().skip(byte).take(1).for_each(|byte| *byte ^= 1 << bit),
        }
    }
    let mut bytes = BytesMut::new();
    frames.iter().for_each(|frame| write_frame(&mut bytes, frame).expect("it was one"));
    pair.nodes[1 - from].handle(Input::Received { connection, bytes: &bytes });
}
