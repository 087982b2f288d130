//! Decides which messages ring the terminal bell.

use crate::appearance::Notify;
use crate::message::Content;
use crate::sanitize::{self, Clean};
use crate::timeline::Entry;

/// Returns whether a message rings the bell for the user with the feed `own` and the name `nick`.
pub fn should_notify(entry: &Entry, own: &[u8; 32], nick: &Clean, notify: Notify) -> bool {
    match notify {
        Notify::All => entry.id.feed != *own && matches!(entry.content, Content::Chat(_)),
        Notify::Mentions => mentions(entry, own, nick),
        Notify::None => false,
    }
}

/// Returns whether another member's message mentions the user: `@nick` as a separate word.
pub fn mentions(entry: &Entry, own: &[u8; 32], nick: &Clean) -> bool {
    let Content::Chat(chat) = &entry.content else { return false };
    let name = format!("@{}", sanitize::fold(nick.as_str()));
    let text = sanitize::fold(&chat.text);
    let ends = |at: usize| {
        text.get(at + name.len()..)
            .and_then(|rest| rest.chars().next())
            .is_none_or(|next| !next.is_alphanumeric())
    };
    entry.id.feed != *own && text.match_indices(&name).any(|(at, _)| ends(at))
}
