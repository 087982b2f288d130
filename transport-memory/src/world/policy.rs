//! What an application decides about feeds on its node, and checks of the result.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use multifeed_core::{Event, FeedId, FeedKey, Misuse, Multifeed, RequestId};

use super::World;
use crate::law::{FeedIdentity, Law};
use crate::node::NodeId;

impl World {
    /// Deletes blocks of a feed on a node.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::clear`]; [`Misuse::NotReady`] if the node is down.
    pub fn clear(
        &mut self,
        node: NodeId,
        feed: &FeedKey,
        blocks: Range<u64>,
    ) -> Result<RequestId, Misuse> {
        self.ask(node, feed, |multifeed, feed| multifeed.clear(feed, blocks))
    }

    /// Requests cleared or damaged blocks of a feed again.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::download`]; [`Misuse::NotReady`] if the node is down.
    pub fn download(
        &mut self,
        node: NodeId,
        feed: &FeedKey,
        blocks: Range<u64>,
    ) -> Result<RequestId, Misuse> {
        self.ask(node, feed, |multifeed, feed| multifeed.download(feed, blocks))
    }

    /// Reads blocks of a feed in virtual time.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::read`]; [`Misuse::NotReady`] if the node is down.
    pub fn get(
        &mut self,
        node: NodeId,
        feed: &FeedKey,
        blocks: Range<u64>,
    ) -> Result<RequestId, Misuse> {
        self.ask(node, feed, |multifeed, feed| multifeed.read(feed, blocks.start, blocks.end))
    }

    /// Removes a feed and everything on a node's disk that belongs to it.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::remove`]; [`Misuse::NotReady`] if the node is down.
    pub fn remove(&mut self, node: NodeId, feed: &FeedKey) -> Result<RequestId, Misuse> {
        self.has_policy = true;
        let found = self.multifeed(node).and_then(|multifeed| multifeed.find(feed));
        let author = found.map(|feed| feed.public_key);
        let request = self.ask(node, feed, Multifeed::remove)?;
        if let (Some(laws), Some(author)) = (&mut self.laws, author) {
            laws.removal_started(node, author);
            laws.exempt(node, Some(author));
        }
        let left = self.multifeed(node).map_or(0, held);
        self.node_mut(node).held = left;
        Ok(request)
    }

    /// Refuses a feed on a node.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::refuse`]; [`Misuse::NotReady`] if the node is down.
    pub fn refuse(&mut self, node: NodeId, feed: &FeedKey) -> Result<RequestId, Misuse> {
        self.has_policy = true;
        self.ruled(node, feed);
        self.call(node, |multifeed| multifeed.refuse(feed)).unwrap_or(Err(Misuse::NotReady))
    }

    /// Accepts a feed on a node.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::accept`]; [`Misuse::NotReady`] if the node is down.
    pub fn accept(&mut self, node: NodeId, feed: &FeedKey) -> Result<RequestId, Misuse> {
        let request =
            self.call(node, |multifeed| multifeed.accept(feed)).unwrap_or(Err(Misuse::NotReady))?;
        self.ruled(node, feed);
        if let Some(laws) = &mut self.laws {
            laws.accepted(node, feed);
        }
        Ok(request)
    }

    /// A ruling during a connection takes time to reach the other side.
    fn ruled(&mut self, node: NodeId, feed: &FeedKey) {
        // The node itself may have forgotten the feed.
        let multifeeds = self.nodes.iter().filter_map(|node| node.multifeed.as_ref());
        let author = multifeeds.filter_map(|it| it.find(feed)).map(|feed| feed.public_key).next();
        if let (Some(laws), Some(author)) = (&mut self.laws, author) {
            laws.exempt(node, Some(author));
        }
    }

    fn ask(
        &mut self,
        node: NodeId,
        feed: &FeedKey,
        ask: impl FnOnce(&mut Multifeed, FeedId) -> Result<RequestId, Misuse>,
    ) -> Result<RequestId, Misuse> {
        let found = self.multifeed(node).ok_or(Misuse::NotReady)?.find(feed);
        let feed = found.ok_or(Misuse::UnknownFeed)?.id;
        self.call(node, |multifeed| ask(multifeed, feed)).unwrap_or(Err(Misuse::NotReady))
    }

    /// Whether a node wants other nodes' blocks of a feed.
    pub(super) fn wants(&self, node: NodeId, feed: &FeedKey) -> bool {
        self.multifeed(node).is_some_and(|multifeed| !multifeed.is_refused(feed))
    }

    /// Every block of a feed that was not cleared, with its index, read outside virtual time; and
    /// their expected number.
    fn remaining_blocks(&mut self, node: NodeId, feed: &FeedKey) -> (Vec<(u64, Bytes)>, u64) {
        let found = self.multifeed(node).and_then(|multifeed| multifeed.find(feed));
        let Some((length, cleared)) = found.map(|feed| (feed.length, feed.cleared)) else {
            return (Vec::new(), 0);
        };
        let mut kept = Vec::new();
        let mut at = 0;
        while at < length {
            match self.read_event(node, feed, at) {
                Some(Event::Blocks { blocks, .. }) => {
                    let end = at + blocks.len() as u64;
                    kept.extend((at..end).zip(blocks));
                    at = end;
                }
                Some(Event::Missing { end, .. }) => at = end,
                _ => break,
            }
        }
        (kept, length - cleared)
    }

    /// The blocks that were not cleared can be read and are what their author signed.
    pub(super) fn check_remaining(&mut self, node: NodeId, feed: FeedIdentity) {
        let (kept, expected) = self.remaining_blocks(node, &feed.key);
        if let Some(laws) = &mut self.laws {
            laws.read_remaining(node, feed, &kept, expected);
        }
    }

    /// Nothing of a removed feed is on any disk, and no removed feed came back.
    pub(super) fn check_gone(&mut self) {
        for node in self.nodes() {
            if self.is_excused(node) || self.multifeed(node).is_none() {
                continue;
            }
            let back: Vec<FeedKey> =
                self.holdings(node).iter().map(|holding| holding.key).collect();
            let laws = self.laws.as_deref();
            let is_removed = |key: &FeedKey| laws.is_some_and(|laws| laws.is_removed(node, key));
            if let Some(key) = back.into_iter().find(is_removed) {
                self.report(Law::Gone, Some(node), || format!("{key} came back"));
            }
            let disk = &self.node(node).disk;
            let slots: BTreeSet<u32> = disk.records().iter().map(|record| record.slot).collect();
            let left = disk.slots().into_iter().filter(|slot| !slots.contains(slot)).count();
            if left > 0 {
                self.report(Law::Gone, Some(node), || format!("{left} slots have no record"));
            }
        }
    }
}

fn held(multifeed: &Multifeed) -> u64 {
    multifeed.feeds().map(|feed| feed.length).sum()
}
