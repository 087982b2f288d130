//! Sets and reads the topic of a channel.

use super::Session;
use crate::ids::MessageId;
use crate::message::{self, Kind};
use crate::report::Failure;
use crate::sanitize::{self, Clean};

/// The current topic of a channel, set by a member who is not hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The topic.
    pub text: Clean,
    /// The member who set it.
    pub author: Clean,
}

impl Session {
    /// Stores a new topic of a channel durably; an empty text clears it.
    ///
    /// # Errors
    /// If this fails, it was not stored; exit 4 if it is too long.
    pub async fn set_topic(&self, channel: &str, text: &str) -> Result<MessageId, Failure> {
        self.write(Kind::Topic, channel, text).await
    }

    /// Returns the topic of a channel, from the messages read so far. It reads no further
    /// messages.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
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
