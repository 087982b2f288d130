//! The state of one feed at one peer: how much each side holds and what was said about it.
//!
//! Rule: every change goes through [`PeerFeeds::update`], which keeps the three counters that say
//! whether the peers are in sync, and whether they will stay so.

use alloc::collections::BTreeMap;

use super::aliases::{Credit, FeedAlias};
use crate::id::FeedId;
use crate::wire::multifeed::{FeedRef, Reject};

/// The state of one feed at one peer. Each peer may have one for each feed, so its size matters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct PeerFeed {
    local_alias: Option<FeedAlias>,
    remote_alias: Option<FeedAlias>,
    /// The length that the peer announced.
    remote_length: u64,
    /// The end of the last block that we sent or that is ready to be sent.
    sent_length: u64,
    push: Push,
    /// Whether the peer can give the blocks that it announced.
    remote_blocks: Availability,
    /// Whether we can give the blocks that we announced.
    local_blocks: Availability,
    history: History,
    refusal: Refusal,
    /// The credit that the feed uses until its first block is durable.
    credit: Option<Credit>,
    counted: Counted,
}

/// How the peer learns of new blocks, and whether it was sent blocks before it wanted the feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Push {
    /// New blocks are announced.
    #[default]
    Off,
    /// The peer wanted the feed: new blocks are pushed.
    Appends,
    /// A range was pushed before the peer wanted the feed. New blocks are pushed, too.
    Unrequested,
    /// A range was pushed before the peer wanted the feed. New blocks are announced.
    UnrequestedOnly,
}

impl Push {
    fn pushes_appends(self) -> bool {
        matches!(self, Self::Appends | Self::Unrequested)
    }

    fn was_unrequested(self) -> bool {
        matches!(self, Self::Unrequested | Self::UnrequestedOnly)
    }

    fn without_appends(self) -> Self {
        if self.was_unrequested() { Self::UnrequestedOnly } else { Self::Off }
    }
}

/// Whether one side can give the blocks that it announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Availability {
    #[default]
    Available,
    /// The side said that it cannot give them, or its feed is broken.
    Unavailable,
    /// The next one is larger than the side accepts that lacks it. That does not change while the
    /// peers are connected.
    TooLarge,
}

/// Whether both sides have the same history of the feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum History {
    /// No contradiction was seen.
    #[default]
    Consistent,
    /// The peer's blocks contradict ours: the feed is not exchanged any more.
    Contested,
}

/// Which side neither takes the feed nor gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Refusal {
    #[default]
    None,
    ByUs,
    ByPeer,
    Both,
}

impl Refusal {
    fn new(is_by_us: bool, is_by_peer: bool) -> Self {
        match (is_by_us, is_by_peer) {
            (false, false) => Self::None,
            (true, false) => Self::ByUs,
            (false, true) => Self::ByPeer,
            (true, true) => Self::Both,
        }
    }

    fn is_by_us(self) -> bool {
        matches!(self, Self::ByUs | Self::Both)
    }

    fn is_by_peer(self) -> bool {
        matches!(self, Self::ByPeer | Self::Both)
    }
}

/// Which side lacks blocks of a feed that the other offers, when it was last counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counted {
    we_lack: bool,
    they_lack: bool,
    they_are_ahead: bool,
}

impl PeerFeed {
    /// The length that the peer announced.
    pub(crate) fn remote_length(&self) -> u64 {
        self.remote_length
    }

    /// How we refer to the feed, if either side has assigned it an alias.
    pub(crate) fn feed_ref(&self) -> Option<FeedRef> {
        let local = self.local_alias.map(|alias| FeedRef::Sender(alias.get()));
        local.or(self.remote_alias.map(|alias| FeedRef::Receiver(alias.get())))
    }

    pub(crate) fn has_local_alias(&self) -> bool {
        self.local_alias.is_some()
    }

    pub(crate) fn has_remote_alias(&self) -> bool {
        self.remote_alias.is_some()
    }

    /// Whether the feed uses a credit.
    pub(crate) fn uses_credit(&self) -> bool {
        self.credit.is_some()
    }

    /// Whether the peer offers blocks behind `length`.
    pub(crate) fn offers(&self, length: u64) -> bool {
        self.remote_length > length && self.is_remote_available() && self.is_open()
    }

    /// Whether the peer would take blocks of the `length` that we hold.
    pub(crate) fn lacks(&self, length: u64) -> bool {
        self.remote_length < length && self.is_local_available() && self.is_open()
    }

    /// Whether the peer has blocks behind `length` of a feed that we do not refuse, even if it does
    /// not give them.
    fn is_ahead(&self, length: u64) -> bool {
        self.remote_length > length && !self.is_refused_by_us()
    }

    /// Whether the feed is exchanged with this peer at all.
    pub(crate) fn is_open(&self) -> bool {
        self.refusal == Refusal::None && self.history == History::Consistent
    }

    pub(crate) fn is_contested(&self) -> bool {
        self.history == History::Contested
    }

    pub(crate) fn is_refused_by_us(&self) -> bool {
        self.refusal.is_by_us()
    }

    pub(crate) fn is_refused_by_peer(&self) -> bool {
        self.refusal.is_by_peer()
    }

    /// Whether the peer can give the blocks that it announced.
    pub(crate) fn is_remote_available(&self) -> bool {
        self.remote_blocks == Availability::Available
    }

    fn is_local_available(&self) -> bool {
        self.local_blocks == Availability::Available
    }

    /// Whether the peer wanted the feed and gets its new blocks.
    pub(crate) fn is_wanted(&self) -> bool {
        self.push == Push::Appends
    }

    /// Whether a range may be pushed before the peer wants the feed. A peer that wanted the feed
    /// gets all of it.
    pub(crate) fn accepts_push(&self) -> bool {
        self.is_open() && !self.push.pushes_appends() && self.is_local_available()
    }

    /// The block from which new blocks are pushed, if one of them is the next for the peer.
    pub(crate) fn push_start(&self, grown: &core::ops::Range<u64>) -> Option<u64> {
        let next = self.remote_length.max(self.sent_length);
        (self.push.pushes_appends() && grown.contains(&next)).then_some(next)
    }

    pub(crate) fn set_local_alias(&mut self, alias: Option<FeedAlias>) {
        self.local_alias = alias;
    }

    /// Sets the peer's alias. Returns whether there was one.
    pub(crate) fn set_remote_alias(&mut self, alias: Option<FeedAlias>) -> bool {
        core::mem::replace(&mut self.remote_alias, alias).is_some()
    }

    pub(crate) fn set_credit(&mut self, credit: Option<Credit>) {
        self.credit = credit;
    }

    pub(crate) fn take_credit(&mut self) -> Option<Credit> {
        self.credit.take()
    }

    /// The peer announced a length; `blocks` says whether we can use them. Returns whether it is
    /// longer than before.
    pub(crate) fn on_announced(&mut self, length: u64, blocks: Availability) -> bool {
        let is_longer = length > self.remote_length;
        if is_longer {
            self.remote_length = length;
            if self.remote_blocks != Availability::TooLarge {
                self.remote_blocks = blocks;
            }
        }
        // The peer got blocks from others that we had not sent yet, so it needs no pushes.
        if length > self.sent_length {
            self.push = self.push.without_appends();
        }
        is_longer
    }

    /// The peer holds at least `length` blocks.
    pub(crate) fn raise_remote_length(&mut self, length: u64) {
        self.remote_length = self.remote_length.max(length);
    }

    /// The peer held `length` blocks when both sides were in sync.
    pub(crate) fn set_remote_length(&mut self, length: u64) {
        self.remote_length = length;
    }

    /// The peer wants the feed from `start` on, and we hold `length` blocks. Returns the block to
    /// serve from. Our push and the peer's first want may cross; then the later position counts. A
    /// peer that wants blocks below its announced length has lost them, and the pushed blocks
    /// behind them.
    pub(crate) fn on_want(&mut self, start: u64, length: u64) -> u64 {
        let has_crossed = self.push.was_unrequested() && start >= self.remote_length;
        let start = if has_crossed { start.max(self.sent_length) } else { start };
        (self.push, self.local_blocks) = (Push::Appends, Availability::Available);
        self.sent_length = start.min(length);
        start
    }

    /// We cannot give the blocks that we announced.
    pub(crate) fn withhold(&mut self) {
        self.local_blocks = Availability::Unavailable;
        self.stop_appends();
    }

    /// The feed has grown to `length` here. Returns whether the peer offers blocks behind it that
    /// it could not give before: the missing blocks may be behind us now.
    pub(crate) fn on_grown(&mut self, length: u64) -> bool {
        if self.remote_blocks != Availability::Unavailable {
            return false;
        }
        self.remote_blocks = Availability::Available;
        self.remote_length > length
    }

    /// The peer cannot give its blocks, or we cannot store them.
    pub(crate) fn set_remote_unavailable(&mut self) {
        self.remote_blocks = Availability::Unavailable;
    }

    /// The peer's next block is larger than we accept, or ours larger than it accepts.
    pub(crate) fn set_remote_too_large(&mut self) {
        self.remote_blocks = Availability::TooLarge;
    }

    /// We neither take nor give the feed.
    pub(crate) fn refuse(&mut self) {
        self.refusal = Refusal::new(true, self.refusal.is_by_peer());
    }

    /// New blocks are neither pushed nor do they follow a pushed range.
    pub(crate) fn stop_push(&mut self) {
        self.push = Push::Off;
    }

    /// New blocks are announced from now on.
    pub(crate) fn stop_appends(&mut self) {
        self.push = self.push.without_appends();
    }

    /// We no longer refuse the feed, and hold `length` blocks.
    pub(crate) fn accept(&mut self, length: u64) {
        self.refusal = Refusal::new(false, self.refusal.is_by_peer());
        (self.remote_blocks, self.local_blocks) =
            (Availability::Available, Availability::Available);
        self.sent_length = self.sent_length.min(length);
    }

    /// The peer no longer refuses the feed, and holds `remote_length` blocks.
    pub(crate) fn reopen(&mut self, remote_length: u64) {
        self.refusal = Refusal::new(self.refusal.is_by_us(), false);
        self.remote_length = remote_length;
        self.sent_length = self.sent_length.min(remote_length);
    }

    /// The peer rejects something about the feed.
    pub(crate) fn on_reject(&mut self, reject: Reject) {
        match reject {
            // The pushed range was dropped, so no want of the peer crosses it.
            Reject::Declined => {
                self.refusal = Refusal::new(self.refusal.is_by_us(), true);
                self.push = Push::Off;
            }
            Reject::Duplicate => self.push = Push::Off,
            Reject::Unavailable => self.set_remote_unavailable(),
            // Either side may be the one that lacks the block.
            Reject::TooLarge => {
                self.set_remote_too_large();
                self.withhold();
            }
            Reject::Gone => (),
        }
    }

    /// The peer's blocks contradict ours.
    pub(crate) fn contest(&mut self) {
        self.history = History::Contested;
        self.stop_appends();
    }

    /// A range up to `end` is on its way to a peer that wanted the feed.
    pub(crate) fn on_range_sent(&mut self, end: u64) {
        self.sent_length = self.sent_length.max(end);
    }

    /// A range up to `end` is on its way to a peer that has not wanted the feed.
    pub(crate) fn on_range_pushed(&mut self, end: u64) {
        self.on_range_sent(end);
        self.push = Push::Unrequested;
    }

    fn count(&self, length: u64) -> Counted {
        Counted {
            we_lack: self.offers(length),
            they_lack: self.lacks(length),
            they_are_ahead: self.is_ahead(length),
        }
    }
}

/// All feeds that either side has named on one connection.
#[derive(Debug, Default)]
pub(crate) struct PeerFeeds {
    feeds: BTreeMap<FeedId, PeerFeed>,
    we_lack: usize,
    they_lack: usize,
    they_are_ahead: usize,
}

impl PeerFeeds {
    pub(crate) fn get(&self, feed: FeedId) -> Option<&PeerFeed> {
        self.feeds.get(&feed)
    }

    pub(crate) fn contains(&self, feed: FeedId) -> bool {
        self.feeds.contains_key(&feed)
    }

    /// How we refer to a feed, if either side has assigned it an alias.
    pub(crate) fn feed_ref(&self, feed: FeedId) -> Option<FeedRef> {
        self.get(feed).and_then(PeerFeed::feed_ref)
    }

    pub(crate) fn len(&self) -> usize {
        self.feeds.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FeedId, &PeerFeed)> {
        self.feeds.iter().map(|(feed, peer_feed)| (*feed, peer_feed))
    }

    /// Whether neither side lacks anything that the other offers.
    pub(crate) fn are_in_sync(&self) -> bool {
        self.we_lack == 0 && self.they_lack == 0
    }

    /// Whether the peer has nothing that we lack and have not refused.
    pub(crate) fn have_all_offered(&self) -> bool {
        self.they_are_ahead == 0
    }

    /// Changes the state of a feed with `length` durable blocks here; inserts it first if it is
    /// unknown.
    pub(crate) fn update<R>(
        &mut self,
        feed: FeedId,
        length: u64,
        change: impl FnOnce(&mut PeerFeed) -> R,
    ) -> R {
        let peer_feed = self.feeds.entry(feed).or_default();
        let result = change(peer_feed);
        let after = peer_feed.count(length);
        let before = core::mem::replace(&mut peer_feed.counted, after);
        let count = |all: &mut usize, before, after| {
            *all = *all + usize::from(after) - usize::from(before);
        };
        count(&mut self.we_lack, before.we_lack, after.we_lack);
        count(&mut self.they_lack, before.they_lack, after.they_lack);
        count(&mut self.they_are_ahead, before.they_are_ahead, after.they_are_ahead);
        result
    }

    /// The number of feeds that use a credit.
    pub(crate) fn count_credit(&self, credit: Credit) -> usize {
        self.feeds.values().filter(|peer_feed| peer_feed.credit == Some(credit)).count()
    }

    /// Panics if a counter differs from what it counts.
    pub(crate) fn check_invariants(&self) {
        let count = |is: fn(&Counted) -> bool| {
            self.feeds.values().filter(|peer_feed| is(&peer_feed.counted)).count()
        };
        assert_eq!(self.we_lack, count(|it| it.we_lack), "counter of feeds that we lack");
        assert_eq!(self.they_lack, count(|it| it.they_lack), "counter of feeds the peer lacks");
        assert_eq!(
            self.they_are_ahead,
            count(|it| it.they_are_ahead),
            "counter of feeds in which the peer is ahead"
        );
    }
}

#[cfg(test)]
mod tests;
