//! The interface that every store implements.
//!
//! Rule: the contract of durability and corruption is stated here; implementations add no
//! exceptions to it.

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

use crate::failure::Failure;
use crate::scan::Scan;

#[cfg(doc)]
use crate::failure::FailureKind;

/// A map from keys to values, ordered by key.
///
/// A disk can corrupt what it holds. A corrupt value is returned as a different value, or as an
/// empty one if the store detects the corruption; other values are not affected. The reader must be
/// able to tell. The core can, for all of its values.
pub trait Store {
    /// Returns the values of `keys`, one for each key; `None` where the store has none.
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure>;

    /// Returns the first entries of a range of keys. The result is empty only if the range is.
    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure>;

    /// Makes one group of commits durable, in order. If two writes have the same key, the later
    /// one wins.
    ///
    /// After `Ok`, a power cut does not undo any of them. After an error, an unknown prefix of the
    /// group is durable, and no commit is durable in part. The store then answers every call with
    /// [`FailureKind::Closed`], because its state is unknown until it is reopened.
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
