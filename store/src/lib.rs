//! Stores for a multifeed: memory that can crash, and a disk.
//!
//! The core asks for storage with [`StoreRequest`]s; [`carry_out`] does what a run of them asks of
//! any [`Store`], and [`StoreThread`] does it on a thread of its own, so that neither the core nor
//! an async runtime waits for a disk.
//!
//! ```text
//!   Output::Store(request)                                          Input::Stored(reply)
//!            │                                                               ▲
//!            ▼                                                               │
//!   ┌─────────────── StoreThread: bounded queue, groups what is queued ──────┴──────┐
//!   │   carry_out: reads at once, runs of commits as one durable group              │
//!   └───────┬───────────────────────────┬─────────────────────────────┬─────────────┘
//!           ▼                           ▼                             ▼
//!   DiskStore: one file,        MemoryStore: staged and       FaultStore: fails, rots,
//!   one sync for each group     durable apart, crash()        around any store
//!            │
//!            ▼
//!   Medium: a file, or a Platter in memory that is cut, torn and broken by tests
//! ```
//!
//! A store is three calls:
//!
//! ```
//! use bytes::Bytes;
//! use multifeed_core::{StoreKey, Write};
//! use multifeed_store::{MemoryStore, Scan, Store};
//!
//! # fn main() -> Result<(), multifeed_store::Failure> {
//! let mut store = MemoryStore::new();
//! let key = StoreKey::from_bytes(*b"a sample key!");
//! store.commit(&[&[Write::Put(key, Bytes::from_static(b"value"))]])?;
//! assert_eq!(store.read(&[key])?, [Some(Bytes::from_static(b"value"))]);
//!
//! let until = StoreKey::from_bytes([0xff; 13]);
//! let all = Scan { from: key, until, entries_max: 10, bytes_max: 1_000 };
//! assert_eq!(store.scan(&all)?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Why the disk is one file of `redb`, and what that costs, is measured in this crate's README.

mod carry;
mod disk;
mod failure;
mod faults;
mod memory;
mod platter;
mod scan;
mod thread;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

pub use carry::carry_out;
pub use disk::{Check, DiskStore, FORMAT_VERSION, Medium};
pub use failure::{Failure, FailureKind};
pub use faults::{FaultStore, Outcome};
pub use memory::MemoryStore;
pub use platter::{Cut, Fault, FaultKind, Image, Op, Platter, SECTOR_BYTES, Tear};
pub use scan::Scan;
pub use thread::{QUEUE_REQUESTS_MAX, StoreThread};

#[cfg(doc)]
use multifeed_core::StoreRequest;

/// Keys and their values, in the order of the keys.
///
/// A disk damages what lies on it. A value that it has damaged comes back as another one, empty
/// where the store finds out, so that it costs no other: whoever reads must have a way to tell. The
/// core has one for all of its values.
pub trait Store {
    /// The values of `keys`, one for each, `None` where there is none.
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure>;

    /// The first entries of a run of keys. None only where the run holds none.
    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure>;

    /// Makes one group of commits durable, in their order; where two writes name one key, the
    /// later wins.
    ///
    /// After `Ok` a power cut does not undo them. After an error nobody knows which of them it
    /// would undo, only that they are a run from the first on and none of them in part; the store
    /// then answers every call with [`FailureKind::Closed`], because a state of unknown truth must
    /// be read anew.
    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure>;
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure> {
        (**self).read(keys)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure> {
        (**self).scan(scan)
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        (**self).commit(commits)
    }
}
