//! Those who write in a room, and how far what they wrote has got.

use super::{Author, Session};
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
    /// How many of the peers who are here hold as many.
    pub holders: usize,
}

impl Session {
    /// All who have a feed here, and those about whom something was decided.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn members(&self) -> Result<Vec<Member>, Failure> {
        let mut members = Vec::new();
        for author in self.authors().await? {
            members.push(self.with_feed(author).await?);
        }
        Ok(members)
    }

    /// The one of a name, of the first characters of a key, or of `name·characters`.
    ///
    /// # Errors
    /// Exit 3 if nobody or more than one is called so.
    pub async fn member(&self, who: &str) -> Result<Member, Failure> {
        let author = self.author(who).await?;
        self.with_feed(author).await
    }

    async fn with_feed(&self, author: Author) -> Result<Member, Failure> {
        let feeds = self.node().feeds().await.map_err(|error| self.failed(error))?;
        let Some(feed) = feeds.iter().find(|feed| feed.key == author.key) else {
            return Ok(Member { author, length: 0, bytes: 0, holders: 0 });
        };
        let (length, bytes) = (feed.length, feed.byte_length);
        let held = self.node().holders(feed.id).await.map_err(|error| self.failed(error))?;
        let holds = held.iter().filter(|(_, held)| *held >= length);
        let peers = holds.filter_map(|(connection, _)| self.links().peer(*connection));
        let peers: std::collections::BTreeSet<_> = peers.map(|(peer, _)| peer).collect();
        Ok(Member { author, length, bytes, holders: peers.len() })
    }
}
