//! A range scan, and where it ends.
//!
//! Rule: every store ends a scan through this file, so all stores return the same entries.

use bytes::Bytes;
use multifeed_core::{ScanRequest, StoreKey};

/// A range of keys to read, and how much of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scan {
    /// The first key of the range.
    pub from: StoreKey,
    /// The end of the range, exclusive. A range that ends before it starts is empty.
    pub until: StoreKey,
    /// The most entries to return.
    pub entries_max: usize,
    /// The most bytes of values to return. The first entry is returned whatever its size.
    pub bytes_max: usize,
}

impl Scan {
    /// Returns whether the range contains this key.
    pub(crate) fn contains(&self, key: StoreKey) -> bool {
        self.from <= key && key < self.until
    }

    /// Returns whether the result is empty for any store. Callers check this first: the range
    /// methods of `BTreeMap` and `redb` panic if a range ends before it starts.
    pub(crate) fn is_empty(&self) -> bool {
        self.from >= self.until || self.entries_max == 0
    }

    /// Collects entries until one of the limits is reached.
    pub(crate) fn collect<E>(
        &self,
        entries: impl Iterator<Item = Result<(StoreKey, Bytes), E>>,
    ) -> Result<Vec<(StoreKey, Bytes)>, E> {
        let mut collected = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            let (key, value) = entry?;
            bytes += value.len();
            if bytes > self.bytes_max && !collected.is_empty() {
                break;
            }
            collected.push((key, value));
            if collected.len() >= self.entries_max {
                break;
            }
        }
        Ok(collected)
    }
}

impl From<&ScanRequest> for Scan {
    fn from(request: &ScanRequest) -> Self {
        Self {
            from: request.from(),
            until: request.until(),
            entries_max: request.entries_max(),
            bytes_max: request.bytes_max(),
        }
    }
}
