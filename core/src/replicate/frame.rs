//! The frame that a session fills with messages.

use crate::wire::multifeed::Kind;
use crate::wire::mux::{Batch, MuxMessage};

/// A frame is filled up to here: large enough that its 20 bytes of framing do not matter, small
/// enough that urgent messages never wait long behind it.
pub(crate) const FRAME_BYTES: usize = 60 * 1024;

/// Entries in one message: a few kilobytes.
pub(crate) const ENTRIES_MAX: usize = 1_024;

/// One frame being filled.
pub(crate) struct Frame<'a> {
    batch: &'a mut Batch,
    channel: u64,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(batch: &'a mut Batch, channel: u64) -> Self {
        Self { batch, channel }
    }

    pub(crate) fn push(&mut self, kind: Kind, body: &[u8]) {
        self.batch.push(&MuxMessage::Message { channel: self.channel, kind: kind as u64, body });
    }

    /// Whether another message may begin. Every message except a range has at most [`FRAME_BYTES`],
    /// so no frame without a block is longer than twice that.
    pub(crate) fn has_room(&self) -> bool {
        self.batch.size() < FRAME_BYTES
    }

    /// Whether a message of `bytes` fits. The first one always does.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        self.batch.is_empty() || self.batch.size() + bytes <= FRAME_BYTES
    }

    /// The bytes that are left, if any.
    pub(crate) fn bytes_left(&self) -> Option<usize> {
        FRAME_BYTES.checked_sub(self.batch.size()).filter(|bytes| *bytes > 0)
    }
}
