//! Single blocks of feeds of other origins, without the rest of the feed.
//!
//! Rule: here is who is asked; what is asked, and whether the answer is true, is in
//! `replicate::hypercore::sparse`. Nothing of it comes to the store.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::Multifeed;
use crate::error::Misuse;
use crate::feed::tree::LENGTH_MAX;
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId};
use crate::io::Event;
use crate::record::Step;

/// A block that the application wants.
#[derive(Debug)]
pub(super) struct Get {
    feed: FeedId,
    index: u64,
    asked: Option<ConnectionId>,
    /// Who had no answer.
    tried: BTreeSet<ConnectionId>,
}

impl Multifeed {
    /// Gets the block `index`, from 0, of a feed of another origin by the feed's key: from the
    /// store, if it is held, else from a peer over hypercore's channel, verified and without
    /// keeping anything. A feed that was not [adopted](Self::adopt) stays so: no more of it comes,
    /// and a restart forgets it.
    ///
    /// Answered by [`Event::Blocks`](crate::Event::Blocks). As long as no connected peer has the
    /// block, it waits for one that does; [`cancel`](Self::cancel) takes it back. It is the block
    /// of the fork that the peer is in.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if the feed is one of the group's and the block is not held, or no
    /// feed is so long; [`Misuse::FeedRemoved`] if the feed is refused;
    /// [`Misuse::TooManyFeeds`], [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn get(&mut self, key: FeedKey, index: u64) -> Result<RequestId, Misuse> {
        self.record_step(|| Step::Get { key: key.0, index });
        self.check_ready()?;
        self.check_requests()?;
        if self.is_refused(&key) {
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
        let request = self.request();
        if is_held {
            self.begin_read(request, feed, index, index + 1);
            return Ok(request);
        }
        let get = Get { feed, index, asked: None, tried: BTreeSet::new() };
        self.gets.insert(request, get);
        self.send_gets();
        Ok(request)
    }

    /// Asks peers for what nobody is asked for.
    pub(super) fn send_gets(&mut self) {
        let mut asked = Vec::new();
        for (request, get) in self.gets.iter_mut().filter(|(_, get)| get.asked.is_none()) {
            let Get { feed, index, tried, .. } = get;
            let source = self.connections.iter_mut().find(|(id, peer)| {
                !tried.contains(id) && peer.hypercore().can_get(*feed, *index, &self.limits)
            });
            if let Some((id, peer)) = source {
                peer.hypercore_mut().get(*request, *feed, *index);
                get.asked = Some(*id);
                asked.push(*id);
            }
        }
        for id in asked {
            self.wake(id);
        }
    }

    /// Takes what has come of a connection, or will not come.
    pub(super) fn take_got(&mut self, id: ConnectionId) {
        let got =
            self.connections.get_mut(&id).map(|peer| peer.hypercore_mut().take_answered_gets());
        for got in got.into_iter().flatten() {
            let (request, feed, start) = (got.request, got.feed, got.index);
            // It may have been taken back meanwhile.
            let Some(get) = self.gets.get_mut(&request) else { continue };
            match got.value {
                Some(value) => {
                    self.gets.remove(&request);
                    self.answered(Event::Blocks { request, feed, start, blocks: vec![value] });
                }
                None => {
                    get.asked = None;
                    get.tried.insert(id);
                }
            }
        }
    }

    /// A connection is gone; its number does not come again.
    pub(super) fn on_get_source_lost(&mut self, id: ConnectionId) {
        self.take_got(id);
        for get in self.gets.values_mut() {
            get.tried.remove(&id);
        }
        self.send_gets();
    }

    /// A request is taken back, if it is one of these. Returns whether it was.
    pub(super) fn cancel_get(&mut self, request: RequestId) -> bool {
        let is_here = self.gets.remove(&request).is_some();
        if is_here {
            self.answered(Event::Canceled { request });
        }
        is_here
    }

    /// A feed leaves.
    pub(super) fn cancel_gets(&mut self, feed: FeedId) {
        let of_feed = self.gets.iter().filter(|(_, get)| get.feed == feed);
        for request in of_feed.map(|(request, _)| *request).collect::<Vec<_>>() {
            self.cancel_get(request);
        }
    }
}
