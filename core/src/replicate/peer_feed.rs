//! One feed × one peer: who holds how much of it, and what was said about it.
//!
//! Rule: every change of an edge goes through [`PeerFeeds::update`], which keeps the three counts that
//! say whether the peers are in sync, and whether that will last.

use alloc::collections::BTreeMap;

use super::aliases::FeedAlias;
use crate::id::FeedId;

/// What we know of one feed at one peer. There may be one for each feed at each peer, so its size
/// counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct PeerFeed {
    /// The number that we gave it.
    pub(crate) mine: Option<FeedAlias>,
    /// The number that the peer gave it.
    pub(crate) yours: Option<FeedAlias>,
    /// Blocks that the peer holds, as it says.
    pub(crate) theirs: u64,
    /// The index behind the last block that we sent, or that is ready to be.
    pub(crate) sent: u64,
    /// New blocks are pushed, not only announced: the peer wanted the feed from us.
    pub(crate) pushes_appends: bool,
    /// Up to there it was sent though the peer has not wanted the feed.
    pub(crate) pushed: bool,
    /// The peer cannot give what it said it holds.
    pub(crate) lost: bool,
    /// What the peer has of the feed contradicts what we have: nothing more of it is taken from
    /// there or offered there.
    pub(crate) is_contested: bool,
    /// The peer neither takes the feed nor gives it.
    pub(crate) declined: bool,
    /// We neither take the feed nor give it.
    pub(crate) refused: bool,
    /// We told the peer that we cannot give what we said we hold.
    pub(crate) is_withheld: bool,
    /// What the feed counts against until its first block is here.
    pub(crate) credit: Option<Credit>,
    /// How it stands in the counts of [`PeerFeeds`].
    counted: Counted,
}

/// Who lacks blocks of a feed that the other offers, as it was when they were counted last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counted {
    we_lack: bool,
    they_lack: bool,
    they_are_ahead: bool,
}

/// Which bound holds the feeds that a peer has us hold before their first block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Credit {
    /// The names that the peer was granted.
    Alias,
    /// As many again of those that a reconciliation brought.
    QueuedOffer,
}

impl PeerFeed {
    /// The peer offers blocks behind `length`.
    pub(crate) fn offers(&self, length: u64) -> bool {
        self.theirs > length && !self.lost && self.is_open()
    }

    /// The peer would take blocks of the `length` that we hold.
    pub(crate) fn lacks(&self, length: u64) -> bool {
        self.theirs < length && !self.is_withheld && self.is_open()
    }

    /// The peer has blocks behind `length`, whether or not it gives them, and we have not
    /// refused them.
    fn is_ahead(&self, length: u64) -> bool {
        self.theirs > length && !self.refused
    }

    /// The feed is exchanged with this peer at all.
    pub(crate) fn is_open(&self) -> bool {
        !self.declined && !self.refused && !self.is_contested
    }
}

/// All feeds that either side has named on one connection.
#[derive(Debug, Default)]
pub(crate) struct PeerFeeds {
    edges: BTreeMap<FeedId, PeerFeed>,
    we_lack: usize,
    they_lack: usize,
    they_are_ahead: usize,
}

impl PeerFeeds {
    pub(crate) fn get(&self, feed: FeedId) -> Option<&PeerFeed> {
        self.edges.get(&feed)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FeedId, &PeerFeed)> {
        self.edges.iter().map(|(feed, edge)| (*feed, edge))
    }

    /// Neither side lacks anything that the other offers.
    pub(crate) fn are_in_sync(&self) -> bool {
        self.we_lack == 0 && self.they_lack == 0
    }

    /// The peer has nothing that we lack and have not refused.
    pub(crate) fn have_all_offered(&self) -> bool {
        self.they_are_ahead == 0
    }

    /// Changes an edge, made if it is not there, of a feed of which we durably hold `length`.
    pub(crate) fn update<R>(
        &mut self,
        feed: FeedId,
        length: u64,
        change: impl FnOnce(&mut PeerFeed) -> R,
    ) -> R {
        let edge = self.edges.entry(feed).or_default();
        let result = change(edge);
        let after = Counted {
            we_lack: edge.offers(length),
            they_lack: edge.lacks(length),
            they_are_ahead: edge.is_ahead(length),
        };
        let before = core::mem::replace(&mut edge.counted, after);
        let count = |all: &mut usize, before, after| {
            *all = *all + usize::from(after) - usize::from(before);
        };
        count(&mut self.we_lack, before.we_lack, after.we_lack);
        count(&mut self.they_lack, before.they_lack, after.they_lack);
        count(&mut self.they_are_ahead, before.they_are_ahead, after.they_are_ahead);
        result
    }
}

#[cfg(test)]
mod tests;
