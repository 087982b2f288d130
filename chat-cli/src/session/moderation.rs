//! Hides and blocks members.
//!
//! Rule: a decision applies to this profile only, and is not announced to anyone. The core
//! refuses the feed of a blocked member: it neither receives nor sends blocks of it.

use std::collections::BTreeSet;

use multifeed_core::FeedKey;

use super::Session;
use super::authors::Author;
use crate::args::moderate::Moderate;
use crate::exit::ExitCode;
use crate::ids::hex;
use crate::report::Failure;
use crate::sanitize;
use crate::similar::closest;

/// The shortest key prefix that names a feed. Chosen: 4 hex digits are short to type, and two of
/// 30 feeds share them with a probability below 1 % (30·29/2 pairs, 16 bits).
const KEY_PREFIX_CHARS_MIN: usize = 4;

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
            Moderate::Block { .. } => self.node.refuse(key).await,
            Moderate::Unblock { .. } => self.node.accept(key).await,
            _ => Ok(()),
        };
        ruled.map_err(|error| self.failed(error))?;
        self.profile.update(&room)?;
        self.timeline.hide(room.hidden().clone());
        self.room = room;
        Ok(match wanted {
            Moderate::Hide { .. } => {
                format!("{name} is hidden on this device; the others still see them")
            }
            Moderate::Unhide { .. } => format!("{name} is shown again"),
            Moderate::Block { .. } => {
                format!("{name} is blocked: nothing more of them is received, forwarded or shown")
            }
            _ => format!("{name} is unblocked: their messages arrive again"),
        })
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
