//! Who is in the room: authors, by what they wrote, and peers, by their connections.
//!
//! Rule: the two are not the same list. A connection has a key of its own, so that nobody learns
//! from it who wrote what.

use std::collections::BTreeMap;

use crate::sanitize::{self, Clean};
use crate::timeline::Entry;
use crate::timeline::key::TimelineKey;

/// The most authors that are kept. Feeds cost nothing to make.
pub const AUTHORS_MAX: usize = 500;

/// Somebody who wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// What he calls himself in his last message here.
    pub nick: Clean,
    /// Where that stands.
    pub last: TimelineKey,
    /// Whether another author's name looks the same.
    pub has_lookalike: bool,
}

/// A peer that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRow {
    /// What it is called: the first characters of its key.
    pub name: Clean,
    /// Where it is.
    pub address: String,
    /// Whether we are in sync with it.
    pub is_synced: bool,
}

/// Everybody.
#[derive(Debug)]
pub struct People {
    own: [u8; 32],
    authors: BTreeMap<[u8; 32], Author>,
    /// The peers that are here.
    pub peers: Vec<PeerRow>,
    /// Feeds of which more was named than is here, and how much more.
    pub missing: Vec<([u8; 32], u64)>,
}

impl People {
    pub(in crate::tui) fn new(own: [u8; 32]) -> Self {
        Self { own, authors: BTreeMap::new(), peers: Vec::new(), missing: Vec::new() }
    }

    /// All authors by their keys, the last who wrote first.
    pub fn authors(&self) -> Vec<(&[u8; 32], &Author)> {
        let mut authors: Vec<_> = self.authors.iter().collect();
        authors.sort_by_key(|(_, author)| std::cmp::Reverse(author.last));
        authors
    }

    /// The author of a feed.
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

    /// Finds the names that look the same.
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
