//! Stores which blocks set the topic of a channel, in timeline order.
//!
//! Rule: topic texts and channel names stay in the feeds; the index contains keyed hashes of the
//! names.

use redb::ReadableDatabase;

use super::Index;
use super::tables::{CHANNEL_TAG_BYTES, IndexError, TOPICS, TopicKey, failed, topic_key};
use crate::envelope::ChannelTag;
use crate::timeline::key::{TIMELINE_KEY_BYTES, TimelineKey};

impl Index {
    /// Returns the last `count` blocks that set the topic of a channel, before a position or of
    /// all, in order. Unwanted feeds are skipped without reading them.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn topics(
        &self,
        channel: &ChannelTag,
        before: Option<TimelineKey>,
        is_wanted: impl Fn(&[u8; 32]) -> bool,
        count: usize,
    ) -> Result<Vec<TimelineKey>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let topics = read.open_table(TOPICS).map_err(failed)?;
        let mut first = [0; CHANNEL_TAG_BYTES + TIMELINE_KEY_BYTES];
        first[..CHANNEL_TAG_BYTES].copy_from_slice(channel);
        let mut last = [0xff; CHANNEL_TAG_BYTES + TIMELINE_KEY_BYTES];
        last[..CHANNEL_TAG_BYTES].copy_from_slice(channel);
        // No block has the largest index, so the end may be exclusive.
        let end = before.map_or(last, |position| topic_key(channel, &position));
        let run = topics.range::<&TopicKey>(&first..&end).map_err(failed)?;
        let mut positions = Vec::new();
        for entry in run.rev() {
            let (key, ()) = entry.map(|(key, value)| (key, value.value())).map_err(failed)?;
            let (_, position) = key.value().split_last_chunk().expect("a key ends with a position");
            let position = TimelineKey::from_bytes(position);
            if is_wanted(&position.block.feed) {
                positions.push(position);
            }
            if positions.len() == count {
                break;
            }
        }
        positions.reverse();
        Ok(positions)
    }
}
