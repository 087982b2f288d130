//! Who writes a feed.

use multifeed_core::FeedKey;
use multifeed_tcp::FeedInfo;

use super::Session;
use crate::message::Content;
use crate::sanitize::{self, Clean};

/// Somebody who wrote here, or about whom something was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The key of the feed.
    pub key: FeedKey,
    /// What the author was called last; empty if that is not known.
    pub nick: Clean,
}

impl Session {
    /// Who writes a feed, as its last message says.
    pub(super) async fn author_of(&self, feed: &FeedInfo) -> Author {
        let last = feed.length.saturating_sub(1)..feed.length;
        // What is not held any more tells no name, and that is no failure.
        let block = self.node.read(feed.id, last).await.unwrap_or_default();
        let envelope = self.timeline.envelope();
        let nick = match block.first().map(|block| envelope.decode(&feed.key.0, block)) {
            Some(Content::Chat(chat) | Content::Topic(chat)) => chat.nickname.unwrap_or_default(),
            _ => String::new(),
        };
        Author { key: feed.key, nick: sanitize::nick(&nick) }
    }
}
