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
//!     /// Whether the core closed the connection; bytes for it may be left.
//!     is_closing: bool,
//! }
//!
//! impl Node {
//!     fn open(seed: [u8; 32]) -> Self {
//!         // A real program draws the seed with `Seed::generate`.
//!         let config = Config::new(Group::open("kitchen"), Seed::new(seed));
//!         let (multifeed, store) = (Multifeed::open(config), BTreeMap::new());
//!         Self { multifeed, store, events: Vec::new(), is_closing: false }
//!     }
//!
//!     /// Carries out the outputs of the core.
//!     fn drain(&mut self, now: Instant) {
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
//!                         match write {
//!                             Write::Put(key, value) => {
//!                                 self.store.insert(*key, value.clone());
//!                             }
//!                             Write::Delete(key) => {
//!                                 self.store.remove(key);
//!                             }
//!                         }
//!                     }
//!                     commit.durable()
//!                 }
//!                 // A real program notes the connection, and wakes the writer of its socket.
//!                 Output::Transmit { .. } => continue,
//!                 // It sends what `poll_transmit` still returns, and closes the socket.
//!                 Output::Disconnect { .. } => { self.is_closing = true; continue }
//!             };
//!             self.multifeed.handle(now, Input::Stored(reply));
//!         }
//!     }
//! }
//!
//! let (mut a, mut b) = (Node::open([1; 32]), Node::open([2; 32]));
//! // The time since the program started, which never goes back.
//! let mut now = Instant::ZERO;
//! a.drain(now);
//! b.drain(now);
//! let feed = a.multifeed.writer("local", KeyPair::from_seed(&[3; 32]))?;
//! a.multifeed.append(feed, &[b"hello"])?;
//!
//! // `Once`: the connection closes when both sides hold everything.
//! let (connection, secure, mode) = (ConnectionId(1), Secure::Noise, Mode::Once);
//! for (node, role) in [(&mut a, Role::Initiator), (&mut b, Role::Responder)] {
//!     let secure = secure.clone();
//!     let input = Input::Connected { connection, role, secure, mode };
//!     node.multifeed.handle(now, input);
//! }
//! let mut is_open = true;
//! while is_open {
//!     for _ in 0..2 {
//!         a.drain(now);
//!         let mut bytes = BytesMut::new();
//!         a.multifeed.poll_transmit(connection, &mut bytes, 64 * 1024);
//!         b.multifeed.handle(now, Input::Received { connection, bytes: &bytes });
//!         b.drain(now);
//!         is_open &= !(a.is_closing && bytes.is_empty());
//!         std::mem::swap(&mut a, &mut b);
//!     }
//!     // A real program sleeps until a socket is ready or the earlier deadline has come.
//!     now = now + Duration::from_millis(10);
//!     for node in [&mut a, &mut b] {
//!         if node.multifeed.deadline().is_some_and(|deadline| deadline <= now) {
//!             node.multifeed.handle(now, Input::Timeout);
//!         }
//!     }
//! }
//! // Either side closed its socket, and the other one sees that: both cores have to know.
//! for node in [&mut a, &mut b] {
//!     node.multifeed.handle(now, Input::Disconnected { connection });
//!     node.drain(now);
//! }
//!
//! let key = a.multifeed.feed(feed).expect("it is ours").key;
//! let copy = b.multifeed.find(&key).expect("it came");
//! assert_eq!(copy.length, 1);
//! let request = b.multifeed.read(copy.key, 0, 1)?;
//! b.drain(now);
//! // Events that answer a request name it.
//! let answer = b.events.iter().find(|event| event.request() == Some(request));
//! assert!(matches!(answer, Some(Event::Blocks { blocks, .. }) if blocks[0] == "hello"));
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

pub mod record;

// For the other crates of this workspace: their tools, tests and attackers speak the protocol
// message by message. No version promises anything about these modules.
#[doc(hidden)]
pub mod crypto;
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod peer;
#[doc(hidden)]
pub mod rng;
#[doc(hidden)]
pub mod wire;

pub use config::{
    Admission, BLOCK_BYTES_BESIDE, BLOCK_BYTES_MAX, Config, FRAME_BYTES_MAX_EARLY,
    FRAME_BYTES_MAX_UNASKED, Limits, Seed, Timing,
};
pub use crypto::sign::{KeyPair, PublicKey, Signature};
pub use crypto::{SIGNATURES_REMEMBERED_MAX, SignatureMemo};
pub use error::{CloseReason, Deadline, Limit, Misuse, StoreFailure, Violation};
pub use feed::{Fork, Head, manifest};
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
/// The version of the traits of random generators that [`Seed`] and [`KeyPair`] take.
pub use rand_core;
pub use time::{Duration, Instant};
pub use wire::hypercore::Unsupported;

#[cfg(test)]
mod tests;
