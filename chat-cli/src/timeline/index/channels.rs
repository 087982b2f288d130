//! Reads the order of one channel.
//!
//! Rule: the index contains keyed hashes of channel names, so names are read from the feeds.

use redb::ReadableDatabase;

use super::Index;
use super::tables::{
    CHANNEL_TAG_BYTES, CHANNELS, ChannelKey, IndexError, channel_bounds, channel_key, failed,
    position_in,
};
use crate::envelope::ChannelTag;
use crate::timeline::key::TimelineKey;

/// The most channels of which the end is read. Chosen: bounds the time, as anyone can create
/// channels for free.
const ENDS_MAX: usize = 1_000;

impl Index {
    /// Returns the last `count` positions of a channel before a position, or of all, in order.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn channel_before(
        &self,
        channel: &ChannelTag,
        position: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<TimelineKey>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let channels = read.open_table(CHANNELS).map_err(failed)?;
        let (first, last) = channel_bounds(channel);
        let end = position.map_or(last, |position| channel_key(channel, &position));
        let run = channels.range::<&ChannelKey>(&first..&end).map_err(failed)?;
        let mut positions = Vec::new();
        for entry in run.rev().take(count) {
            positions.push(position_in(entry.map_err(failed)?.0.value()));
        }
        positions.reverse();
        Ok(positions)
    }

    /// Returns the first `count` positions of a channel from a position on, in order.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn channel_from(
        &self,
        channel: &ChannelTag,
        position: TimelineKey,
        count: usize,
    ) -> Result<Vec<TimelineKey>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let channels = read.open_table(CHANNELS).map_err(failed)?;
        let (_, last) = channel_bounds(channel);
        let first = channel_key(channel, &position);
        let run = channels.range::<&ChannelKey>(&first..&last).map_err(failed)?;
        run.take(count).map(|entry| Ok(position_in(entry.map_err(failed)?.0.value()))).collect()
    }

    /// Returns the last position of each channel, of the `count` channels with the latest ones.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn channel_ends(&self, count: usize) -> Result<Vec<TimelineKey>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let channels = read.open_table(CHANNELS).map_err(failed)?;
        let mut ends = Vec::new();
        let mut start = [0; size_of::<ChannelKey>()];
        while ends.len() < ENDS_MAX {
            let mut run = channels.range::<&ChannelKey>(&start..).map_err(failed)?;
            let Some(first) = run.next().transpose().map_err(failed)? else { break };
            let mut channel = [0; CHANNEL_TAG_BYTES];
            channel.copy_from_slice(&first.0.value()[..CHANNEL_TAG_BYTES]);
            let (from, last) = channel_bounds(&channel);
            let end = channels.range::<&ChannelKey>(&from..&last).map_err(failed)?.next_back();
            if let Some(end) = end {
                ends.push(position_in(end.map_err(failed)?.0.value()));
            }
            start = last;
        }
        ends.sort_unstable_by_key(|end| std::cmp::Reverse(*end));
        ends.truncate(count);
        Ok(ends)
    }
}
