//! Writers and their appends.
//!
//! Rule: an index of a feed is signed once. A writer that may have signed more than is held here
//! cannot append.

use super::Multifeed;
use crate::crypto::sign::KeyPair;
use crate::error::Misuse;
use crate::feed::{FeedStatus, manifest};
use crate::id::{FeedId, FeedSelector, RequestId};
use crate::outbox::CommitJob;
use crate::step::Step;

/// Longest name of a writer, in bytes. A name is local and lies in the feed's record, which every
/// commit of the feed writes again; 64 bytes are a fifth of it.
const WRITER_NAME_BYTES_MAX: usize = 64;

impl Multifeed {
    /// Opens the writer of a local name, or makes it. Names are never sent to peers.
    ///
    /// # Errors
    ///
    /// [`Misuse::NameTaken`] or [`Misuse::KeyPairTaken`] if the store has the name with another key
    /// pair or the key pair with another name; [`Misuse::FeedBroken`] if the store does not have
    /// the feed but has a damaged record, which may be the feed's; [`Misuse::FeedRemoved`] if the
    /// feed was removed and is not accepted again; [`Misuse::FeedBehind`] if it was removed and is
    /// not held up to its signed length again; [`Misuse::BadName`], [`Misuse::TooManyFeeds`],
    /// [`Misuse::NotReady`].
    pub fn writer(&mut self, name: &str, key_pair: KeyPair) -> Result<FeedId, Misuse> {
        self.record_step(|| Step::Writer { name: name.into(), seed: *key_pair.seed() });
        self.check_ready()?;
        if name.is_empty() || name.len() > WRITER_NAME_BYTES_MAX {
            return Err(Misuse::BadName);
        }
        let public_key = key_pair.public_key();
        let key = manifest::feed_key(self.group.feed_namespace(), &public_key);
        let known = self.feeds.find(&key);
        let named = self.feeds.find_name(name);
        if named.is_some_and(|id| Some(id) != known) {
            return Err(Misuse::NameTaken);
        }
        self.check_tombstone(&key, known)?;
        if known.is_none() && (self.feeds.has_damaged() || self.policy.has_damaged()) {
            // It may be this feed's record. Starting at index 0 would sign its blocks twice.
            return Err(Misuse::FeedBroken);
        }
        if known.is_none() && self.feeds.len() >= self.limits.feeds {
            return Err(Misuse::TooManyFeeds);
        }
        let id = known.unwrap_or_else(|| self.feeds.insert(key, public_key));
        let feed = self.feeds.get_mut(id).ok_or(Misuse::UnknownFeed)?;
        if feed.name().is_some_and(|other| other != name) {
            return Err(Misuse::KeyPairTaken);
        }
        if self.policy.is_refused(&key) {
            feed.status = FeedStatus::Refused;
        }
        self.feeds.set_writer(id, name, key_pair);
        self.clear_full(id);
        Ok(id)
    }

    /// Appends blocks to a writer's feed, all or none. Answered by
    /// [`Event::Appended`](crate::Event::Appended) once they are durable; they are not announced to
    /// peers before.
    ///
    /// # Errors
    ///
    /// [`Misuse::EmptyAppend`], [`Misuse::BlockTooLarge`], [`Misuse::AppendTooLarge`],
    /// [`Misuse::UnknownFeed`], [`Misuse::NotWritable`], [`Misuse::FeedBroken`],
    /// [`Misuse::FeedForked`], [`Misuse::FeedBehind`], [`Misuse::FeedFull`],
    /// [`Misuse::TooManyRequests`], [`Misuse::NotReady`]. Nothing is appended then.
    pub fn append(
        &mut self,
        feed: impl Into<FeedSelector>,
        blocks: &[&[u8]],
    ) -> Result<RequestId, Misuse> {
        let feed = self.resolve(feed)?;
        self.record_step(|| Step::append(feed, blocks));
        let limits = &self.limits;
        if blocks.is_empty() {
            return Err(Misuse::EmptyAppend);
        }
        if blocks.iter().any(|block| block.len() > limits.block_bytes) {
            return Err(Misuse::BlockTooLarge);
        }
        if blocks.iter().map(|block| block.len()).sum::<usize>() > limits.append_bytes {
            return Err(Misuse::AppendTooLarge);
        }
        self.check_requests()?;
        let log = self.feeds.get(feed).ok_or(Misuse::UnknownFeed)?;
        if log.broken().is_some() {
            return Err(Misuse::FeedBroken);
        }
        if log.is_forked() {
            return Err(Misuse::FeedForked);
        }
        if log.is_writable() && log.signed_length() > log.staged_length() {
            // These indices were signed before the store was lost: they have their blocks already.
            return Err(Misuse::FeedBehind);
        }
        if log.is_writable() && log.bytes_with(blocks) > limits.feed_bytes {
            return Err(Misuse::FeedFull);
        }
        let staging = self.feeds.append(feed, blocks, self.memo.as_ref());
        let staging = staging.ok_or(Misuse::NotWritable)?;
        let log = self.feeds.get(feed).ok_or(Misuse::UnknownFeed)?;
        let note = self.sets.known.note((feed, log), staging.start, limits.known_changes);
        let request = self.requests.begin();
        let blocks = staging.start..staging.end;
        let writes = staging.writes.into_iter().chain(note).collect();
        self.outbox.commit(CommitJob::Append { request, feed, blocks }, writes);
        Ok(request)
    }
}
