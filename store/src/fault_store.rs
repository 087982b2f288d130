//! A store that injects failures and corruption.
//!
//! Rule: each fault is scheduled in advance and fires once, so a run is reproducible from its seed.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

use crate::failure::{Failure, FailureKind};
use crate::scan::Scan;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// Wraps a store and fails its calls on demand. After a failed commit it answers with
/// [`FailureKind::Closed`] until [`reopen`](Self::reopen), like a disk store.
#[derive(Debug)]
pub struct FaultStore<S> {
    inner: S,
    commit_fault: Option<CommitFault>,
    // A cell, because reads borrow the store immutably and still use up the fault.
    read_fault: Cell<Option<FailureKind>>,
    /// Bits to flip, by key.
    corrupt_bits: BTreeMap<StoreKey, usize>,
    is_closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct CommitFault {
    kind: FailureKind,
    outcome: CommitOutcome,
}

/// What a failed group of commits leaves in the store. A caller cannot know which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitOutcome {
    /// The first this many commits are durable.
    Kept(usize),
    /// No commit is durable.
    Lost,
}

impl<S> FaultStore<S> {
    /// Wraps a store, without faults.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            commit_fault: None,
            read_fault: Cell::new(None),
            corrupt_bits: BTreeMap::new(),
            is_closed: false,
        }
    }

    /// Returns the wrapped store.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns the wrapped store. Calls through this reference bypass all faults.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Makes the next commit fail with `kind`; `outcome` says what its group leaves in the store.
    pub fn fail_commit(&mut self, kind: FailureKind, outcome: CommitOutcome) {
        self.commit_fault = Some(CommitFault { kind, outcome });
    }

    /// Makes the next read or scan fail.
    pub fn fail_read(&mut self, kind: FailureKind) {
        self.read_fault.set(Some(kind));
    }

    /// Flips one bit of this key's value in every read until the key is written again. `bit` counts
    /// from the lowest bit of the first byte, modulo the value's length.
    pub fn corrupt(&mut self, key: StoreKey, bit: usize) {
        self.corrupt_bits.insert(key, bit);
    }

    /// Reopens the store after a failed commit.
    pub fn reopen(&mut self) {
        self.is_closed = false;
    }

    fn check_readable(&self) -> Result<(), Failure> {
        if self.is_closed {
            return Err(Failure::new(FailureKind::Closed));
        }
        self.read_fault.take().map_or(Ok(()), |kind| Err(Failure::new(kind)))
    }

    /// Returns the value as it is read: with its corrupt bit flipped, if it has one.
    fn as_read(&self, key: StoreKey, value: Bytes) -> Bytes {
        match self.corrupt_bits.get(&key) {
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
        self.check_readable()?;
        let values = self.inner.read(keys)?.into_iter().zip(keys);
        Ok(values.map(|(value, key)| Some(self.as_read(*key, value?))).collect())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure> {
        self.check_readable()?;
        let entries = self.inner.scan(scan)?.into_iter();
        Ok(entries.map(|(key, value)| (key, self.as_read(key, value))).collect())
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        if self.is_closed {
            return Err(Failure::new(FailureKind::Closed));
        }
        let fault = self.commit_fault.take();
        let kept = match fault.map(|fault| fault.outcome) {
            None => commits.len(),
            Some(CommitOutcome::Kept(kept)) => kept.min(commits.len()),
            Some(CommitOutcome::Lost) => 0,
        };
        self.is_closed = fault.is_some();
        for write in commits[..kept].iter().copied().flatten() {
            let (Write::Put(key, _) | Write::Delete(key)) = write;
            self.corrupt_bits.remove(key);
        }
        self.inner.commit(&commits[..kept])?;
        fault.map_or(Ok(()), |fault| Err(Failure::new(fault.kind)))
    }
}
