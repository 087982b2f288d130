//! The channels of a room, by what was said in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Session;
use crate::message::{self, Content};
use crate::report::Failure;
use crate::sanitize::Clean;
use crate::timeline::PAGE_SIZE;

/// What is here of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// Its messages.
    pub messages: u64,
    /// When the last of them was written, as its author says.
    pub last: Option<Timestamp>,
    /// What it is about; nothing if nobody says so.
    pub topic: Clean,
}

impl Session {
    /// Every channel in which something was said that can be read. There are never more of them
    /// than messages, each of which takes more room on the disk than its channel does here.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn channels(&self) -> Result<BTreeMap<Clean, Channel>, Failure> {
        self.catch_up().await?;
        let mut channels: BTreeMap<Clean, Channel> = BTreeMap::new();
        // The last one holds, and one that was taken away is one too.
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
