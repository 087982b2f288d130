//! Values that several disks store, kept in memory once.
//!
//! Rule: two values share memory only if all their bytes are equal.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use multifeed_core::Write;

/// Values remembered; above this, all are forgotten. The copies of a block are written within
/// seconds of each other, so few are missed.
const VALUES_MAX: usize = 1 << 16;

/// The values that the disks of one world stored recently.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// By hash; of two values with the same hash, the later one. Nothing depends on the order.
    known: HashMap<u64, Bytes>,
}

impl Values {
    /// Returns the same write, sharing the value with other disks where possible.
    pub(crate) fn shared(&mut self, write: &Write) -> Write {
        match write {
            Write::Put(key, value) => Write::Put(*key, self.share(value)),
            Write::Delete(key) => Write::Delete(*key),
        }
    }

    fn share(&mut self, value: &Bytes) -> Bytes {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let hash = hasher.finish();
        if let Some(known) = self.known.get(&hash).filter(|known| *known == value) {
            return known.clone();
        }
        if self.known.len() >= VALUES_MAX {
            self.known.clear();
        }
        self.known.insert(hash, value.clone());
        value.clone()
    }
}

#[cfg(test)]
mod tests;
