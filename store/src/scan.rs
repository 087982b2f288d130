//! What a scan takes, for every store alike.
//!
//! Rule: where a scan stops is decided here and nowhere else.

use bytes::Bytes;
use multifeed_core::{ScanRequest, StoreKey};

/// Which entries a scan wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scan {
    /// The first key wanted.
    pub from: StoreKey,
    /// The first key not wanted any more; a run that ends before it starts is empty.
    pub until: StoreKey,
    /// No more entries than this.
    pub entries_max: usize,
    /// Stop before the values are more bytes than this, but after one entry at the earliest.
    pub bytes_max: usize,
}

impl Scan {
    /// Whether it wants this key.
    pub(crate) fn wants(&self, key: StoreKey) -> bool {
        self.from <= key && key < self.until
    }

    /// Whether it can want nothing. The maps below panic on a run that ends before it starts.
    pub(crate) fn is_empty(&self) -> bool {
        self.from >= self.until || self.entries_max == 0
    }

    /// As many entries of `run` as fit.
    pub(crate) fn take<E>(
        &self,
        run: impl Iterator<Item = Result<(StoreKey, Bytes), E>>,
    ) -> Result<Vec<(StoreKey, Bytes)>, E> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        for entry in run {
            let (key, value) = entry?;
            bytes += value.len();
            if bytes > self.bytes_max && !taken.is_empty() {
                break;
            }
            taken.push((key, value));
            if taken.len() >= self.entries_max {
                break;
            }
        }
        Ok(taken)
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
