//! The topic of a channel.

use super::Session;
use crate::ids::MessageId;
use crate::message::{self, Kind};
use crate::report::Failure;
use crate::sanitize::{self, Clean};

/// What a channel is about, as somebody who is not hidden said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// What it is about.
    pub text: Clean,
    /// Who says so.
    pub author: Clean,
}

impl Session {
    /// Stores another topic of a channel, durably; no text takes it away.
    ///
    /// # Errors
    /// If it was not stored: exit 4 if it is too long.
    pub async fn set_topic(&self, channel: &str, text: &str) -> Result<MessageId, Failure> {
        self.write(Kind::Topic, channel, text).await
    }

    /// The topic of a channel, as far as was read. The messages of the room are not looked at.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn topic(&self, channel: &Clean) -> Result<Option<Topic>, Failure> {
        let set = self.timeline.topic(&self.node, channel).await;
        let set = set.map_err(|error| self.timeline_failure(error))?;
        Ok(set.and_then(|(id, set)| {
            let text = message::topic(&set.text);
            let nick = set.nickname.as_deref().unwrap_or_default();
            let author = sanitize::author(nick, &id.feed);
            (!text.as_str().is_empty()).then_some(Topic { text, author })
        }))
    }
}
