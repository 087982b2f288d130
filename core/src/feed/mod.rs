//! One log: an append-only feed, its tree and its signed head.
//!
//! Rule: this module knows trees and no connections. Only this file changes a feed's length:
//! [`Feed::append`] and [`Feed::stage_verified`] stage a commit, and [`Feed::on_committed`] applies
//! it once it is durable.

pub(crate) mod checkpoint;
mod clear;
pub(crate) mod fork;
mod head;
pub mod manifest;
pub(crate) mod proof;
mod quota;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod runs;
pub(crate) mod set;
pub(crate) mod tree;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::crypto::hash::Hash;
use crate::crypto::sign::{KeyPair, PublicKey, Signature};
use crate::crypto::{SignatureMemo, remember_own};
use crate::error::{StoreFailure, Violation};
use crate::id::{FeedId, FeedKey};
use crate::io::Write;
pub use fork::Fork;
pub use head::Head;
pub(crate) use head::{Range, Staging, Tip};
use manifest::Origin;
use runs::Runs;
use tree::{Fold, Node};

/// Blocks of a peer that passed verification, to be passed to [`Feed::stage_verified`] or dropped.
#[derive(Debug)]
pub(crate) struct Verified {
    start: u64,
    tip: Tip,
    writes: Vec<Write>,
}

/// A tip whose commit is in flight.
#[derive(Debug)]
struct Staged {
    tip: Tip,
    is_committed: bool,
}

/// The application's decision about a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum FeedStatus {
    /// Blocks are downloaded and uploaded.
    #[default]
    Accepted,
    /// Blocks are neither downloaded nor uploaded; held blocks stay.
    Refused,
    /// The feed's data is being deleted.
    Removing,
}

/// One append-only log. A process may hold a million of them, most of them idle, so the struct is
/// small.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) key: FeedKey,
    /// The author's key. For an adopted feed without blocks it is unknown until a manifest arrives.
    pub(crate) public_key: PublicKey,
    pub(crate) status: FeedStatus,
    /// That of the feed's [`FeedId`].
    pub(crate) generation: u32,
    /// The durable part: what may be announced and served.
    durable: Option<Tip>,
    /// `None` for an idle feed of the group that another author writes and that has no cleared
    /// blocks.
    activity: Option<Box<Activity>>,
}

/// State that idle feeds of other authors do not need.
#[derive(Debug, Default)]
struct Activity {
    /// Commits in flight, oldest first.
    staged: VecDeque<Staged>,
    /// The writer's local name. The store keeps the name, and only the application has the key
    /// pair.
    name: Option<String>,
    writer: Option<KeyPair>,
    broken: Option<StoreFailure>,
    /// Cleared blocks, as in the record of the latest commit.
    cleared: Runs,
    /// Refetched blocks that are not durable yet.
    restoring: Option<core::ops::Range<u64>>,
    origin: Origin,
    /// Only single blocks are requested, and nothing is stored.
    is_transient: bool,
    /// The head that proved the latest range and the tree hash that it signs, kept while more
    /// ranges of that head are expected, so that its signature is verified once.
    proven: Option<(Head, Hash)>,
    /// The proof that the author signed two histories.
    fork: Option<ForkState>,
}

/// The proof of a feed's second history.
#[derive(Debug)]
struct ForkState {
    evidence: ForkEvidence,
    /// The feed counts as forked only once the proof is durable.
    is_durable: bool,
    /// The blocks before which the proof shows that both histories are the same.
    shared: u64,
}

/// What is kept of a verified fork proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ForkEvidence {
    /// The encoded [`ForkProof`](crate::wire::fork::ForkProof).
    Proof(Bytes),
    /// The hash of a proof that was verified and dropped, because there are too many.
    Digest(Hash),
}

impl Activity {
    fn is_over(&self) -> bool {
        // A transient feed has another origin, so `is_plain` covers it.
        let Self { staged, name, writer, broken, cleared, restoring, origin, proven, fork, .. } =
            self;
        let is_plain = name.is_none() && writer.is_none() && *origin == Origin::Group;
        let is_whole = broken.is_none() && cleared.is_empty() && restoring.is_none();
        let is_whole = is_whole && proven.is_none() && fork.is_none();
        staged.is_empty() && is_whole && is_plain
    }
}

impl Feed {
    /// A feed without blocks.
    pub(crate) fn empty(key: FeedKey, public_key: PublicKey) -> Self {
        let (status, generation) = (FeedStatus::Accepted, 0);
        Self { key, public_key, status, generation, durable: None, activity: None }
    }

    /// A feed of another origin, without blocks. The first proof shows how its key was derived.
    /// Without a manifest the key is the public key (hypercore `lib/core.js`,
    /// `_verifyBatchUpgrade`).
    pub(crate) fn adopted(key: FeedKey) -> Self {
        let mut feed = Self::empty(key, PublicKey(key.0));
        feed.activity().origin = Origin::Compat;
        feed
    }

    /// A feed of another origin that is used only to request single blocks.
    pub(crate) fn transient(key: FeedKey) -> Self {
        let mut feed = Self::adopted(key);
        feed.activity().is_transient = true;
        feed
    }

    /// Whether only single blocks of the feed are requested.
    pub(crate) fn is_transient(&self) -> bool {
        self.activity.as_ref().is_some_and(|activity| activity.is_transient)
    }

    /// Turns a transient feed into an adopted one. Returns whether it was transient.
    pub(crate) fn adopt_transient(&mut self) -> bool {
        let is_transient = self.is_transient();
        if is_transient {
            *self = Self { generation: self.generation, ..Self::adopted(self.key) };
        }
        is_transient
    }

    /// Adopts a feed again that was adopted before and then removed. Returns whether this applies.
    pub(crate) fn readopt(&mut self, feed_namespace: &[u8; 32]) -> bool {
        let is_foreign = manifest::feed_key(feed_namespace, &self.public_key) != self.key;
        let is_again = self.is_candidate() && is_foreign;
        if is_again {
            self.activity().origin = Origin::Compat;
            self.public_key = PublicKey(self.key.0);
        }
        is_again
    }

    /// A feed from its record in the store.
    pub(crate) fn loaded(key: FeedKey, record: record::Record) -> Self {
        let record::Record { public_key, name, tip, cleared, origin } = record;
        let activity = Activity { name, cleared, origin, ..Activity::default() };
        let activity = (!activity.is_over()).then(|| Box::new(activity));
        let durable = Some(tip).filter(|tip| tip.length > 0);
        Self { durable, activity, ..Self::empty(key, public_key) }
    }

    /// How the feed's key is derived from its author's key.
    pub(crate) fn origin(&self) -> Origin {
        self.activity.as_ref().map_or(Origin::Group, |activity| activity.origin)
    }

    /// Whether the feed's key is derived from the group's namespace.
    pub(crate) fn is_of_group(&self) -> bool {
        self.origin() == Origin::Group
    }

    /// Whether the origin may still change: an adopted feed without blocks has no known manifest,
    /// and a transient feed does not store its manifest.
    pub(crate) fn is_origin_unknown(&self) -> bool {
        let is_open = self.origin() == Origin::Compat || self.is_transient();
        is_open && self.tip().is_none()
    }

    /// Sets the origin of an adopted feed once its manifest is known.
    pub(crate) fn set_origin(&mut self, origin: Origin, public_key: PublicKey) {
        if self.is_origin_unknown() {
            let activity = self.activity();
            activity.origin = origin;
            activity.is_transient &= origin != Origin::Group;
            self.public_key = public_key;
        }
    }

    /// Writes that record an adopted feed in the store.
    pub(crate) fn adoption(&self, feed: FeedId) -> Vec<Write> {
        let signature = Signature([0; 64]);
        let tip =
            Tip { length: 0, roots: Box::default(), head: Head { length: 0, fork: 0, signature } };
        Vec::from([self.record(feed, &tip)])
    }

    /// The fork of the held blocks; `None` without blocks.
    pub(crate) fn fork(&self) -> Option<u64> {
        self.tip().map(|tip| tip.head.fork)
    }

    /// Whether the author signed this head.
    pub(crate) fn is_signed(
        &self,
        tree_hash: &Hash,
        head: &Head,
        memo: Option<&SignatureMemo>,
    ) -> bool {
        let Self { key, public_key, .. } = self;
        match self.origin() {
            Origin::Compat => manifest::is_signed_compat(public_key, tree_hash, head, memo),
            _ => manifest::is_signed(public_key, key, tree_hash, head, memo),
        }
    }

    /// Makes the feed writable. `key_pair` must belong to the feed's public key.
    pub(crate) fn set_writer(&mut self, name: &str, key_pair: KeyPair) {
        let activity = self.activity();
        activity.name = Some(String::from(name));
        activity.writer = Some(key_pair);
    }

    /// The local name of a writer.
    pub(crate) fn name(&self) -> Option<&str> {
        self.activity.as_deref()?.name.as_deref()
    }

    fn activity(&mut self) -> &mut Activity {
        self.activity.get_or_insert_default()
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.activity.as_ref().is_some_and(|activity| activity.writer.is_some())
    }

    /// Whether blocks are downloaded from peers and uploaded to them.
    pub(crate) fn is_accepted(&self) -> bool {
        self.status == FeedStatus::Accepted && !self.is_forked()
    }

    /// Whether the feed is offered to peers.
    pub(crate) fn is_offered(&self) -> bool {
        self.is_accepted() && self.is_of_group() && self.length() > 0
    }

    /// Length of the feed in the sets that peers reconcile; 0 if the feed is not in them.
    pub(crate) fn offered_length(&self) -> u64 {
        if self.is_offered() { self.length() } else { 0 }
    }

    /// Length of the longest head of the author that is known.
    pub(crate) fn signed_length(&self) -> u64 {
        self.tip().map_or(0, |tip| tip.head.length)
    }

    /// The store failure that froze the feed.
    pub(crate) fn broken(&self) -> Option<StoreFailure> {
        self.activity.as_ref()?.broken
    }

    /// The durable tip.
    pub(crate) fn durable(&self) -> Option<&Tip> {
        self.durable.as_ref()
    }

    /// Number of durable blocks, counted from block 0.
    pub(crate) fn length(&self) -> u64 {
        self.durable.as_ref().map_or(0, |tip| tip.length)
    }

    /// Bytes of the durable blocks.
    pub(crate) fn byte_length(&self) -> u64 {
        self.durable.as_ref().and_then(|tip| tree::byte_length(&tip.roots)).unwrap_or(0)
    }

    /// The lengths after each commit that is not reported durable, in order.
    pub(crate) fn waiting_lengths(&self) -> impl Iterator<Item = u64> {
        let staged = self.activity.as_deref().into_iter().flat_map(|activity| &activity.staged);
        staged.filter(|staged| !staged.is_committed).map(|staged| staged.tip.length)
    }

    /// The lengths after each commit in flight, in order.
    pub(crate) fn staged_lengths(&self) -> impl Iterator<Item = u64> {
        let activity = self.activity.as_deref();
        activity.into_iter().flat_map(|activity| &activity.staged).map(|staged| staged.tip.length)
    }

    /// The length once all commits in flight are durable.
    pub(crate) fn staged_length(&self) -> u64 {
        self.tip().map_or(0, |tip| tip.length)
    }

    fn tip(&self) -> Option<&Tip> {
        let staged = self.activity.as_ref().and_then(|activity| activity.staged.back());
        staged.map(|staged| &staged.tip).or(self.durable.as_ref())
    }

    fn fold(&self) -> Fold {
        self.tip().map_or_else(Fold::default, |tip| Fold::of(&tip.roots))
    }

    /// Whether the feed is only known by name: no block is held or in flight.
    pub(crate) fn is_candidate(&self) -> bool {
        let may_count = |activity: &Activity| {
            let Activity { staged, writer, broken, .. } = activity;
            !staged.is_empty() || writer.is_some() || broken.is_some()
        };
        self.is_of_group()
            && self.durable.is_none()
            && !self.activity.as_deref().is_some_and(may_count)
    }

    /// Whether the application sees the feed. Candidates of the group, which have no held block,
    /// are hidden.
    pub(crate) fn is_shown(&self) -> bool {
        let is_held = self.length() > 0 || self.is_writable() || !self.is_of_group();
        self.status != FeedStatus::Removing && is_held
    }

    /// Signs and stages blocks of our own.
    ///
    /// Returns `None` if the feed is not writable or would grow past what can be counted.
    pub(crate) fn append(
        &mut self,
        feed: FeedId,
        blocks: &[&[u8]],
        memo: Option<&SignatureMemo>,
    ) -> Option<Staging> {
        let start = self.staged_length();
        let end = start.checked_add(blocks.len() as u64)?;
        let mut fold = self.fold();
        let mut writes = Vec::with_capacity(2 * blocks.len() + 1);
        grow(&mut fold, &mut writes, feed, start, blocks).ok()?;
        if end > tree::LENGTH_MAX || !tree::are_roots(fold.roots(), end) {
            return None;
        }
        let key_pair = self.activity.as_ref()?.writer.as_ref()?;
        let tree_hash = tree::tree_hash(fold.roots());
        // We never truncate our own feeds, so no index is signed twice.
        let signable = manifest::signable(&self.key, &tree_hash, end, 0);
        let signature = key_pair.sign(&signable);
        remember_own(memo, &self.public_key, &signable, &signature);
        let head = Head { length: end, fork: 0, signature };
        let tip = Tip { length: end, roots: fold.into_roots().into(), head };
        Some(self.stage(feed, start, tip, writes))
    }

    /// Verifies a peer's range. `None`: the range does not extend the held blocks. This can happen
    /// without fault on either side.
    pub(crate) fn verify(
        &mut self,
        feed: FeedId,
        range: &Range<&[u8]>,
        memo: Option<&SignatureMemo>,
    ) -> Result<Option<Verified>, Violation> {
        let (start, end) = (self.staged_length(), range.end());
        let is_closed = self.broken().is_some() || !self.is_accepted();
        if is_closed || range.start > start || end <= start {
            return Ok(None);
        }
        let known = usize::try_from(start - range.start).map_err(|_| Violation::OutOfRange)?;
        let blocks = range.blocks.get(known..).unwrap_or_default();
        let mut fold = self.fold();
        let mut writes = Vec::with_capacity(2 * blocks.len() + 2 * range.right.len() + 1);
        grow(&mut fold, &mut writes, feed, start, blocks)?;
        let roots = fold.roots().into();
        for node in &range.right {
            let mut keep = |node: &Node| writes.push(put_node(feed, node));
            keep(node);
            fold.push(*node, keep)?;
        }
        if !tree::are_roots(fold.roots(), range.head.length) {
            return Err(Violation::BadProof);
        }
        let tree_hash = tree::tree_hash(fold.roots());
        let proven = Some((range.head, tree_hash));
        let is_known = self.activity.as_ref().is_some_and(|activity| activity.proven == proven);
        let is_signed = is_known || self.is_signed(&tree_hash, &range.head, memo);
        if !is_signed {
            return Err(Violation::BadSignature);
        }
        self.activity().proven = proven;
        let tip = Tip { length: end, roots, head: range.head };
        Ok(Some(Verified { start, tip, writes }))
    }

    /// Stages verified blocks.
    pub(crate) fn stage_verified(
        &mut self,
        feed: FeedId,
        Verified { start, tip, writes }: Verified,
    ) -> Staging {
        self.stage(feed, start, tip, writes)
    }

    fn stage(&mut self, feed: FeedId, start: u64, tip: Tip, mut writes: Vec<Write>) -> Staging {
        let end = tip.length;
        writes.push(self.record(feed, &tip));
        self.activity().staged.push_back(Staged { tip, is_committed: false });
        Staging { start, end, writes }
    }

    fn record(&self, feed: FeedId, tip: &Tip) -> Write {
        const NONE: &Runs = &Runs::NONE;
        let cleared = self.activity.as_deref().map_or(NONE, |activity| &activity.cleared);
        let (name, origin) = (self.name(), self.origin());
        let value = record::encode_record(&self.public_key, name, tip, cleared, origin);
        Write::Put(record::feed_key(feed.slot), value)
    }

    /// Applies the durable commit that ends at `end`. Returns the blocks that become available:
    /// none while an earlier commit is still in flight.
    pub(crate) fn on_committed(&mut self, end: u64) -> core::ops::Range<u64> {
        let before = self.length();
        let Some(activity) = &mut self.activity else { return before..before };
        let staged = &mut activity.staged;
        if let Some(place) = staged.iter().position(|staged| staged.tip.length == end) {
            staged[place].is_committed = true;
        }
        while let Some(next) = staged.pop_front_if(|staged| staged.is_committed) {
            activity.proven.take_if(|(head, _)| head.length <= next.tip.length);
            self.durable = Some(next.tip);
        }
        if activity.is_over() {
            self.activity = None;
        }
        before..self.length()
    }

    /// Freezes the feed after a failed commit: the store's contents beyond the durable length are
    /// unknown, so nothing more is staged.
    pub(crate) fn fail(&mut self, failure: StoreFailure) {
        let activity = self.activity();
        activity.staged.clear();
        activity.broken = Some(failure);
    }
}

/// Folds blocks from `start` on and appends writes for them and for the new parent nodes.
fn grow<B: AsRef<[u8]>>(
    fold: &mut Fold,
    writes: &mut Vec<Write>,
    feed: FeedId,
    start: u64,
    blocks: &[B],
) -> Result<(), Violation> {
    for (index, block) in (start..).zip(blocks) {
        let block = block.as_ref();
        writes.push(Write::Put(record::block_key(feed.slot, index), Bytes::copy_from_slice(block)));
        fold.push(Node::leaf(index, block), |made| writes.push(put_node(feed, made)))?;
    }
    Ok(())
}

fn put_node(feed: FeedId, node: &Node) -> Write {
    Write::Put(record::node_key(feed.slot, node.index), record::encode_node(node))
}

#[cfg(test)]
mod tests;
