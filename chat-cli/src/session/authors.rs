//! Finds the author of a feed.

use multifeed_core::FeedKey;
use multifeed_tcp::FeedInfo;

use super::Session;
use crate::message::Content;
use crate::sanitize::{self, Clean};

/// An author of this room, or one about whom the user decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The key of the feed.
    pub key: FeedKey,
    /// The author's last name; empty if unknown.
    pub nick: Clean,
}

impl Session {
    /// Returns the author of a feed, named as in its last message.
    pub(super) async fn author_of(&self, feed: &FeedInfo) -> Author {
        let last = feed.length.saturating_sub(1)..feed.length;
        // A block that is no longer stored gives no name; that is not a failure.
        let block = self.node.read(feed.id, last).await.unwrap_or_default();
        let envelope = self.timeline.envelope();
        let nick = match block.first().map(|block| envelope.decode(&feed.key.0, block)) {
            Some(Content::Chat(chat) | Content::Topic(chat)) => chat.nickname.unwrap_or_default(),
            _ => String::new(),
        };
        Author { key: feed.key, nick: sanitize::nick(&nick) }
    }
}
