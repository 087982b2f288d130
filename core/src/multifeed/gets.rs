//! Single blocks of other feeds that the application asked for.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::id::{ConnectionId, FeedId, RequestId};

/// A block that the application asked for.
#[derive(Debug)]
pub(super) struct Get {
    feed: FeedId,
    index: u64,
    /// The peer that the block is requested from.
    source: Option<ConnectionId>,
    /// Peers that could not give it.
    failed: BTreeSet<ConnectionId>,
}

impl Get {
    pub(super) fn feed(&self) -> FeedId {
        self.feed
    }

    pub(super) fn index(&self) -> u64 {
        self.index
    }

    pub(super) fn source(&self) -> Option<ConnectionId> {
        self.source
    }

    /// Whether a peer has not failed to give the block.
    pub(super) fn may_ask(&self, connection: ConnectionId) -> bool {
        !self.failed.contains(&connection)
    }

    pub(super) fn assign(&mut self, connection: ConnectionId) {
        debug_assert!(self.source.is_none(), "a block is requested from one peer");
        self.source = Some(connection);
    }
}

/// All blocks that the application asked for, by request.
#[derive(Debug, Default)]
pub(super) struct Gets {
    open: BTreeMap<RequestId, Get>,
}

impl Gets {
    pub(super) fn insert(&mut self, request: RequestId, feed: FeedId, index: u64) {
        let get = Get { feed, index, source: None, failed: BTreeSet::new() };
        self.open.insert(request, get);
    }

    /// Removes a request. Returns whether it was open.
    pub(super) fn remove(&mut self, request: RequestId) -> bool {
        self.open.remove(&request).is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (RequestId, &Get)> {
        self.open.iter().map(|(request, get)| (*request, get))
    }

    /// The blocks that are requested from no peer.
    pub(super) fn unassigned(&mut self) -> impl Iterator<Item = (RequestId, &mut Get)> {
        let open = self.open.iter_mut().map(|(request, get)| (*request, get));
        open.filter(|(_, get)| get.source.is_none())
    }

    /// A peer could not give a block.
    pub(super) fn on_failed(&mut self, request: RequestId, connection: ConnectionId) {
        if let Some(get) = self.open.get_mut(&request) {
            get.source = None;
            get.failed.insert(connection);
        }
    }

    /// A connection has ended. Its number is not used again.
    pub(super) fn forget_peer(&mut self, connection: ConnectionId) {
        for get in self.open.values_mut() {
            get.failed.remove(&connection);
        }
    }

    /// The requests for blocks of a feed.
    pub(super) fn of_feed(&self, feed: FeedId) -> Vec<RequestId> {
        self.iter().filter(|(_, get)| get.feed == feed).map(|(request, _)| request).collect()
    }
}
