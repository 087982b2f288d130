//! Values that many disks hold, in memory once.
//!
//! Rule: a value stands for another only if the two are equal to the byte.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use multifeed_core::Write;

/// Values that are remembered; beyond, all of them are forgotten. The copies of a block are
/// written within seconds, so that few are missed.
const VALUES_MAX: usize = 1 << 16;

/// What the disks of one world were given lately.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// By a hash; of two that have the same, the later one. Nothing depends on their order.
    known: HashMap<u64, Bytes>,
}

impl Values {
    /// The same write, with a value that others hold already where there is one.
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
