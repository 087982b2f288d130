//! Checkpoints with known peers and the log of our changes since. A peer with the same checkpoint
//! receives only these changes.
//!
//! Rule: a checkpoint is stored when each side holds everything that the other had, or refuses it
//! for good. It is used only if the peer has the same one, and if undoing the logged changes leads
//! to its digest. So a store restored from an old backup, or a log with a gap, costs bytes but
//! hides no feed.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use super::root::Root;
use super::token::Item;
use crate::feed::Feed;
use crate::feed::checkpoint::{Checkpoint, Digest, PeerTag};
use crate::feed::record::{self, Change};
use crate::feed::set::Feeds;
use crate::id::{FeedId, Role};
use crate::io::Write;
use crate::wire::multifeed::KnownClaim;

/// A position in the change log, with the generation of rulings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LogPosition {
    position: u64,
    generation: u64,
}

/// Our sets at a checkpoint: the checkpoint and the feeds that changed since.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BasePair {
    pub(crate) checkpoint: Checkpoint,
    /// Changed feeds with their length at the checkpoint; 0: not in the set.
    pub(crate) changed: BTreeMap<FeedId, u64>,
}

impl BasePair {
    /// Whether both sides held the same set.
    pub(crate) fn sets_equal(&self) -> bool {
        self.checkpoint.ours == self.checkpoint.theirs
    }
}

/// The checkpoints of all known peers and the change log.
#[derive(Debug, Default)]
pub(crate) struct Known {
    checkpoints: BTreeMap<PeerTag, (u32, Checkpoint)>,
    /// Changed feeds with their length before the change. A feed that changes again before the next
    /// [`Known::stamp`] is not logged again.
    log: VecDeque<(FeedId, u64)>,
    /// Number of changes logged so far.
    end: u64,
    /// Feeds logged since the last [`Known::stamp`].
    epoch_changes: BTreeSet<FeedId>,
    /// Number of changes of our rulings.
    generation: u64,
    /// Whether changes are logged: a checkpoint exists or is about to.
    is_kept: bool,
    /// Log entries loaded from the store, by position.
    loading: BTreeMap<u64, (FeedId, u64)>,
}

impl Known {
    /// Adds a checkpoint loaded from the store.
    pub(crate) fn load_checkpoint(&mut self, place: u32, peer: PeerTag, checkpoint: Checkpoint) {
        self.end = self.end.max(checkpoint.position);
        self.checkpoints.insert(peer, (place, checkpoint));
        self.is_kept = true;
    }

    /// Adds a log entry loaded from the store.
    pub(crate) fn load_change(&mut self, change: Change) {
        let Change { position, feed, before } = change;
        self.loading.insert(position, (feed, before));
    }

    /// Ends loading. Entries before a gap are dropped.
    pub(crate) fn opened(&mut self) {
        let loaded = core::mem::take(&mut self.loading);
        let Some((last, _)) = loaded.last_key_value() else { return };
        let Some(end) = last.checked_add(1).filter(|end| *end >= self.end) else { return };
        self.end = end;
        for (at, (position, change)) in (1..).zip(loaded.into_iter().rev()) {
            if position != end - at {
                break;
            }
            self.log.push_front(change);
        }
    }

    /// Logs that a feed is about to grow. The returned write must be part of the commit that
    /// extends the feed.
    pub(crate) fn note(
        &mut self,
        (id, feed): (FeedId, &Feed),
        before: u64,
        changes_max: usize,
    ) -> Option<Write> {
        if !self.is_kept
            || !feed.is_accepted()
            || !feed.is_of_group()
            || !self.epoch_changes.insert(id)
        {
            return None;
        }
        if self.epoch_changes.len() > changes_max {
            // The log no longer reaches back to the last stamp, so no checkpoint can use it.
            self.epoch_changes.clear();
        }
        while self.log.len() >= changes_max {
            self.log.pop_front();
        }
        self.log.push_back((id, before));
        let change = Change { position: self.end, feed: id, before };
        let place = (self.end % changes_max as u64) as u32;
        self.end += 1;
        Some(Write::Put(record::change_key(place), record::encode_change(&change)))
    }

    /// The current position. No commit that extends a feed may be in flight.
    pub(crate) fn stamp(&mut self) -> LogPosition {
        self.epoch_changes.clear();
        LogPosition { position: self.end, generation: self.generation }
    }

    /// Starts logging changes; needed before the first checkpoint.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Whether nothing relevant for a checkpoint has changed since `stamp`.
    pub(crate) fn is_fresh(&self, stamp: &LogPosition) -> bool {
        stamp.position == self.end && stamp.generation == self.generation
    }

    /// Whether a checkpoint can still be stored for `stamp`.
    pub(crate) fn is_current(&self, stamp: &LogPosition) -> bool {
        stamp.generation == self.generation
    }

    /// A lower bound of the number of feeds that changed since `stamp`.
    pub(crate) fn changes_since(&self, stamp: &LogPosition) -> u64 {
        self.end - stamp.position
    }

    /// Sets the checkpoint of a peer for the state at `stamp`. At most `peers_max` are kept; the
    /// oldest is dropped. `None`: nothing to store.
    pub(crate) fn set_checkpoint(
        &mut self,
        peer: PeerTag,
        [ours, theirs]: [Digest; 2],
        stamp: &LogPosition,
        peers_max: usize,
    ) -> Option<Write> {
        let checkpoint = Checkpoint { ours, theirs, position: stamp.position };
        let place = match self.checkpoints.get(&peer) {
            Some((_, known)) if *known == checkpoint => return None,
            Some((place, _)) => *place,
            None if self.checkpoints.len() < peers_max => self.free_place(),
            None => {
                let oldest =
                    self.checkpoints.iter().min_by_key(|(_, (_, checkpoint))| checkpoint.position);
                let (name, place) = oldest.map(|(name, (place, _))| (*name, *place))?;
                self.checkpoints.remove(&name);
                place
            }
        };
        self.checkpoints.insert(peer, (place, checkpoint));
        self.is_kept = true;
        Some(Write::Put(record::known_key(place), record::encode_checkpoint(&peer, &checkpoint)))
    }

    fn free_place(&self) -> u32 {
        let used: BTreeSet<u32> = self.checkpoints.values().map(|(place, _)| *place).collect();
        // There are fewer checkpoints than `u32` values, so the search succeeds.
        (0..).find(|place| !used.contains(place)).unwrap_or(0)
    }

    /// Drops all checkpoints after a change of our rulings: peers must offer feeds that they left
    /// out before.
    pub(crate) fn forget_all(&mut self) -> impl Iterator<Item = Write> + use<> {
        self.generation += 1;
        let checkpoints = core::mem::take(&mut self.checkpoints);
        checkpoints.into_values().map(|(place, _)| Write::Delete(record::known_key(place)))
    }

    /// Number of changes of our rulings.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Number of known peers.
    pub(crate) fn peers(&self) -> usize {
        self.checkpoints.len()
    }

    /// Number of logged changes.
    pub(crate) fn changes(&self) -> usize {
        self.log.len().max(self.epoch_changes.len())
    }

    /// Panics with the first violated invariant.
    pub(crate) fn check_invariants(&self, changes_max: usize) {
        let Self { checkpoints, log, end, epoch_changes, is_kept, .. } = self;
        assert!(epoch_changes.len() <= changes_max, "too many changes count as one");
        assert!(log.len() as u64 <= *end, "more changes are remembered than were logged");
        assert!(*is_kept || checkpoints.is_empty(), "changes since a checkpoint are not logged");
        let mut places = BTreeSet::new();
        for (place, checkpoint) in checkpoints.values() {
            assert!(checkpoint.position <= *end, "a checkpoint lies behind the log");
            assert!(places.insert(*place), "two checkpoints have one place in the store");
        }
    }

    /// Our sets at the checkpoint with a peer, checked against the root of our heads. `None`: there
    /// is no checkpoint, or the log does not lead back to it.
    pub(crate) fn base(&self, peer: &PeerTag, feeds: &Feeds, heads: &Root) -> Option<BasePair> {
        let (_, checkpoint) = self.checkpoints.get(peer)?;
        let changed = self.since(checkpoint.position, feeds)?;
        let base = BasePair { checkpoint: *checkpoint, changed };
        let mut root = heads.clone();
        base.undo_changes(&mut root, feeds);
        let is_whole = root.digest() == checkpoint.ours;
        is_whole.then_some(base)
    }

    /// The feeds that changed since a log position, with their length then.
    fn since(&self, position: u64, feeds: &Feeds) -> Option<BTreeMap<FeedId, u64>> {
        let count = usize::try_from(self.end.checked_sub(position)?).ok()?;
        let skipped = self.log.len().checked_sub(count)?;
        let mut changed = BTreeMap::new();
        for (feed, before) in self.log.range(skipped..) {
            changed.entry(*feed).or_insert(*before);
        }
        let is_longer = |feed: &FeedId, before: u64| {
            feeds.get(*feed).is_some_and(|feed| Feed::offered_length(feed) > before)
        };
        changed.retain(|feed, before| is_longer(feed, *before));
        Some(changed)
    }
}

impl BasePair {
    /// Turns the root of our heads into the root at the checkpoint.
    pub(crate) fn undo_changes(&self, root: &mut Root, feeds: &Feeds) {
        for (id, before) in &self.changed {
            let Some(feed) = feeds.get(*id) else { continue };
            root.remove(Item::head(&feed.key, feed.length()));
            if *before > 0 {
                root.insert(Item::head(&feed.key, *before));
            }
        }
    }

    /// Our claim about the checkpoint on one connection.
    pub(crate) fn claim(&self, handshake_hash: &[u8; 64], role: Role) -> KnownClaim {
        let tag = self.checkpoint.tag(handshake_hash, role, role);
        KnownClaim { tag, changed: self.changed.len() as u32 }
    }

    /// Whether the peer's claim is about the same checkpoint.
    pub(crate) fn matches_claim(&self, hash: &[u8; 64], role: Role, theirs: &KnownClaim) -> bool {
        let tag = self.checkpoint.tag(hash, role, role.other());
        tag == theirs.tag
    }
}

#[cfg(test)]
mod tests;
