//! One pipe: what is under way on it, and which connection runs over it.
//!
//! Rule: bytes arrive in the order in which they were sent, or not at all.

use std::collections::VecDeque;

use bytes::Bytes;
use multifeed_core::rng::Rng;
use multifeed_core::{CloseReason, ConnectionId};

use crate::options::{LinkOptions, Pieces};

/// A pipe takes no more than leaves it in so many seconds: what is under way keeps the pace that it
/// was sent at, and nobody is to wait for minutes for what a slow reader was sent.
const PIPE_SECONDS_MAX: u64 = 10;

/// Longest piece that is handed over at once.
pub(crate) const PIECE_BYTES_MAX: usize = 64 * 1024;

/// One pipe of a [`World`](crate::World).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinkId(pub(crate) u32);

/// An end of a pipe: the first or the second of [`World::connect`](crate::World::connect).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Side {
    /// Dials.
    First,
    /// Is dialled.
    Second,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::First, Self::Second];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// What travels.
#[derive(Debug)]
pub(crate) enum Item {
    /// The connection is there.
    Open,
    /// Bytes of it.
    Bytes(Bytes),
    /// The sender closed it.
    Close,
}

/// One direction of a pipe.
#[derive(Debug, Default)]
pub(crate) struct Way {
    items: VecDeque<Item>,
    bytes: usize,
    /// When the last byte that was sent has left.
    free_at: u64,
    last_arrival: u64,
    /// The sender has something to send.
    pub(crate) is_wanted: bool,
    /// The sender closes once it has nothing more to send.
    pub(crate) is_closing: bool,
    /// Arrivals that came while the way was held.
    missed: usize,
}

/// What a connection was closed for by one of its ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Closed {
    pub(crate) side: Side,
    pub(crate) reason: CloseReason,
}

/// One pipe.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) nodes: [u32; 2],
    pub(crate) options: LinkOptions,
    /// Taken down until it is healed.
    pub(crate) is_cut: bool,
    /// No connection is made any more: it ended as it should, or for somebody's fault.
    pub(crate) is_over: bool,
    /// Grows with each connection; events of an earlier one mean nothing.
    pub(crate) epoch: u32,
    /// The connection as each end knows it, while it does.
    pub(crate) ends: [Option<ConnectionId>; 2],
    pub(crate) closed: Option<Closed>,
    /// From the dial until nothing is left of the connection.
    pub(crate) is_live: bool,
    /// When the next dial is due, if one is.
    pub(crate) dial: Option<u64>,
    /// Connections in a row that never opened.
    pub(crate) fails: u32,
    /// Bytes of the connection were changed on their way: how it ends is nobody's fault.
    pub(crate) is_tampered: bool,
    /// What leaves each end.
    ways: [Way; 2],
    held: [bool; 2],
    /// How many connections were begun.
    pub(crate) connections: u64,
    /// Bytes that arrived, by the end they left.
    pub(crate) delivered: [u64; 2],
}

impl Link {
    pub(crate) fn new(nodes: [u32; 2], options: LinkOptions) -> Self {
        Self {
            nodes,
            options,
            is_cut: false,
            is_over: false,
            epoch: 0,
            ends: [None; 2],
            closed: None,
            is_live: false,
            dial: None,
            fails: 0,
            is_tampered: false,
            ways: [Way::default(), Way::default()],
            held: [false; 2],
            connections: 0,
            delivered: [0; 2],
        }
    }

    pub(crate) fn node(&self, side: Side) -> u32 {
        self.nodes[side as usize]
    }

    pub(crate) fn end(&self, side: Side) -> Option<ConnectionId> {
        self.ends[side as usize]
    }

    /// The way that leaves this side.
    pub(crate) fn way(&mut self, from: Side) -> &mut Way {
        &mut self.ways[from as usize]
    }

    /// Both ends know of the connection.
    pub(crate) fn is_up(&self) -> bool {
        self.ends.iter().all(Option::is_some)
    }

    /// Begins a connection over an empty pipe.
    pub(crate) fn begin(&mut self) {
        self.end_connection();
        self.connections += 1;
        self.is_live = true;
    }

    /// Ends the connection: what was under way is lost.
    pub(crate) fn end_connection(&mut self) {
        self.epoch += 1;
        (self.is_live, self.is_tampered) = (false, false);
        self.ends = [None; 2];
        self.ways = [Way::default(), Way::default()];
    }

    pub(crate) fn is_held(&self, from: Side) -> bool {
        self.held[from as usize]
    }

    /// Stops a way without a word to anybody.
    pub(crate) fn hold(&mut self, from: Side) {
        self.held[from as usize] = true;
    }

    /// Lets a way go on. Returns how many items are late.
    pub(crate) fn release(&mut self, from: Side) -> usize {
        self.held[from as usize] = false;
        std::mem::take(&mut self.way(from).missed)
    }

    /// Whether nothing is under way that was sent at a slower pace than the link has now.
    pub(crate) fn is_at_pace(&self, now: u64) -> bool {
        let LinkOptions { delay, jitter, bandwidth, .. } = self.options;
        self.ways.iter().all(|way| {
            let takes = bandwidth.map_or(0, |rate| way.bytes as u64 * 1_000_000 / rate.max(1));
            let latest = now.saturating_add(micros(delay) + micros(jitter)).saturating_add(takes);
            way.items.is_empty() || way.last_arrival <= latest
        })
    }

    /// An item is due: takes it, unless the way is held.
    pub(crate) fn arrive(&mut self, from: Side) -> Option<Item> {
        if self.is_held(from) {
            self.way(from).missed += 1;
            return None;
        }
        let way = self.way(from);
        let item = way.items.pop_front();
        if let Some(Item::Bytes(bytes)) = &item {
            way.bytes -= bytes.len();
            self.delivered[from as usize] += bytes.len() as u64;
        }
        item
    }

    /// How many bytes the next piece may have; 0: the pipe is full. As in TCP (RFC 9293, section
    /// 3.8.6.2), a small gap is not filled: pieces would become ever smaller.
    pub(crate) fn room(&mut self, from: Side, chance: &mut Rng) -> usize {
        let rate = self.options.bandwidth.unwrap_or(u64::MAX).saturating_mul(PIPE_SECONDS_MAX);
        let holds = self.options.buffer_bytes.min(usize::try_from(rate).unwrap_or(usize::MAX));
        let free = holds.saturating_sub(self.ways[from as usize].bytes);
        let piece = match self.options.pieces {
            Pieces::Large => PIECE_BYTES_MAX,
            Pieces::Random(max) => 1 + chance.below(max.max(1) as u64) as usize,
            Pieces::Exactly(bytes) => bytes.max(1),
        };
        if free < piece.min(holds.div_ceil(2)) { 0 } else { free.min(piece) }
    }

    /// Nothing that is sent from now on arrives before then.
    pub(crate) fn delay_until(&mut self, from: Side, at: u64) {
        let way = self.way(from);
        way.last_arrival = way.last_arrival.max(at);
    }

    /// Lets the last two pieces of a way change places, if there are two.
    pub(crate) fn swap_last(&mut self, from: Side) -> bool {
        let items = &mut self.way(from).items;
        let last = items.len().wrapping_sub(1);
        let are_pieces =
            items.len() > 1 && items.range(last - 1..).all(|item| matches!(item, Item::Bytes(_)));
        if are_pieces {
            items.swap(last - 1, last);
        }
        are_pieces
    }

    /// Puts an item on its way, and returns when it arrives.
    pub(crate) fn send(&mut self, from: Side, item: Item, now: u64, chance: &mut Rng) -> u64 {
        let (delay, jitter) = (micros(self.options.delay), micros(self.options.jitter));
        let bandwidth = self.options.bandwidth;
        let way = self.way(from);
        let bytes = if let Item::Bytes(bytes) = &item { bytes.len() } else { 0 };
        let takes = bandwidth.map_or(0, |rate| bytes as u64 * 1_000_000 / rate.max(1));
        way.free_at = way.free_at.max(now).saturating_add(takes);
        let arrival = way.free_at.saturating_add(delay).saturating_add(chance.below(jitter + 1));
        way.last_arrival = way.last_arrival.max(arrival);
        way.bytes += bytes;
        way.items.push_back(item);
        way.last_arrival
    }
}

pub(crate) fn micros(duration: multifeed_core::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
