//! A store in memory that can simulate crashes.
//!
//! Rule: the durable commits are always a prefix of the staged ones, as the core's storage contract
//! allows.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

use crate::failure::Failure;
use crate::scan::Scan;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// Entries in memory. As a [`Store`] it makes each commit durable at once. A simulator calls
/// [`stage`](Self::stage) for each commit request, [`sync`](Self::sync) before the reply, and
/// [`crash`](Self::crash) in between.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct MemoryStore {
    /// What reads see: durable and staged commits.
    entries: BTreeMap<StoreKey, Bytes>,
    /// For each staged commit, oldest first, the values that it replaced, last write first.
    undo: VecDeque<Vec<(StoreKey, Option<Bytes>)>>,
    byte_size: usize,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies a commit without making it durable: reads see it, a crash may undo it.
    pub fn stage(&mut self, writes: &[Write]) {
        let mut undo: Vec<_> = writes
            .iter()
            .map(|write| match write {
                Write::Put(key, value) => (*key, self.set(*key, Some(value.clone()))),
                Write::Delete(key) => (*key, self.set(*key, None)),
            })
            .collect();
        undo.reverse();
        self.undo.push_back(undo);
    }

    /// Returns the number of staged commits that are not durable yet.
    pub fn staged(&self) -> usize {
        self.undo.len()
    }

    /// Makes the oldest `commits` staged commits durable, or all if there are fewer.
    pub fn sync(&mut self, commits: usize) {
        self.undo.drain(..commits.min(self.undo.len()));
    }

    /// Simulates a crash: the oldest `keep` staged commits become durable, the others are undone.
    pub fn crash(&mut self, keep: usize) {
        while self.undo.len() > keep {
            for (key, old) in self.undo.pop_back().into_iter().flatten() {
                self.set(key, old);
            }
        }
        self.undo.clear();
    }

    /// Returns a backup with the durable commits only. Assign it to restore it.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let mut backup = self.clone();
        backup.crash(0);
        backup
    }

    /// Returns the bytes of all keys and values.
    pub fn byte_size(&self) -> usize {
        self.byte_size
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the store has no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets or removes a value, and returns the previous one.
    fn set(&mut self, key: StoreKey, value: Option<Bytes>) -> Option<Bytes> {
        let size = |value: &Bytes| key.as_bytes().len() + value.len();
        self.byte_size += value.as_ref().map_or(0, size);
        let old = match value {
            Some(value) => self.entries.insert(key, value),
            None => self.entries.remove(&key),
        };
        self.byte_size -= old.as_ref().map_or(0, size);
        old
    }
}

impl Store for MemoryStore {
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure> {
        Ok(keys.iter().map(|key| self.entries.get(key).cloned()).collect())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure> {
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        let range = self.entries.range(scan.from..scan.until);
        let range = range.map(|(key, value)| Ok::<_, Infallible>((*key, value.clone())));
        Ok(scan.collect(range).unwrap_or_else(|never| match never {}))
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        for writes in commits {
            self.stage(writes);
        }
        self.sync(usize::MAX);
        Ok(())
    }
}
