//! One pipe: its bytes in flight and its connection.
//!
//! Rule: bytes arrive in the order in which they were sent, or not at all.

use std::collections::VecDeque;

use bytes::Bytes;
use multifeed_core::rng::Rng;
use multifeed_core::{CloseReason, ConnectionId};

use crate::options::{LinkOptions, Pieces};

/// A pipe holds at most the bytes that leave it in this time. Bytes in flight keep the rate at
/// which they were sent, so a slow reader must not delay others for minutes.
const PIPE_SECONDS_MAX: u64 = 10;

/// Longest piece that is delivered at once.
pub(crate) const PIECE_BYTES_MAX: usize = 64 * 1024;

/// One pipe of a [`World`](crate::World).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinkId(pub(crate) u32);

/// An end of a pipe: the first or the second argument of [`World::connect`](crate::World::connect).
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

/// What a pipe carries.
#[derive(Debug)]
pub(crate) enum Item {
    /// The connection opens.
    Open,
    /// Bytes of the connection.
    Bytes(Bytes),
    /// The sender closed the connection.
    Close,
}

/// One direction of a pipe.
#[derive(Debug, Default)]
pub(crate) struct Direction {
    items: VecDeque<Item>,
    bytes: usize,
    /// When the last byte sent has left the sender.
    free_at: u64,
    last_arrival: u64,
    /// The sender has something to send.
    pub(crate) is_wanted: bool,
    /// The sender closes when it has nothing left to send.
    pub(crate) is_closing: bool,
    /// Arrivals that became due while the direction was held.
    missed: usize,
}

/// Which end closed a connection, and why.
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
    /// Down until it is healed.
    pub(crate) is_cut: bool,
    /// No further connection is made: the last one ended normally or for a violation.
    pub(crate) is_over: bool,
    /// Grows with each connection; events of earlier ones are ignored.
    pub(crate) epoch: u32,
    /// Each end's id of the connection, while that end has it.
    pub(crate) ends: [Option<ConnectionId>; 2],
    pub(crate) closed: Option<Closed>,
    /// From the dial until both ends have lost the connection.
    pub(crate) is_live: bool,
    /// When the next dial is due.
    pub(crate) dial: Option<u64>,
    /// Consecutive connections that never opened.
    pub(crate) fails: u32,
    /// Bytes were damaged in flight, so neither end is responsible for how the connection ends.
    pub(crate) is_tampered: bool,
    /// What leaves each end.
    directions: [Direction; 2],
    held: [bool; 2],
    /// The number of connections started.
    pub(crate) connections: u64,
    /// Bytes that arrived, by sending end.
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
            directions: [Direction::default(), Direction::default()],
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

    /// The direction that leaves this side.
    pub(crate) fn direction(&mut self, from: Side) -> &mut Direction {
        &mut self.directions[from as usize]
    }

    /// Whether both ends have the connection.
    pub(crate) fn is_up(&self) -> bool {
        self.ends.iter().all(Option::is_some)
    }

    /// Starts a connection over an empty pipe.
    pub(crate) fn begin(&mut self) {
        self.end_connection();
        self.connections += 1;
        self.is_live = true;
    }

    /// Ends the connection; bytes in flight are lost.
    pub(crate) fn end_connection(&mut self) {
        self.epoch += 1;
        (self.is_live, self.is_tampered) = (false, false);
        self.ends = [None; 2];
        self.directions = [Direction::default(), Direction::default()];
    }

    pub(crate) fn is_held(&self, from: Side) -> bool {
        self.held[from as usize]
    }

    /// Stops a direction silently.
    pub(crate) fn hold(&mut self, from: Side) {
        self.held[from as usize] = true;
    }

    /// Resumes a direction. Returns the number of late items.
    pub(crate) fn release(&mut self, from: Side) -> usize {
        self.held[from as usize] = false;
        std::mem::take(&mut self.direction(from).missed)
    }

    /// Whether no bytes are in flight that were sent at a lower rate than the link has now.
    pub(crate) fn is_at_pace(&self, now: u64) -> bool {
        let LinkOptions { delay, jitter, bandwidth, .. } = self.options;
        self.directions.iter().all(|direction| {
            let takes =
                bandwidth.map_or(0, |rate| direction.bytes as u64 * 1_000_000 / rate.max(1));
            let latest = now.saturating_add(micros(delay) + micros(jitter)).saturating_add(takes);
            direction.items.is_empty() || direction.last_arrival <= latest
        })
    }

    /// Takes an item that is due, unless the direction is held.
    pub(crate) fn arrive(&mut self, from: Side) -> Option<Item> {
        if self.is_held(from) {
            self.direction(from).missed += 1;
            return None;
        }
        let direction = self.direction(from);
        let item = direction.items.pop_front();
        if let Some(Item::Bytes(bytes)) = &item {
            direction.bytes -= bytes.len();
            self.delivered[from as usize] += bytes.len() as u64;
        }
        item
    }

    /// The size of the next piece; 0 if the pipe is full. As in TCP (RFC 9293, section 3.8.6.2), a
    /// small gap is not filled, or pieces would become ever smaller.
    pub(crate) fn room(&mut self, from: Side, rng: &mut Rng) -> usize {
        let rate = self.options.bandwidth.unwrap_or(u64::MAX).saturating_mul(PIPE_SECONDS_MAX);
        let holds = self.options.buffer_bytes.min(usize::try_from(rate).unwrap_or(usize::MAX));
        let free = holds.saturating_sub(self.directions[from as usize].bytes);
        let piece = match self.options.pieces {
            Pieces::Large => PIECE_BYTES_MAX,
            Pieces::Random(max) => 1 + rng.below(max.max(1) as u64) as usize,
            Pieces::Exactly(bytes) => bytes.max(1),
        };
        if free < piece.min(holds.div_ceil(2)) { 0 } else { free.min(piece) }
    }

    /// Items sent from now on arrive at this time or later.
    pub(crate) fn delay_until(&mut self, from: Side, at: u64) {
        let direction = self.direction(from);
        direction.last_arrival = direction.last_arrival.max(at);
    }

    /// Swaps the last two pieces of a direction, if there are two.
    pub(crate) fn swap_last(&mut self, from: Side) -> bool {
        let items = &mut self.direction(from).items;
        let last = items.len().wrapping_sub(1);
        let are_pieces =
            items.len() > 1 && items.range(last - 1..).all(|item| matches!(item, Item::Bytes(_)));
        if are_pieces {
            items.swap(last - 1, last);
        }
        are_pieces
    }

    /// Sends an item. Returns when it arrives.
    pub(crate) fn send(&mut self, from: Side, item: Item, now: u64, rng: &mut Rng) -> u64 {
        let (delay, jitter) = (micros(self.options.delay), micros(self.options.jitter));
        let bandwidth = self.options.bandwidth;
        let direction = self.direction(from);
        let bytes = if let Item::Bytes(bytes) = &item { bytes.len() } else { 0 };
        let takes = bandwidth.map_or(0, |rate| bytes as u64 * 1_000_000 / rate.max(1));
        direction.free_at = direction.free_at.max(now).saturating_add(takes);
        let arrival = direction.free_at.saturating_add(delay).saturating_add(rng.below(jitter + 1));
        direction.last_arrival = direction.last_arrival.max(arrival);
        direction.bytes += bytes;
        direction.items.push_back(item);
        direction.last_arrival
    }
}

pub(crate) fn micros(duration: multifeed_core::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
