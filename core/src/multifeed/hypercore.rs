//! Feeds of other origins, and peers that speak hypercore's channel.
//!
//! Rule: as everywhere in this room, it is only said here who does what; the protocol is in
//! `replicate::hypercore`.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Multifeed;
use crate::error::{Misuse, StoreFailure};
use crate::feed::proof::ProofRead;
use crate::feed::record;
use crate::id::{ConnectionId, FeedId, FeedKey};
use crate::io::Write;
use crate::outbox::Job;
use crate::record::Step;

impl Multifeed {
    /// Makes a feed of another origin a part of this multifeed, by its key: a core of hypercore 11
    /// with one signer, or one of hypercore 10, whose key is its author's public key. Which of the
    /// two it is shows when the first of it comes.
    ///
    /// It is read and passed on over hypercore's channel alone, so
    /// [`Limits::hypercore_channels`](crate::Limits::hypercore_channels) must not be 0; members of
    /// the group are not told of it. A feed that is here already stays as it is.
    ///
    /// # Errors
    ///
    /// [`Misuse::TooManyFeeds`], [`Misuse::NotReady`].
    pub fn adopt(&mut self, key: FeedKey) -> Result<FeedId, Misuse> {
        self.write_down(|| Step::Adopt { key: key.0 });
        self.check_ready()?;
        if let Some(feed) = self.feeds.find(&key) {
            return Ok(feed);
        }
        if self.feeds.len() >= self.limits.feeds {
            return Err(Misuse::TooManyFeeds);
        }
        let feed = self.feeds.adopt(key);
        let log = self.feeds.get(feed).ok_or(Misuse::UnknownFeed)?;
        let mut writes = log.adoption(feed);
        // From now on an older version would misread the store.
        let meta = record::encode_meta_adopting(&self.group);
        writes.push(Write::Put(record::meta_key(), meta));
        self.outbox.commit(Job::Adopt { feed }, writes);
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, context) = self.split(id);
            if let Some(peer) = peer.filter(|peer| peer.remote().is_some()) {
                peer.link_mut().offer(feed, context.limits);
                self.wake(id);
            }
        }
        Ok(feed)
    }

    /// Something about a feed has changed that hypercore's channels may have to say, or to ask.
    pub(super) fn touch_links(&mut self, feed: FeedId) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let peer = self.connections.get_mut(&id);
            if peer.is_some_and(|peer| peer.link_mut().touch(feed)) {
                self.wake(id);
            }
        }
    }

    pub(super) fn follow_stored(&mut self, connection: ConnectionId, bytes: u64) {
        if let Some(peer) = self.connections.get_mut(&connection) {
            peer.link_mut().stored(bytes);
            self.wake(connection);
        }
    }

    /// An answer on hypercore's channel was read, or could not be.
    pub(super) fn proved(
        &mut self,
        connection: ConnectionId,
        read: ProofRead,
        values: Result<Vec<Option<Bytes>>, StoreFailure>,
    ) {
        let (peer, mut context) = self.split(connection);
        if let Some(peer) = peer {
            peer.link_mut().answer(&mut context, read, values);
            self.wake(connection);
        }
    }
}
