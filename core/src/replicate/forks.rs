//! Feeds with conflicting histories at two peers, and the messages about them.
//!
//! Rule: the side with the shorter history sends its head, the side with the longer one makes the
//! proof, and each connection is notified of a proof once. So the exchange about a feed ends,
//! whatever each side holds.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::error::Violation;
use crate::id::FeedId;
use crate::replicate::forked_prefixes::ForkedPrefixes;
use crate::wire::fork::SignedHead;

/// Feeds that one peer may contest: the number of wrong messages that hypercore forgives.
pub(crate) const CONTESTED_MAX: usize = 64;

/// Feeds with two histories on one connection.
#[derive(Debug, Default)]
pub(crate) struct Forks {
    /// Number of feeds on which the peer's history conflicts with ours.
    contested: usize,
    /// Feeds whose head is to be sent once all blocks that it signs are held.
    heads_to_send: BTreeSet<FeedId>,
    /// Heads of the peer to compare with ours once we hold as many blocks.
    remote_heads: BTreeMap<FeedId, SignedHead>,
    /// How many heads the peer has sent.
    received: usize,
    /// Feeds whose proof is to be sent.
    pending: BTreeSet<FeedId>,
    /// Feeds whose proof was sent, is to be sent, or was received.
    notified: BTreeSet<FeedId>,
    /// Feeds whose proof is being made or stored because of what the peer said.
    proving: BTreeSet<FeedId>,
    /// What both histories of a feed share, for a peer that holds nothing of the feed.
    prefixes: ForkedPrefixes,
}

impl Forks {
    pub(crate) fn new(prefixes: ForkedPrefixes) -> Self {
        Self { prefixes, ..Self::default() }
    }

    pub(crate) fn prefixes(&mut self) -> &mut ForkedPrefixes {
        &mut self.prefixes
    }

    /// Whether the peer is to learn that it has got all of the forked feeds that it wanted, with
    /// their proofs; `is_lacking` says whether it still lacks blocks of one.
    pub(crate) fn are_prefixes_given(&mut self, is_lacking: impl Fn(FeedId) -> bool) -> bool {
        let Self { prefixes, pending, .. } = self;
        prefixes.is_to_finish(|id| is_lacking(*id) || pending.contains(id))
    }

    /// Whether nothing is left to be sent or proved.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.proving.is_empty() && self.prefixes.is_idle()
    }

    /// The largest number of feeds in one state.
    pub(crate) fn len(&self) -> usize {
        let Self { heads_to_send, remote_heads, pending, proving, .. } = self;
        heads_to_send.len().max(remote_heads.len()).max(pending.len()).max(proving.len())
    }

    /// The peer contests one more feed.
    pub(crate) fn on_contested(&mut self) -> Result<(), Violation> {
        self.contested += 1;
        if self.contested > CONTESTED_MAX { Err(Violation::BadSignature) } else { Ok(()) }
    }

    /// The peer sent one more head: at most one for each feed that it may contest, and one in turn
    /// for each that we may.
    pub(crate) fn on_signed_head(&mut self) -> Result<(), Violation> {
        self.received += 1;
        if self.received > 2 * CONTESTED_MAX { Err(Violation::BadSignature) } else { Ok(()) }
    }

    /// Our head of a feed is to be sent.
    pub(crate) fn send_head(&mut self, feed: FeedId) {
        self.heads_to_send.insert(feed);
    }

    pub(crate) fn pop_head(&mut self) -> Option<FeedId> {
        self.heads_to_send.pop_first()
    }

    /// Puts feeds back whose head cannot be sent yet.
    pub(crate) fn send_heads_later(&mut self, mut feeds: BTreeSet<FeedId>) {
        self.heads_to_send.append(&mut feeds);
    }

    /// Keeps a head of the peer until the feed has grown here.
    pub(crate) fn keep_remote_head(&mut self, feed: FeedId, head: SignedHead) {
        self.remote_heads.insert(feed, head);
    }

    pub(crate) fn take_remote_head(&mut self, feed: FeedId) -> Option<SignedHead> {
        self.remote_heads.remove(&feed)
    }

    pub(crate) fn start_proving(&mut self, feed: FeedId) {
        self.proving.insert(feed);
    }

    pub(crate) fn stop_proving(&mut self, feed: FeedId) {
        self.proving.remove(&feed);
    }

    /// The proof of a feed is to be sent, unless the peer was notified.
    pub(crate) fn notify(&mut self, feed: FeedId) {
        if self.notified.insert(feed) {
            self.pending.insert(feed);
        }
    }

    /// The peer has the proof of a feed.
    pub(crate) fn on_notified(&mut self, feed: FeedId) {
        self.pending.remove(&feed);
        self.notified.insert(feed);
    }

    pub(crate) fn pop_proof(&mut self) -> Option<FeedId> {
        self.pending.pop_first()
    }

    /// The feed was removed.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        let Self { heads_to_send, remote_heads, pending, notified, proving, .. } = self;
        let sets = [heads_to_send, pending, notified, proving];
        sets.into_iter().for_each(|feeds| _ = feeds.remove(&feed));
        remote_heads.remove(&feed);
    }

    /// Panics if the peer exceeds a bound, or a proof is sent twice.
    pub(crate) fn check_invariants(&self) {
        assert!(self.contested <= CONTESTED_MAX, "too many contested feeds");
        assert!(self.received <= 2 * CONTESTED_MAX, "too many signed heads");
        assert!(self.pending.is_subset(&self.notified), "a pending proof is sent once");
    }
}
