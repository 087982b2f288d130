//! Those who write in a room, and how far what they wrote has got.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use multifeed_core::FeedKey;

use super::Session;
use super::authors::Author;
use crate::report::Failure;

/// Somebody with a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub author: Author,
    /// Messages that are here.
    pub length: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Session {
    /// Those with the most messages here, and how many there are in all. Feeds cost nothing to
    /// make, so of most of them only the length is looked at.
    ///
    /// # Errors
    /// If the node has stopped.
    pub async fn writers(&self, limit: usize) -> Result<(Vec<Member>, usize), Failure> {
        let mut feeds = self.node().feeds().await.map_err(|error| self.failed(error))?;
        feeds.retain(|feed| feed.length > 0);
        let all = feeds.len();
        feeds.sort_by_key(|feed| Reverse(feed.length));
        let mut members = Vec::new();
        for feed in feeds.iter().take(limit) {
            let (length, bytes) = (feed.length, feed.byte_length);
            members.push(Member { author: self.author_of(feed).await, length, bytes });
        }
        Ok((members, all))
    }

    /// The one of a name, of the first characters of a key, or of `name·characters`.
    ///
    /// # Errors
    /// Exit 3 if nobody or more than one is called so.
    pub async fn member(&self, who: &str) -> Result<Member, Failure> {
        let author = self.author(who).await?;
        let feed = self.node().feed(author.key).await.map_err(|error| self.failed(error))?;
        let (length, bytes) = feed.map_or((0, 0), |feed| (feed.length, feed.byte_length));
        Ok(Member { author, length, bytes })
    }

    /// How many of the peers who are here hold as much of a feed.
    ///
    /// # Errors
    /// If the node has stopped.
    pub async fn holders(&self, key: FeedKey, length: u64) -> Result<usize, Failure> {
        let feed = self.node().feed(key).await.map_err(|error| self.failed(error))?;
        let Some(feed) = feed else { return Ok(0) };
        let held = self.node().holders(feed.id).await.map_err(|error| self.failed(error))?;
        let holds = held.iter().filter(|(_, held)| *held >= length);
        let peers = holds.filter_map(|(connection, _)| self.connections().peer(*connection));
        Ok(peers.map(|(peer, _)| peer).collect::<BTreeSet<_>>().len())
    }
}
