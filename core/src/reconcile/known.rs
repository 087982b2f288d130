//! Peers whose sets we knew when we last spoke, and what has changed in ours since: a peer that
//! knows the same of us is told that alone.
//!
//! Rule: a mark is made when each side holds all that the other had, or refuses it for good. It
//! is worth nothing unless the peer has the same one, and unless our sets without what the log
//! says come to what the mark says: so a store from an old backup, or a log with a gap, costs
//! bytes and never a feed.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use super::root::Root;
use super::token::Item;
use crate::feed::Feed;
use crate::feed::checkpoint::{Checkpoint, Digest, PeerTag};
use crate::feed::record::{self, Change};
use crate::feed::set::Feeds;
use crate::id::{FeedId, Role};
use crate::io::Write;
use crate::planted::{self, Bug};
use crate::wire::multifeed::KnownClaim;

/// A place in the log, and in the history of rulings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LogPosition {
    position: u64,
    generation: u64,
}

/// What our sets are without what has changed since a mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BasePair {
    pub(crate) mark: Checkpoint,
    /// Feeds that have changed, and how long they were; 0: they were not there.
    pub(crate) changed: BTreeMap<FeedId, u64>,
}

impl BasePair {
    /// Both sides held the same.
    pub(crate) fn sets_equal(&self) -> bool {
        self.mark.ours == self.mark.theirs
    }
}

/// Marks of all known peers, and the log.
#[derive(Debug, Default)]
pub(crate) struct Known {
    marks: BTreeMap<PeerTag, (u32, Checkpoint)>,
    /// Feeds that have changed, and how long they were. A feed that changes again before the next
    /// stamp is not logged again.
    log: VecDeque<(FeedId, u64)>,
    /// How many changes were ever logged.
    end: u64,
    /// What was logged since the last stamp.
    era: BTreeSet<FeedId>,
    /// How often what we want of peers has changed.
    generation: u64,
    /// There is a mark, or about to be one: changes have to be logged.
    is_kept: bool,
    /// Entries of the log as the store gives them, by their position.
    loading: BTreeMap<u64, (FeedId, u64)>,
}

impl Known {
    /// Takes a mark from the store.
    pub(crate) fn load_checkpoint(&mut self, place: u32, peer: PeerTag, mark: Checkpoint) {
        self.end = self.end.max(mark.position);
        self.marks.insert(peer, (place, mark));
        self.is_kept = true;
    }

    /// Takes an entry of the log from the store.
    pub(crate) fn load_change(&mut self, change: Change) {
        let Change { position, feed, before } = change;
        self.loading.insert(position, (feed, before));
    }

    /// All was loaded. What lies before a gap is worth nothing.
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

    /// A feed is about to grow: what makes the store remember it, if it has to. The write belongs
    /// into the commit by which the feed grows.
    pub(crate) fn note(
        &mut self,
        (id, feed): (FeedId, &Feed),
        before: u64,
        changes_max: usize,
    ) -> Option<Write> {
        if !self.is_kept || !feed.is_accepted() || !feed.is_of_group() || !self.era.insert(id) {
            return None;
        }
        if self.era.len() > changes_max {
            // The log has lost the beginning of the era, and so is of no use to any mark.
            self.era.clear();
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

    /// Where the log is now. Nothing may be on its way to the store by which a feed grows.
    pub(crate) fn stamp(&mut self) -> LogPosition {
        self.era.clear();
        LogPosition { position: self.end, generation: self.generation }
    }

    /// From now on changes are logged: a mark is to be made.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Whether nothing that counts for a mark has happened since a stamp.
    pub(crate) fn is_fresh(&self, stamp: &LogPosition) -> bool {
        stamp.position == self.end && stamp.generation == self.generation
    }

    /// Whether a mark can still be made of a stamp.
    pub(crate) fn is_current(&self, stamp: &LogPosition) -> bool {
        stamp.generation == self.generation
    }

    /// How many feeds have changed since a stamp, at least.
    pub(crate) fn changes_since(&self, stamp: &LogPosition) -> u64 {
        self.end - stamp.position
    }

    /// Makes a mark of what was so at a stamp. At most `peers_max` are kept, the oldest is
    /// forgotten.
    pub(crate) fn mark(
        &mut self,
        peer: PeerTag,
        [ours, theirs]: [Digest; 2],
        stamp: &LogPosition,
        peers_max: usize,
    ) -> Option<Write> {
        let mark = Checkpoint { ours, theirs, position: stamp.position };
        let place = match self.marks.get(&peer) {
            Some((_, known)) if *known == mark => return None,
            Some((place, _)) => *place,
            None if self.marks.len() < peers_max => self.free_place(),
            None => {
                let oldest = self.marks.iter().min_by_key(|(_, (_, mark))| mark.position);
                let (name, place) = oldest.map(|(name, (place, _))| (*name, *place))?;
                self.marks.remove(&name);
                place
            }
        };
        self.marks.insert(peer, (place, mark));
        self.is_kept = true;
        Some(Write::Put(record::known_key(place), record::encode_checkpoint(&peer, &mark)))
    }

    fn free_place(&self) -> u32 {
        let used: BTreeSet<u32> = self.marks.values().map(|(place, _)| *place).collect();
        // There are fewer marks than numbers.
        (0..).find(|place| !used.contains(place)).unwrap_or(0)
    }

    /// What we want of peers has changed: they would have to name what they had no need to name.
    pub(crate) fn forget_all(&mut self) -> impl Iterator<Item = Write> + use<> {
        self.generation += 1;
        let marks = core::mem::take(&mut self.marks);
        marks.into_values().map(|(place, _)| Write::Delete(record::known_key(place)))
    }

    /// How often what we want of peers has changed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// How many peers are remembered.
    pub(crate) fn peers(&self) -> usize {
        self.marks.len()
    }

    /// How many changes are.
    pub(crate) fn changes(&self) -> usize {
        self.log.len().max(self.era.len())
    }

    /// Panics with the first violated invariant.
    pub(crate) fn check_invariants(&self, changes_max: usize) {
        let Self { marks, log, end, era, is_kept, .. } = self;
        assert!(era.len() <= changes_max, "too many changes count as one");
        assert!(log.len() as u64 <= *end, "more changes are remembered than were logged");
        assert!(*is_kept || marks.is_empty(), "changes since a checkpoint are not logged");
        let mut places = BTreeSet::new();
        for (place, mark) in marks.values() {
            assert!(mark.position <= *end, "a checkpoint lies behind the log");
            assert!(places.insert(*place), "two checkpoints have one place in the store");
        }
    }

    /// What has changed since a mark with a peer, as far as the sets whose heads have this root
    /// show it. `None`: there is no mark, or it cannot be known.
    pub(crate) fn base(&self, peer: &PeerTag, feeds: &Feeds, heads: &Root) -> Option<BasePair> {
        let (_, mark) = self.marks.get(peer)?;
        let changed = self.since(mark.position, feeds)?;
        let base = BasePair { mark: *mark, changed };
        let mut root = heads.clone();
        base.undo_changes(&mut root, feeds);
        let is_whole = root.digest() == mark.ours || planted::is(Bug::TrustsMarks);
        is_whole.then_some(base)
    }

    /// The feeds that have changed since a position of the log, and how long they were then.
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
    /// Turns the root of our heads into what it was at the mark.
    pub(crate) fn undo_changes(&self, root: &mut Root, feeds: &Feeds) {
        for (id, before) in &self.changed {
            let Some(feed) = feeds.get(*id) else { continue };
            root.remove(Item::head(&feed.key, feed.length()));
            if *before > 0 {
                root.insert(Item::head(&feed.key, *before));
            }
        }
    }

    /// What we say of it on one connection.
    pub(crate) fn claim(&self, handshake_hash: &[u8; 64], role: Role) -> KnownClaim {
        let tag = self.mark.tag(handshake_hash, role, role);
        KnownClaim { tag, changed: self.changed.len() as u32 }
    }

    /// Whether the peer means the same mark.
    pub(crate) fn matches_claim(&self, hash: &[u8; 64], role: Role, theirs: &KnownClaim) -> bool {
        let tag = self.mark.tag(hash, role, role.other());
        tag == theirs.tag || planted::is(Bug::TrustsMarks)
    }
}

#[cfg(test)]
mod tests;
