//! Lists the members who wrote in a room, and counts the peers that hold their messages.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use multifeed_core::FeedKey;

use super::Session;
use super::authors::Author;
use crate::report::Failure;

/// A member with a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The author of the feed.
    pub author: Author,
    /// The number of messages stored here.
    pub length: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Session {
    /// Returns the members with the most messages here, and the number of all members. Feeds cost
    /// nothing to create, so only the lengths of the other feeds are read.
    ///
    /// # Errors
    /// Fails if the node has stopped.
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

    /// Returns the member with this name, key prefix, or `name·characters`.
    ///
    /// # Errors
    /// Exit 3 if no member or several members match.
    pub async fn member(&self, who: &str) -> Result<Member, Failure> {
        let author = self.author(who).await?;
        let feed = self.node().feed(author.key).await.map_err(|error| self.failed(error))?;
        let (length, bytes) = feed.map_or((0, 0), |feed| (feed.length, feed.byte_length));
        Ok(Member { author, length, bytes })
    }

    /// Returns how many connected peers hold at least this length of a feed.
    ///
    /// # Errors
    /// Fails if the node has stopped.
    pub async fn holders(&self, key: FeedKey, length: u64) -> Result<usize, Failure> {
        let feed = self.node().feed(key).await.map_err(|error| self.failed(error))?;
        let Some(feed) = feed else { return Ok(0) };
        let held = self.node().holders(feed.id).await.map_err(|error| self.failed(error))?;
        let holds = held.iter().filter(|(_, held)| *held >= length);
        let peers = holds.filter_map(|(connection, _)| self.connections().peer(*connection));
        Ok(peers.map(|(peer, _)| peer).collect::<BTreeSet<_>>().len())
    }
}
