//! Stores which blocks set the topic of a channel, in timeline order.
//!
//! Rule: topic texts and channel names stay in the feeds; the index contains keyed hashes of the
//! names.

use redb::ReadableDatabase;

use super::View;
use super::tables::{MARK_BYTES, TOPICS, TopicKey, ViewFailure, failed, topic_key};
use crate::envelope::ChannelMark;
use crate::timeline::key::{SPOT_BYTES, Spot};

impl View {
    /// Returns the last `count` blocks that set the topic of a channel, before a position or of
    /// all, in order. Unwanted feeds are skipped without reading them.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn topics(
        &self,
        channel: &ChannelMark,
        before: Option<Spot>,
        is_wanted: impl Fn(&[u8; 32]) -> bool,
        count: usize,
    ) -> Result<Vec<Spot>, ViewFailure> {
        let read = self.database.begin_read().map_err(failed)?;
        let topics = read.open_table(TOPICS).map_err(failed)?;
        let mut first = [0; MARK_BYTES + SPOT_BYTES];
        first[..MARK_BYTES].copy_from_slice(channel);
        let mut last = [0xff; MARK_BYTES + SPOT_BYTES];
        last[..MARK_BYTES].copy_from_slice(channel);
        // No block has the largest index, so the end may be exclusive.
        let end = before.map_or(last, |spot| topic_key(channel, &spot));
        let run = topics.range::<&TopicKey>(&first..&end).map_err(failed)?;
        let mut spots = Vec::new();
        for entry in run.rev() {
            let (key, ()) = entry.map(|(key, value)| (key, value.value())).map_err(failed)?;
            let (_, spot) = key.value().split_last_chunk().expect("a key ends with a spot");
            let spot = Spot::from_bytes(spot);
            if is_wanted(&spot.block.feed) {
                spots.push(spot);
            }
            if spots.len() == count {
                break;
            }
        }
        spots.reverse();
        Ok(spots)
    }
}
