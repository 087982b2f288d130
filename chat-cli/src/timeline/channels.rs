//! Reads pages of one channel, so that a busy channel does not hide the others.

use std::collections::BTreeSet;

use multifeed_tcp::Node;

use super::key::TimelineKey;
use super::{Entry, Timeline, TimelineError};
use crate::sanitize::Clean;

impl Timeline {
    /// Returns the last `count` messages of a channel before a position, or of all.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn channel_page(
        &self,
        node: &Node,
        channel: &Clean,
        before: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, TimelineError> {
        let tag = self.envelope.channel_tag(channel);
        let positions = self.index.channel_before(&tag, before, count)?;
        self.entries(node, &positions).await
    }

    /// Returns the first `count` messages of a channel after a position.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn channel_page_after(
        &self,
        node: &Node,
        channel: &Clean,
        after: TimelineKey,
        count: usize,
    ) -> Result<Vec<Entry>, TimelineError> {
        let tag = self.envelope.channel_tag(channel);
        let mut positions = self.index.channel_from(&tag, after, count.saturating_add(1))?;
        positions.retain(|position| *position != after);
        positions.truncate(count);
        self.entries(node, &positions).await
    }

    /// Returns the messages of a channel around a position: half of `count` before it, half from
    /// it on.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn channel_around(
        &self,
        node: &Node,
        channel: &Clean,
        position: TimelineKey,
        count: usize,
    ) -> Result<Vec<Entry>, TimelineError> {
        let tag = self.envelope.channel_tag(channel);
        let mut positions = self.index.channel_before(&tag, Some(position), count / 2)?;
        positions.extend(self.index.channel_from(&tag, position, count.div_ceil(2))?);
        self.entries(node, &positions).await
    }

    /// Returns the names of the `count` channels with the latest messages.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn channel_names(
        &self,
        node: &Node,
        count: usize,
    ) -> Result<BTreeSet<Clean>, TimelineError> {
        let ends = self.index.channel_ends(count)?;
        let last = self.entries(node, &ends).await?;
        Ok(last.iter().map(|entry| entry.content.channel()).collect())
    }
}
