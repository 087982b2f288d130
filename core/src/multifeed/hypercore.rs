//! Feeds of other origins, and peers that use hypercore's channel.
//!
//! Rule: this file decides which sessions are updated. The protocol is in `replicate::hypercore`.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Multifeed;
use crate::error::{Misuse, StoreFailure};
use crate::feed::proof::ProofRead;
use crate::feed::{FeedStatus, record};
use crate::id::{ConnectionId, FeedId, FeedKey};
use crate::io::Write;
use crate::outbox::CommitJob;
use crate::step::Step;

impl Multifeed {
    /// Adds a feed of another origin to this multifeed, by its key: a core of hypercore 11 with one
    /// signer, or one of hypercore 10, whose key is its author's public key. The first data of the
    /// feed shows which of the two it is.
    ///
    /// It is replicated over hypercore's channel only, so
    /// [`Limits::hypercore_channels`](crate::Limits::hypercore_channels) must not be 0; it is not
    /// announced to members of the group. A feed that is known already stays as it is; one that was
    /// removed must be [accepted](Self::accept) as well.
    ///
    /// # Errors
    ///
    /// [`Misuse::TooManyFeeds`], [`Misuse::NotReady`].
    pub fn adopt(&mut self, key: FeedKey) -> Result<FeedId, Misuse> {
        self.record_step(|| Step::Adopt { key: key.0 });
        self.check_ready()?;
        let known = self.feeds.find(&key);
        let namespace = self.group.feed_namespace();
        if let Some(feed) = known
            && !self
                .feeds
                .get_mut(feed)
                .is_some_and(|log| log.readopt(namespace) || log.adopt_transient())
        {
            return Ok(feed);
        }
        if known.is_none() && self.feeds.len() >= self.limits.feeds {
            return Err(Misuse::TooManyFeeds);
        }
        let feed = known.unwrap_or_else(|| self.feeds.adopt(key));
        let is_refused = self.is_key_refused(&key);
        let log = self.feeds.get_mut(feed).ok_or(Misuse::UnknownFeed)?;
        if is_refused {
            log.status = FeedStatus::Refused;
        }
        let mut writes = log.adoption(feed);
        // An older version would misread a store with adopted feeds.
        let meta = record::encode_meta_adopting(&self.group);
        writes.push(Write::Put(record::meta_key(), meta));
        self.outbox.commit(CommitJob::Adopt { feed }, writes);
        self.update_hypercore_sessions(feed);
        self.wake_hypercore_sessions(feed);
        Ok(feed)
    }

    /// Whether the author's signature covers the held part of a feed; `None`: nothing is held.
    pub(crate) fn is_as_signed(&self, feed: FeedId) -> Option<bool> {
        let log = self.feeds.get(feed)?;
        let tip = log.durable()?;
        let is_whole = tip.length == tip.head.length;
        let hash = crate::feed::tree::tree_hash(&tip.roots);
        Some(!is_whole || log.is_signed(&hash, &tip.head, None))
    }

    /// Opens hypercore's channels for an adopted feed, or closes those of a feed that is no longer
    /// accepted.
    pub(super) fn update_hypercore_sessions(&mut self, feed: FeedId) {
        let Some(log) = self.feeds.get(feed) else { return };
        let (is_accepted, is_of_group) = (log.is_accepted(), log.is_of_group());
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, mut context) = self.split(id);
            let Some(peer) = peer.filter(|peer| peer.remote().is_some()) else { continue };
            let has_output = match (is_accepted, is_of_group) {
                (false, _) => peer.close_feed(&mut context, feed),
                (true, false) => peer.hypercore_mut().offer(feed, context.limits),
                (true, true) => false,
            };
            if has_output {
                self.wake(id);
            }
        }
    }

    /// A feed has changed: hypercore's channels may have something to announce or to request.
    pub(super) fn wake_hypercore_sessions(&mut self, feed: FeedId) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let peer = self.connections.get_mut(&id);
            if peer.is_some_and(|peer| peer.hypercore_mut().wake(feed)) {
                self.wake(id);
            }
        }
    }

    pub(super) fn on_hypercore_stored(&mut self, connection: ConnectionId, bytes: u64) {
        if let Some(peer) = self.connections.get_mut(&connection) {
            peer.hypercore_mut().on_stored(bytes);
            self.wake(connection);
        }
    }

    /// The nodes of an answer on hypercore's channel were read, or could not be.
    pub(super) fn on_proof_read(
        &mut self,
        connection: ConnectionId,
        read: ProofRead,
        values: Result<Vec<Option<Bytes>>, StoreFailure>,
    ) {
        let (peer, mut context) = self.split(connection);
        if let Some(peer) = peer {
            peer.hypercore_mut().answer(&mut context, read, values);
            self.wake(connection);
        }
    }
}
