//! Brings the blocks of an existing hypercore into a multifeed: the migration path for programs
//! that store their cores with the crate `hypercore`, or with the JavaScript package `hypercore`
//! of version 10.
//!
//! Rule: a folder is only read, never written, and nothing of it is believed before the author's
//! signature covers it. Every error names the file and what is wrong with it.
//!
//! There are two ways. [`adopt()`] keeps the core as it is, with its key, its history and its
//! author's signatures: the multifeed replicates it with stock peers, and cannot append to it.
//! [`copy()`] appends the blocks to a new feed of the group, which has a key of its own and can be
//! continued.
//!
//! ```no_run
//! use import_hypercore::{Source, Target, adopt};
//! use multifeed_core::{Config, Group, Seed};
//! use multifeed_store::{Check, DiskStore};
//!
//! # fn main() -> Result<(), import_hypercore::ImportError> {
//! let mut source = Source::open("my-core")?;
//! let store = DiskStore::open("feeds", Check::Quick)?;
//! let seed = Seed::new([1; 32]); // fresh random bytes
//! let mut target = Target::open(Config::new(Group::open("kitchen"), seed), store)?;
//! let imported = adopt(&mut source, &mut target)?;
//! assert_eq!(imported.length, source.held());
//! # Ok(())
//! # }
//! ```
//!
//! The crate `hypercore` is not used to read the folder. It opens folders for writing, panics on
//! some damaged ones, and does not read blocks above 2 MiB. It writes the folders of this crate's
//! tests.

mod adopt;
mod copy;
mod error;
mod oplog;
mod proofs;
mod source;
mod target;
mod tree;

pub use adopt::adopt;
pub use copy::copy;
pub use error::{ImportError, Layout};
pub use source::Source;
pub use target::{Imported, Target};
