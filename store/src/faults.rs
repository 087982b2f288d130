//! A store that fails when it is told to.
//!
//! Rule: a fault is told beforehand and strikes once, so that a seed decides all of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

use crate::{Failure, FailureKind, Scan, Store};

#[cfg(test)]
mod tests;

/// Wraps a store and fails its calls. After a failed commit it answers with
/// [`FailureKind::Closed`] until [`reopen`](Self::reopen), as a disk does.
#[derive(Debug)]
pub struct FaultStore<S> {
    inner: S,
    fail_commit: Option<(FailureKind, Outcome)>,
    // A read takes the store by reference, and strikes nevertheless once.
    fail_read: std::cell::Cell<Option<FailureKind>>,
    rotten: BTreeMap<StoreKey, usize>,
    closed: bool,
}

/// What became of a group of commits that was reported as failed: nobody knows, and each can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The first this many of them are durable.
    Kept(usize),
    /// None of them is.
    Lost,
}

impl<S> FaultStore<S> {
    /// A store without faults so far.
    pub fn new(inner: S) -> Self {
        let (fail_commit, fail_read) = (None, std::cell::Cell::new(None));
        Self { inner, fail_commit, fail_read, rotten: BTreeMap::new(), closed: false }
    }

    /// The store inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The store inside, past all faults.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Makes the next commit fail, with what becomes of its group.
    pub fn fail_commit(&mut self, kind: FailureKind, outcome: Outcome) {
        self.fail_commit = Some((kind, outcome));
    }

    /// Makes the next read or scan fail.
    pub fn fail_read(&mut self, kind: FailureKind) {
        self.fail_read.set(Some(kind));
    }

    /// From now on a bit of this key's value is read flipped; `bit` counts from the first byte's
    /// lowest and goes round. Writing the key heals it.
    pub fn rot(&mut self, key: StoreKey, bit: usize) {
        self.rotten.insert(key, bit);
    }

    /// Opens the store again after a failed commit.
    pub fn reopen(&mut self) {
        self.closed = false;
    }

    fn readable(&self) -> Result<(), Failure> {
        if self.closed {
            return Err(Failure::new(FailureKind::Closed));
        }
        self.fail_read.take().map_or(Ok(()), |kind| Err(Failure::new(kind)))
    }

    fn rotted(&self, key: StoreKey, value: Bytes) -> Bytes {
        match self.rotten.get(&key) {
            Some(bit) if !value.is_empty() => {
                let mut value = value.to_vec();
                let bit = bit % (value.len() * 8);
                value[bit / 8] ^= 1 << (bit % 8);
                value.into()
            }
            _ => value,
        }
    }
}

impl<S: Store> Store for FaultStore<S> {
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure> {
        self.readable()?;
        let values = self.inner.read(keys)?.into_iter().zip(keys);
        Ok(values.map(|(value, key)| Some(self.rotted(*key, value?))).collect())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure> {
        self.readable()?;
        let entries = self.inner.scan(scan)?.into_iter();
        Ok(entries.map(|(key, value)| (key, self.rotted(key, value))).collect())
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        if self.closed {
            return Err(Failure::new(FailureKind::Closed));
        }
        let fault = self.fail_commit.take();
        let kept = match fault {
            None => commits.len(),
            Some((_, Outcome::Kept(kept))) => kept.min(commits.len()),
            Some((_, Outcome::Lost)) => 0,
        };
        self.closed = fault.is_some();
        for write in commits[..kept].iter().copied().flatten() {
            let (Write::Put(key, _) | Write::Delete(key)) = write;
            self.rotten.remove(key);
        }
        self.inner.commit(&commits[..kept])?;
        fault.map_or(Ok(()), |(kind, _)| Err(Failure::new(kind)))
    }
}
