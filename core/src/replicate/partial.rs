//! The received parts of one peer's incomplete message of a reconciliation.
//!
//! Rule: every byte counts in [`Sets::partial_bytes`], which bounds the parts of all peers together.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::reconcile::sets::Sets;

/// The parts that have arrived.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    bytes: Vec<u8>,
}

impl Partial {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a part.
    pub(crate) fn push(&mut self, sets: &mut Sets, part: &[u8]) {
        self.bytes.extend_from_slice(part);
        sets.partial_bytes += part.len();
    }

    /// The whole message, whose last bytes are these.
    pub(crate) fn complete<'a>(&mut self, sets: &mut Sets, last: &'a [u8]) -> Cow<'a, [u8]> {
        let mut whole = self.take(sets);
        if whole.is_empty() {
            return Cow::Borrowed(last);
        }
        whole.extend_from_slice(last);
        Cow::Owned(whole)
    }

    /// Drops all parts.
    pub(crate) fn drop_all(&mut self, sets: &mut Sets) {
        self.take(sets);
    }

    fn take(&mut self, sets: &mut Sets) -> Vec<u8> {
        let bytes = core::mem::take(&mut self.bytes);
        sets.partial_bytes -= bytes.len();
        bytes
    }
}
