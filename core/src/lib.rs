//! A **multifeed** is a set of append-only signed feeds that peers keep in sync.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod config;
mod error;
mod feed;
mod group;
mod id;
mod io;
mod multifeed;
mod outbox;
mod reconcile;
mod replicate;
mod time;

pub mod chance;
pub mod crypto;
pub mod fuzzing;
pub mod peer;
pub mod wire;

pub use config::{Config, FRAME_BYTES_MAX_EARLY, Limits, Timing};
pub use crypto::sign::{KeyPair, PublicKey, Signature};
pub use error::{Deadline, Limit, Misuse, Reason, StoreFailure, Violation};
pub use feed::{Head, manifest};
pub use group::Group;
pub use id::{ConnectionId, FeedId, FeedKey, RequestId, Role};
pub use io::{
    CommitRequest, Event, Input, Mode, Output, ReadRequest, Refusal, ScanRequest, Secure, StoreKey,
    StoreReply, StoreRequest, Write,
};
pub use multifeed::{Feed, Multifeed, Peer, SyncStatus};
pub use time::{Duration, Instant};
