//! Stores which blocks set the topic of a channel, in timeline order.
//!
//! Rule: topic texts and channel names stay in the feeds; the index contains keyed hashes of the
//! names.

use redb::ReadableDatabase;

use super::Index;
use super::tables::{
    ChannelKey, IndexError, TOPICS, channel_bounds, channel_key, failed, position_in,
};
use crate::envelope::ChannelTag;
use crate::timeline::key::TimelineKey;

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
        let (first, last) = channel_bounds(channel);
        let end = before.map_or(last, |position| channel_key(channel, &position));
        let run = topics.range::<&ChannelKey>(&first..&end).map_err(failed)?;
        let mut positions = Vec::new();
        for entry in run.rev() {
            let (key, ()) = entry.map(|(key, value)| (key, value.value())).map_err(failed)?;
            let position = position_in(key.value());
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
