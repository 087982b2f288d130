//! A store in memory that can crash.
//!
//! Rule: what is durable is a prefix of what was staged, as the core's contract has it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

use crate::{Failure, Scan, Store};

#[cfg(test)]
mod tests;

/// Entries in memory. As a [`Store`] it is durable at once; a simulator calls
/// [`stage`](Self::stage) when a commit is asked for, [`sync`](Self::sync) when it replies, and
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
    /// A store that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out a commit without making it durable: reads see it, a crash may undo it.
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

    /// How many commits are staged and not durable.
    pub fn staged(&self) -> usize {
        self.undo.len()
    }

    /// Makes the oldest `commits` of the staged ones durable, or all if they are fewer.
    pub fn sync(&mut self, commits: usize) {
        self.undo.drain(..commits.min(self.undo.len()));
    }

    /// Stops and starts the machine: of the staged commits the oldest `keep` turn out to be
    /// durable, and the others are forgotten.
    pub fn crash(&mut self, keep: usize) {
        while self.undo.len() > keep {
            for (key, old) in self.undo.pop_back().into_iter().flatten() {
                self.set(key, old);
            }
        }
        self.undo.clear();
    }

    /// A backup: what a crash without luck would leave. Assign it to bring it back.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let mut backup = self.clone();
        backup.crash(0);
        backup
    }

    /// Bytes of all keys and values.
    pub fn byte_size(&self) -> usize {
        self.byte_size
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets or forgets a value, and returns the one before.
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
        let run = self.entries.range(scan.from..scan.until);
        let run = run.map(|(key, value)| Ok::<_, Infallible>((*key, value.clone())));
        Ok(scan.take(run).unwrap_or_else(|never| match never {}))
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        for writes in commits {
            self.stage(writes);
        }
        self.sync(usize::MAX);
        Ok(())
    }
}
