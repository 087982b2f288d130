//! Single blocks of feeds of other origins, without the rest of the feed.
//!
//! Rule: this file chooses the peer that is asked. `replicate::hypercore::sparse` makes the request
//! and verifies the answer. Nothing of it is stored.

use alloc::vec;
use alloc::vec::Vec;

use super::Multifeed;
use crate::error::Misuse;
use crate::feed::tree::LENGTH_MAX;
use crate::id::{ConnectionId, FeedId, FeedSelector, RequestId};
use crate::io::Event;
use crate::step::Step;

impl Multifeed {
    /// Gets the block `index`, from 0, of a feed of another origin, known or not: from the store
    /// if it is held, else from a peer over hypercore's channel, verified and without
    /// storing anything. The feed is not [adopted](Self::adopt) by it: no other block is fetched,
    /// and a restart forgets the feed.
    ///
    /// Answered by [`Event::Blocks`](crate::Event::Blocks). If no connected peer has the block,
    /// the request waits for one that does; [`cancel`](Self::cancel) cancels it. The block is that
    /// of the peer's fork.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if the feed is one of the group's and the block is not held, or the
    /// index is beyond the longest feed; [`Misuse::FeedRemoved`] if the feed is refused;
    /// [`Misuse::TooManyFeeds`], [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn get(&mut self, feed: impl Into<FeedSelector>, index: u64) -> Result<RequestId, Misuse> {
        let key = self.resolve_key(feed)?;
        self.record_step(|| Step::Get { key: key.0, index });
        self.check_ready()?;
        self.check_requests()?;
        if self.is_key_refused(&key) {
            return Err(Misuse::FeedRemoved);
        }
        if index >= LENGTH_MAX {
            return Err(Misuse::OutOfRange);
        }
        let known = self.feeds.find(&key);
        if known.is_none() && self.feeds.len() >= self.limits.feeds {
            return Err(Misuse::TooManyFeeds);
        }
        let feed = known.unwrap_or_else(|| self.feeds.insert_transient(key));
        if known.is_none() {
            self.update_hypercore_sessions(feed);
        }
        let log = self.feeds.get(feed).ok_or(Misuse::UnknownFeed)?;
        if !log.is_accepted() {
            return Err(Misuse::FeedRemoved);
        }
        let is_held = index < log.length() && !log.is_cleared(index);
        if !is_held && log.is_of_group() {
            return Err(Misuse::OutOfRange);
        }
        let request = self.requests.begin();
        if is_held {
            self.begin_read(request, feed, index..index + 1);
            return Ok(request);
        }
        self.gets.insert(request, feed, index);
        self.send_gets();
        Ok(request)
    }

    /// Requests each block that is requested from no peer, if a peer has it.
    pub(super) fn send_gets(&mut self) {
        let mut asked = Vec::new();
        for (request, get) in self.gets.unassigned() {
            let (feed, index) = (get.feed(), get.index());
            let source = self.connections.iter_mut().find(|(id, peer)| {
                get.may_ask(**id) && peer.hypercore().can_get(feed, index, &self.limits)
            });
            if let Some((id, peer)) = source {
                peer.hypercore_mut().get(request, feed, index);
                get.assign(*id);
                asked.push(*id);
            }
        }
        for id in asked {
            self.wake(id);
        }
    }

    /// Answers the requests whose block a connection received, and frees those that it cannot
    /// give.
    pub(super) fn finish_gets(&mut self, id: ConnectionId) {
        let answers =
            self.connections.get_mut(&id).map(|peer| peer.hypercore_mut().take_answered_gets());
        for answer in answers.into_iter().flatten() {
            let (request, feed, start) = (answer.request, answer.feed, answer.index);
            let Some(value) = answer.value else {
                self.gets.on_failed(request, id);
                continue;
            };
            // It may have been canceled meanwhile.
            if self.gets.remove(request) {
                self.answer_blocks(request, feed, start, vec![value]);
            }
        }
    }

    /// A connection has ended: other peers are asked instead.
    pub(super) fn on_get_source_lost(&mut self, id: ConnectionId) {
        self.finish_gets(id);
        self.gets.forget_peer(id);
        self.send_gets();
    }

    /// Cancels a request if it is a get. Returns whether it is.
    pub(super) fn cancel_get(&mut self, request: RequestId) -> bool {
        let is_get = self.gets.remove(request);
        if is_get {
            self.answer_request(Event::Canceled { request });
        }
        is_get
    }

    /// Cancels the gets of a feed that is being removed.
    pub(super) fn cancel_gets(&mut self, feed: FeedId) {
        for request in self.gets.of_feed(feed) {
            self.cancel_get(request);
        }
    }
}
