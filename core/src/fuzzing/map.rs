//! A node whose store is a map, driven by the fuzz bodies.
//!
//! Rule: the store keeps the contract of [`StoreRequest`], even when it fails on purpose.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::{
    CloseReason, Config, ConnectionId, Event, FeedId, Group, Input, Instant, KeyPair, Limits,
    Multifeed, Output, ReadRequest, ScanRequest, Seed, StoreFailure, StoreKey, StoreReply,
    StoreRequest, Write,
};

/// Entries of a store.
pub(super) type Map = BTreeMap<StoreKey, Bytes>;

/// Maximum number of `poll` calls per input; more count as an endless loop.
const OUTPUTS_MAX: usize = 100_000;

/// The group of every fuzzed node.
pub(super) fn group() -> Group {
    Group::keyed([9; 32])
}

/// The key pair of the node's own feed.
pub(super) fn author() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

/// The first blocks of the node's own feed.
pub(super) const BLOCKS: [&[u8]; 5] = [b"one", b"two", b"", b"four", b"the fifth block"];

/// The configuration of a node, with limits that a few bytes reach.
pub(super) fn config(seed: u8) -> Config {
    let mut config = Config::new(group(), Seed::new([seed; 32]));
    config.limits = Limits {
        feeds: 40,
        aliases: 8,
        block_bytes: 1_024,
        window_bytes: 4 * 1_024,
        range_bytes: 512,
        range_blocks: 16,
        serves: 8,
        reads: 2,
        send_bytes: 2 * 1_024,
        wants: 4,
        ..Limits::default()
    };
    config
}

/// A multifeed, its store and its outputs.
pub(super) struct Node {
    pub(super) multifeed: Multifeed,
    pub(super) map: Map,
    pub(super) now: Instant,
    pub(super) events: Vec<Event>,
    pub(super) closed: Vec<CloseReason>,
    /// Whether the store fails every commit.
    pub(super) fails: bool,
    /// If set, requests are collected here instead of being answered.
    pub(super) held: Option<Vec<StoreRequest>>,
}

impl Node {
    /// Opens a store.
    pub(super) fn open(map: Map) -> Self {
        Self::with_seed(1, map)
    }

    /// Opens a store with the identity of `seed`.
    pub(super) fn with_seed(seed: u8, map: Map) -> Self {
        Self::of(Multifeed::open(config(seed)), map)
    }

    /// Combines a newly opened multifeed with its store.
    pub(super) fn of(multifeed: Multifeed, map: Map) -> Self {
        let (events, closed, now) = (Vec::new(), Vec::new(), Instant::ZERO);
        let mut node = Self { multifeed, map, now, events, closed, fails: false, held: None };
        node.drain();
        node
    }

    /// Opens a new store and gives it a feed of its own with [`BLOCKS`].
    pub(super) fn with_blocks() -> Self {
        let mut node = Self::open(Map::new());
        let feed = node.writer();
        // One signature for all blocks, because signing dominates the run time.
        node.append(feed, &BLOCKS);
        node
    }

    /// Opens our own feed.
    pub(super) fn writer(&mut self) -> FeedId {
        let feed = self.multifeed.writer("own", author());
        self.drain();
        feed.expect("there is room for one feed of our own")
    }

    pub(super) fn append(&mut self, feed: FeedId, blocks: &[&[u8]]) {
        // Refused if the store has failed under the feed.
        _ = self.multifeed.append(feed, blocks);
        self.drain();
    }

    pub(super) fn handle(&mut self, input: Input<'_>) {
        self.multifeed.handle(self.now, input);
        self.drain();
    }

    /// Executes all outputs. Checks the invariants before, because an input or a call has changed
    /// the state, and after each reply of the store.
    pub(super) fn drain(&mut self) {
        self.multifeed.check_invariants();
        for _ in 0..OUTPUTS_MAX {
            match self.multifeed.poll() {
                None => return,
                Some(Output::Transmit { .. }) => {}
                Some(Output::Disconnect { reason, .. }) => self.closed.push(reason),
                Some(Output::Event(event)) => self.events.push(event),
                Some(Output::Store(request)) => match &mut self.held {
                    Some(held) => held.push(request),
                    None => {
                        let reply = self.answer(request);
                        self.multifeed.handle(self.now, Input::Stored(reply));
                        self.multifeed.check_invariants();
                    }
                },
            }
        }
        panic!("the outputs do not end");
    }

    /// Answers all collected requests, the last one first, and stops collecting.
    pub(super) fn release(&mut self) {
        // Commits become durable in order, regardless of the order of the replies.
        let replies: Vec<StoreReply> = self.held.take().unwrap_or_default().into_iter().fold(
            Vec::new(),
            |mut replies, request| {
                replies.push(self.answer(request));
                replies
            },
        );
        for reply in replies.into_iter().rev() {
            self.handle(Input::Stored(reply));
        }
    }

    /// Returns all bytes that a connection has to send.
    pub(super) fn transmit(&mut self, connection: ConnectionId) -> BytesMut {
        let mut bytes = BytesMut::new();
        while self.multifeed.poll_transmit(connection, &mut bytes, 1_000) > 0 {
            self.drain();
        }
        self.drain();
        bytes
    }

    /// The blocks of a feed, or the failure of the store.
    pub(super) fn blocks(&mut self, feed: FeedId, length: u64) -> Result<Vec<Bytes>, StoreFailure> {
        let mut all = Vec::new();
        while (all.len() as u64) < length {
            let request = self.multifeed.read(feed, all.len() as u64, length);
            let request = request.expect("the blocks are held");
            self.drain();
            let answer = self.events.pop();
            match answer {
                Some(Event::Blocks { request: answered, blocks, .. }) if answered == request => {
                    assert!(!blocks.is_empty());
                    all.extend(blocks);
                }
                Some(Event::Failed { request: failed, failure }) if failed == request => {
                    return Err(failure);
                }
                event => panic!("unexpected answer to a read: {event:?}"),
            }
        }
        Ok(all)
    }

    fn answer(&mut self, request: StoreRequest) -> StoreReply {
        match request {
            StoreRequest::Read(read) => self.read(read),
            StoreRequest::Scan(scan) => self.scan(scan),
            StoreRequest::Commit(commit) if self.fails => commit.failed(StoreFailure::Io),
            StoreRequest::Commit(commit) => {
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

    fn read(&self, read: ReadRequest) -> StoreReply {
        let values = read.keys().iter().map(|key| self.map.get(key).cloned()).collect();
        read.found(values)
    }

    fn scan(&self, scan: ScanRequest) -> StoreReply {
        let mut bytes = 0;
        let run = self.map.range(scan.from()..scan.until()).take(scan.entries_max());
        let run = run.take_while(|(_, value)| {
            let is_first = bytes == 0;
            bytes += value.len().max(1);
            is_first || bytes <= scan.bytes_max()
        });
        let entries = run.map(|(key, value)| (*key, value.clone())).collect();
        scan.found(entries)
    }
}
