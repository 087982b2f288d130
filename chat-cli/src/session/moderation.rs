//! Hides and blocks members.
//!
//! Rule: a decision applies to this profile only, and is not announced to anyone. The core
//! refuses the feed of a blocked member: it neither receives nor sends blocks of it.

use std::collections::BTreeSet;

use multifeed_core::FeedKey;
use multifeed_tcp::{Node, NodeError};
use tokio::task::{JoinError, JoinSet};

use super::authors::Author;
use super::{Session, index_failure};
use crate::args::moderate::Moderate;
use crate::exit::ExitCode;
use crate::ids::hex;
use crate::report::Failure;
use crate::sanitize;
use crate::similar::closest;

/// The shortest key prefix that names a feed. Chosen: 4 hex digits are short to type, and two of
/// 30 feeds share them with a probability below 1 % (30·29/2 pairs, 16 bits).
const KEY_PREFIX_CHARS_MIN: usize = 4;

/// Bytes of the key that is shown for unblocking: the name is deleted with the messages.
const UNBLOCK_KEY_BYTES: usize = 8;

/// Authors that are blocked at the same time, so that they share syncs of the disk. Chosen: a
/// hundredth of the requests that the core allows.
const BLOCKS_AT_ONCE: usize = 512;

/// The user's decision about an author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub author: Author,
    /// Whether the author's messages are hidden.
    pub is_hidden: bool,
    /// Whether the author's feed is neither received nor sent.
    pub is_blocked: bool,
}

impl Session {
    /// Carries out a decision and returns the text to show.
    ///
    /// # Errors
    /// Exit 3 if no member or several members match, 4 if it is the user.
    pub async fn moderate(&mut self, wanted: &Moderate) -> Result<String, Failure> {
        let (Moderate::Hide { who }
        | Moderate::Unhide { who }
        | Moderate::Block { who }
        | Moderate::Unblock { who }) = wanted
        else {
            return Ok(String::new());
        };
        let Author { key, nick } = self.author(who).await?;
        let name = sanitize::author(nick.as_str(), &key.0);
        if key == self.key() {
            let failure = Failure::new(ExitCode::BadInput, "mod.own", "that is you");
            return Err(failure.help("others:  multichat feeds"));
        }
        let mut room = self.room.clone();
        let done = match wanted {
            Moderate::Hide { .. } | Moderate::Block { .. } => room.hide(key.0),
            _ => {
                room.unhide(&key.0);
                Ok(())
            }
        };
        done?;
        let ruled = match wanted {
            Moderate::Block { .. } => block(&self.node, key).await,
            Moderate::Unblock { .. } => self.node.accept(key).await,
            _ => Ok(()),
        };
        ruled.map_err(|error| self.failed(error))?;
        self.profile.update(&room)?;
        self.timeline.hide(room.hidden().clone());
        self.room = room;
        if matches!(wanted, Moderate::Block { .. }) {
            self.timeline.index().clear().map_err(|error| index_failure(&error))?;
        }
        Ok(match wanted {
            Moderate::Hide { .. } => {
                format!("{name} is hidden on this device; the others still see them")
            }
            Moderate::Unhide { .. } => format!("{name} is shown again"),
            Moderate::Block { .. } => {
                format!(
                    "{name} is blocked: nothing more of them is received, forwarded or shown, and \
                     their messages are deleted here. To undo it:  mod unblock {}",
                    hex(&key.0[..UNBLOCK_KEY_BYTES])
                )
            }
            _ => format!("{name} is unblocked: their messages arrive again"),
        })
    }

    /// Blocks every one of these authors, except the user. Returns how many.
    ///
    /// # Errors
    /// Exit 5 if there would be too many. Fails if the store cannot write its data.
    pub async fn block_all(&mut self, keys: &BTreeSet<[u8; 32]>) -> Result<usize, Failure> {
        let keys: Vec<_> = keys.iter().filter(|key| **key != self.key().0).collect();
        let mut room = self.room.clone();
        for key in &keys {
            room.hide(**key)?;
        }
        // First, so that an interrupted command leaves nothing that is blocked and not listed.
        self.profile.update(&room)?;
        self.timeline.hide(room.hidden().clone());
        self.room = room;
        let mut blocking = JoinSet::new();
        for key in &keys {
            if blocking.len() >= BLOCKS_AT_ONCE {
                self.joined(blocking.join_next().await)?;
            }
            let (node, key) = (self.node.clone(), FeedKey(**key));
            blocking.spawn(async move { block(&node, key).await });
        }
        while !blocking.is_empty() {
            self.joined(blocking.join_next().await)?;
        }
        self.timeline.index().clear().map_err(|error| index_failure(&error))?;
        Ok(keys.len())
    }

    fn joined(
        &self,
        done: Option<Result<Result<(), NodeError>, JoinError>>,
    ) -> Result<(), Failure> {
        match done {
            // A task that ended unexpectedly has blocked no one.
            Some(Err(_)) => Err(self.failed(NodeError::Closed)),
            Some(Ok(Err(error))) => Err(self.failed(error)),
            Some(Ok(Ok(()))) | None => Ok(()),
        }
    }

    /// Returns all decisions of this profile in this room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn decisions(&self) -> Result<Vec<Decision>, Failure> {
        let mut decisions = Vec::new();
        for author in self.authors().await? {
            let is_blocked = self.node.is_refused(author.key).await;
            let is_blocked = is_blocked.map_err(|error| self.failed(error))?;
            let is_hidden = self.room.hidden().contains(&author.key.0);
            if is_hidden || is_blocked {
                decisions.push(Decision { author, is_hidden, is_blocked });
            }
        }
        Ok(decisions)
    }

    /// Returns the one author with this name, key prefix, or `name·characters`.
    pub(super) async fn author(&self, who: &str) -> Result<Author, Failure> {
        let who = sanitize::fold(who.trim().trim_start_matches('@'));
        let authors = self.authors().await?;
        let named = |author: &&Author| {
            let (nick, key) = (sanitize::fold(author.nick.as_str()), hex(&author.key.0));
            let is_key = who.len() >= KEY_PREFIX_CHARS_MIN && key.starts_with(&who);
            let shown = sanitize::author(author.nick.as_str(), &author.key.0);
            is_key || nick == who || sanitize::fold(shown.as_str()) == who
        };
        let found: Vec<&Author> = authors.iter().filter(named).collect();
        match found[..] {
            [author] => Ok(author.clone()),
            [] => {
                let message = format!("no member is called '{who}'");
                let failure = Failure::new(ExitCode::NotFound, "author.unknown", message);
                let suggestions = closest(&who, authors.iter().map(|author| author.nick.as_str()));
                Err(if suggestions.is_empty() {
                    failure.help("all keys:  multichat feeds")
                } else {
                    failure.help(format!("did you mean: {} ?", suggestions.join(", ")))
                })
            }
            _ => {
                let message = format!("{} members are called '{who}'", found.len());
                let failure = Failure::new(ExitCode::NotFound, "author.ambiguous", message);
                let names = found.iter().map(|author| {
                    sanitize::author(author.nick.as_str(), &author.key.0).to_string()
                });
                let names = names.collect::<Vec<_>>().join(", ");
                Err(failure.help(format!("use the name with the key: {names}")))
            }
        }
    }

    /// Returns all authors with their last names, and hidden authors without a feed here.
    pub(super) async fn authors(&self) -> Result<Vec<Author>, Failure> {
        let feeds = self.node.feeds().await.map_err(|error| self.failed(error))?;
        let mut unseen: BTreeSet<[u8; 32]> = self.room.hidden().clone();
        let mut authors = Vec::with_capacity(feeds.len());
        for feed in feeds {
            unseen.remove(&feed.key.0);
            authors.push(self.author_of(&feed).await);
        }
        let unseen = unseen.into_iter().map(FeedKey);
        authors.extend(unseen.map(|key| Author { key, nick: sanitize::nick("") }));
        Ok(authors)
    }
}

/// Refuses the feed of an author and deletes what is stored of it, which returns its bytes to the
/// room's limit.
async fn block(node: &Node, key: FeedKey) -> Result<(), NodeError> {
    match node.feed(key).await? {
        Some(feed) => node.remove(feed.id).await,
        None => node.refuse(key).await,
    }
}
