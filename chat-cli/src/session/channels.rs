//! Lists the channels of a room with their message counts, and reads pages of one channel.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Session;
use crate::message::{self, Content};
use crate::report::Failure;
use crate::sanitize::Clean;
use crate::timeline::key::TimelineKey;
use crate::timeline::{Entry, PAGE_SIZE};

/// What is stored of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// The number of messages.
    pub messages: u64,
    /// The time of the last message, as its author gives it.
    pub last: Option<Timestamp>,
    /// The topic; empty if none is set.
    pub topic: Clean,
}

impl Session {
    /// Returns the last `count` messages of a channel before a position, or of all.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn channel_page(
        &self,
        channel: &Clean,
        before: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let page = self.timeline.channel_page(&self.node, channel, before, count).await;
        page.map_err(|error| self.timeline_failure(error))
    }

    /// Returns the first `count` messages of a channel after a position.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn channel_page_after(
        &self,
        channel: &Clean,
        after: TimelineKey,
        count: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let page = self.timeline.channel_page_after(&self.node, channel, after, count).await;
        page.map_err(|error| self.timeline_failure(error))
    }

    /// Returns the messages of a channel around a position: half of `count` before it, half from
    /// it on.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn channel_around(
        &self,
        channel: &Clean,
        position: TimelineKey,
        count: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let around = self.timeline.channel_around(&self.node, channel, position, count).await;
        around.map_err(|error| self.timeline_failure(error))
    }

    /// Returns the names of the `count` channels with the latest messages, from the messages read
    /// so far.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn channel_names(&self, count: usize) -> Result<BTreeSet<Clean>, Failure> {
        let names = self.timeline.channel_names(&self.node, count).await;
        names.map_err(|error| self.timeline_failure(error))
    }

    /// Returns every channel with a readable message. There are never more channels than
    /// messages, and each message takes more space on disk than its channel takes here.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn channels(&self) -> Result<BTreeMap<Clean, Channel>, Failure> {
        self.catch_up().await?;
        let mut channels: BTreeMap<Clean, Channel> = BTreeMap::new();
        // The last topic is valid, even if it is empty.
        let mut has_topic = BTreeSet::new();
        let mut before = None;
        loop {
            let page = self.page(before, PAGE_SIZE).await?;
            let Some(first) = page.first() else { return Ok(channels) };
            before = Some(first.position());
            for entry in page.iter().rev() {
                let Some(chat) = entry.content.chat() else { continue };
                let channel = channels.entry(chat.channel.clone()).or_default();
                match &entry.content {
                    Content::Topic(_) if has_topic.insert(chat.channel.clone()) => {
                        channel.topic = message::topic(&chat.text);
                    }
                    Content::Topic(_) => {}
                    _ => {
                        channel.messages += 1;
                        channel.last = channel.last.or(chat.time);
                    }
                }
            }
        }
    }
}
