//! A **multifeed** is a set of append-only signed feeds, one or more for each writer, that peers
//! keep in sync over any byte stream. This crate is the protocol: a state machine whose inputs and
//! outputs are bytes. It has no I/O, no clock, no randomness of its own and no async, so it runs in
//! any runtime, and equal inputs give equal outputs.
//!
//! ```text
//!    application            store                    peer
//!   append, read …       StoreReply        bytes in any pieces
//!        │                    │                      │
//!        ▼                    ▼                      ▼
//!  ┌───────────────────────────── Multifeed ─────────────────────────────┐
//!  │ feed        one feed: tree, proof, signed head                      │
//!  │ reconcile   finds the feeds in which two peers differ               │
//!  │ replicate   one feed × one peer: want, serve, range                 │
//!  │ peer        one connection: secret stream, channels                 │
//!  │ wire        bytes ⇄ values                                          │
//!  └──────────────────────────────────────────────────────────────────────┘
//!        │                    │                      │
//!        ▼                    ▼                      ▼
//!      Event            StoreRequest          poll_transmit
//! ```
//!
//! Each feed is a [Hypercore 11](https://github.com/holepunchto/hypercore) core that JavaScript
//! opens. A feed belongs to one [`Group`] by construction: its key is a hash of its author's
//! public key and the group's namespace. A block is announced to peers once the store has reported
//! that it is durable, and the worst effect of a peer's messages is that its own connection closes.
//!
//! # A whole exchange
//!
//! Two multifeeds in one thread, each with a map for a store. Durable stores are in
//! `multifeed-store`, sockets in `multifeed-tcp`, and a simulator in `multifeed-memory`.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use bytes::BytesMut;
//! use multifeed_core::*;
//!
//! struct Node {
//!     multifeed: Multifeed,
//!     store: BTreeMap<StoreKey, bytes::Bytes>,
//!     events: Vec<Event>,
//! }
//!
//! impl Node {
//!     fn open(seed: [u8; 32]) -> Self {
//!         let config = Config::new(Group::open("kitchen"), seed);
//!         Self { multifeed: Multifeed::open(config), store: BTreeMap::new(), events: Vec::new() }
//!     }
//!
//!     /// Carries out the outputs of the core.
//!     fn drain(&mut self) {
//!         while let Some(output) = self.multifeed.poll() {
//!             let reply = match output {
//!                 Output::Event(event) => { self.events.push(event); continue }
//!                 Output::Store(StoreRequest::Read(read)) => {
//!                     let values = read.keys().iter().map(|key| self.store.get(key).cloned());
//!                     let values = values.collect();
//!                     read.found(values)
//!                 }
//!                 Output::Store(StoreRequest::Scan(scan)) => {
//!                     let entries = self.store.range(scan.from()..scan.until());
//!                     let entries = entries.map(|(key, value)| (*key, value.clone()));
//!                     let entries = entries.take(scan.entries_max()).collect();
//!                     scan.found(entries)
//!                 }
//!                 Output::Store(StoreRequest::Commit(commit)) => {
//!                     for write in commit.writes() {
//!                         if let Write::Put(key, value) = write {
//!                             self.store.insert(*key, value.clone());
//!                         }
//!                     }
//!                     commit.durable()
//!                 }
//!                 // A real program wakes its socket's writer, or closes its socket, here.
//!                 Output::Transmit { .. } | Output::Disconnect { .. } => continue,
//!             };
//!             self.multifeed.handle(Instant::ZERO, Input::Stored(reply));
//!         }
//!     }
//! }
//!
//! let (mut a, mut b) = (Node::open([1; 32]), Node::open([2; 32]));
//! a.drain();
//! b.drain();
//! let feed = a.multifeed.writer("local", KeyPair::from_seed(&[3; 32]))?;
//! a.multifeed.append(feed, &[b"hello"])?;
//!
//! let (connection, secure, mode) = (ConnectionId(1), Secure::Noise, Mode::Live);
//! for (node, role) in [(&mut a, Role::Initiator), (&mut b, Role::Responder)] {
//!     let secure = secure.clone();
//!     let input = Input::Connected { connection, role, secure, mode };
//!     node.multifeed.handle(Instant::ZERO, input);
//! }
//! loop {
//!     let mut moved = 0;
//!     for _ in 0..2 {
//!         a.drain();
//!         let mut bytes = BytesMut::new();
//!         moved += a.multifeed.poll_transmit(connection, &mut bytes, 64 * 1024);
//!         let input = Input::Received { connection, bytes: &bytes };
//!         b.multifeed.handle(Instant::ZERO, input);
//!         b.drain();
//!         std::mem::swap(&mut a, &mut b);
//!     }
//!     if moved == 0 { break }
//! }
//!
//! let key = a.multifeed.feed(feed).expect("it is ours").key;
//! let copy = b.multifeed.find(&key).expect("it came");
//! assert_eq!(copy.length, 1);
//! b.multifeed.read(copy.id, 0, 1)?;
//! b.drain();
//! assert!(matches!(b.events.last(), Some(Event::Blocks { blocks, .. }) if blocks[0] == "hello"));
//! # Ok::<(), Misuse>(())
//! ```
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod config;
mod error;
mod feed;
mod footprint;
mod group;
mod hex;
mod id;
mod io;
mod multifeed;
mod outbox;
mod policy;
mod reconcile;
mod replicate;
mod step;
mod time;

pub mod crypto;
pub mod fuzzing;
pub mod peer;
pub mod record;
pub mod rng;
pub mod wire;

pub use config::{
    Admission, BLOCK_BYTES_BESIDE, BLOCK_BYTES_MAX, Config, FRAME_BYTES_MAX_EARLY,
    FRAME_BYTES_MAX_UNASKED, Limits, Timing,
};
pub use crypto::sign::{KeyPair, PublicKey, Signature};
pub use crypto::{SIGNATURES_REMEMBERED_MAX, SignatureMemo};
pub use error::{CloseReason, Deadline, Limit, Misuse, StoreFailure, Violation};
pub use feed::{Head, manifest};
#[doc(hidden)]
pub use footprint::{ConnectionFootprint, Footprint};
pub use group::Group;
pub use hex::ParseKeyError;
pub use id::{ConnectionId, FeedId, FeedKey, FeedSelector, RequestId, Role};
pub use io::{
    CommitRequest, Event, Input, Mode, Output, ReadRequest, Refusal, ScanRequest, Secure, StoreKey,
    StoreReply, StoreRequest, Write,
};
pub use multifeed::{Feed, Multifeed, Peer, SyncStatus};
pub use time::{Duration, Instant};
pub use wire::hypercore::Unsupported;

#[cfg(test)]
mod tests;
