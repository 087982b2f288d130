//! Stores for a multifeed: a crashable store in memory, and a store in one file on disk.
//!
//! Rule: a [`Store`] knows keys and values, and nothing of feeds, peers or requests.
//!
//! The core asks for storage with [`StoreRequest`]s. [`execute`] runs a batch of them against any
//! [`Store`]. [`StoreThread`] does so on its own thread, so neither the core nor an async runtime
//! waits for a disk.
//!
//! ```text
//!   Output::Store(request)                                          Input::Stored(reply)
//!            │                                                               ▲
//!            ▼                                                               │
//!   ┌─────────── StoreThread: bounded queue, one batch for all queued ───────┴──────┐
//!   │   execute: reads at once, consecutive commits as one durable group            │
//!   └───────┬───────────────────────────┬─────────────────────────────┬─────────────┘
//!           ▼                           ▼                             ▼
//!   DiskStore: one file,        MemoryStore: keeps staged     FaultStore: injects failures
//!   one sync per group          and durable apart, crash()    and corruption into any store
//!            │
//!            ▼
//!   Medium: a file, or a SimDisk in memory with power cuts, torn writes and I/O errors
//! ```
//!
//! A store has three operations:
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
//! This crate's README explains why the disk store uses `redb`, with measurements.

mod disk;
mod failure;
mod fault_store;
#[doc(hidden)]
pub mod fuzzing;
mod group_commit;
mod medium;
mod memory;
mod scan;
mod sim_disk;
mod store;
mod thread;

pub use disk::{Check, DiskStore, FORMAT_VERSION};
pub use failure::{Failure, FailureKind};
pub use fault_store::{CommitOutcome, FaultStore};
pub use group_commit::execute;
pub use medium::Medium;
pub use memory::MemoryStore;
pub use scan::Scan;
pub use sim_disk::image::{DiskImage, DiskOp};
pub use sim_disk::power_cut::{PowerCut, SECTOR_BYTES, Tear};
pub use sim_disk::{Fault, FaultKind, SimDisk};
pub use store::Store;
pub use thread::{QUEUE_REQUESTS_MAX, StoreThread};

#[cfg(doc)]
use multifeed_core::StoreRequest;
