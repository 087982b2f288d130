//! Holds the people of a room: authors by their messages, and peers by their connections.
//!
//! Rule: these are two separate lists. A connection has its own key, so it does not reveal who
//! wrote a message.

use std::collections::BTreeMap;

use crate::sanitize::{self, Clean};
use crate::timeline::Entry;
use crate::timeline::index::MissingMessages;
use crate::timeline::key::TimelineKey;

/// The most authors in the model. Chosen: bounds memory, as anyone can create feeds for free.
pub const AUTHORS_MAX: usize = 500;

/// A member who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name in the author's last loaded message.
    pub nick: Clean,
    /// The position of that message.
    pub last: TimelineKey,
    /// Whether another author's name looks the same.
    pub has_lookalike: bool,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRow {
    /// The name: the first characters of its key.
    pub name: Clean,
    /// Its address.
    pub address: String,
    /// Whether it is in sync.
    pub is_synced: bool,
}

/// The authors and peers.
#[derive(Debug)]
pub struct People {
    own: [u8; 32],
    authors: BTreeMap<[u8; 32], Author>,
    /// The connected peers.
    pub peers: Vec<PeerRow>,
    /// Feeds with messages that are referred to but missing here, with the count.
    pub missing: Vec<MissingMessages>,
}

impl People {
    pub(in crate::tui) fn new(own: [u8; 32]) -> Self {
        Self { own, authors: BTreeMap::new(), peers: Vec::new(), missing: Vec::new() }
    }

    /// Returns all authors with their keys, the most recent one first.
    pub fn authors(&self) -> Vec<(&[u8; 32], &Author)> {
        let mut authors: Vec<_> = self.authors.iter().collect();
        authors.sort_by_key(|(_, author)| std::cmp::Reverse(author.last));
        authors
    }

    /// Returns the author of a feed.
    pub fn author(&self, key: &[u8; 32]) -> Option<&Author> {
        self.authors.get(key)
    }

    pub(in crate::tui) fn record_author(&mut self, entry: &Entry) {
        let Some(chat) = entry.content.chat() else { return };
        let (key, last) = (entry.id.feed, entry.position());
        let nick = sanitize::nick(chat.nickname.as_deref().unwrap_or_default());
        let is_full = self.authors.len() >= AUTHORS_MAX;
        match self.authors.get_mut(&key) {
            Some(author) if author.last > last => return,
            Some(author) if author.nick == nick => {
                author.last = last;
                return;
            }
            Some(author) => (author.nick, author.last) = (nick, last),
            None if is_full => return,
            None => {
                self.authors.insert(key, Author { nick, last, has_lookalike: false });
            }
        }
        self.mark_lookalikes();
    }

    /// Finds names that look the same.
    fn mark_lookalikes(&mut self) {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for author in self.authors.values() {
            *seen.entry(sanitize::skeleton(author.nick.as_str())).or_default() += 1;
        }
        for (key, author) in &mut self.authors {
            let same = seen.get(&sanitize::skeleton(author.nick.as_str())).copied();
            author.has_lookalike = *key != self.own && same.is_some_and(|count| count > 1);
        }
    }
}
