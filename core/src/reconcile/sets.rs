//! The two sets that peers reconcile: the offered feeds (keys) and their lengths (heads).
//!
//! Rule: a feed enters when its first block is durable and leaves when it is refused or removed.
//! Every change must be reported here exactly once. A session's snapshot is reconstructed by
//! undoing later changes, so no session copies data that grows with the sets.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::changes::{Overrun, Toggle, Toggles};
use super::index::Index;
use super::known::Known;
use super::root::Root;
use super::sketch::Sketch;
use super::token::{ID_BITS, Item, Salt};
use crate::feed::checkpoint::Digest;
use crate::feed::set::Feeds;
use crate::group::Group;
use crate::id::{FeedId, FeedKey};
use crate::reconcile::root::Roots;
use crate::wire::reconcile::SetKind;
use crate::wire::slice::Slice;

/// Number of changes that can be undone for a session: 16 bytes each, shared by all peers. A
/// session takes seconds, so thousands of feeds may change during it.
const CHANGES_MAX: usize = 4_096;

/// Our sets when a session began.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    position: u64,
    slots: u64,
    pub(crate) feeds: u64,
    pub(crate) roots: Roots,
}

/// Both sets, shared by all sessions.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    feeds: u64,
    /// Built when first needed: 5 µs per feed.
    roots: Option<Roots>,
    /// Changed feeds with their length before the change.
    log: VecDeque<(FeedId, u64)>,
    position: u64,
    /// Number of freed slots. A freed slot may belong to another feed later.
    slots: u64,
    /// Built when first needed: 1 µs per feed.
    sketches: Option<Box<Sketches>>,
    /// Bytes of all snapshots in use.
    pub(crate) lent_bytes: usize,
    /// Checkpoints with known peers and the log of changes since.
    pub(crate) known: Known,
}

/// Sketches of both sets under the group's salt, shared by all peers.
#[derive(Debug)]
struct Sketches {
    salt: Salt,
    of: [Sketch; 2],
    index: Index,
}

impl Sets {
    /// Sets the feeds loaded from the store.
    pub(crate) fn open(&mut self, feeds: &Feeds) {
        self.feeds = held(feeds).count() as u64;
    }

    /// Reports that a feed's length in the sets changed from `before` to `after`; 0: not in the
    /// sets.
    pub(crate) fn change(&mut self, feed: FeedId, key: &FeedKey, before: u64, after: u64) {
        self.feeds += u64::from(after > 0);
        self.feeds -= u64::from(before > 0);
        if let Some(Roots { keys, heads }) = &mut self.roots {
            for (set, root) in [(SetKind::Keys, keys), (SetKind::Heads, heads)] {
                for step in steps(set, key, before, after) {
                    match step {
                        Step::Inserted(item) => root.insert(item),
                        Step::Removed(item) => root.remove(item),
                    }
                }
            }
        }
        if let Some(sketches) = &mut self.sketches {
            sketches.change(feed, key, before, after);
        }
        if self.log.len() == CHANGES_MAX {
            self.log.pop_front();
        }
        self.log.push_back((feed, before));
        self.position += 1;
    }

    /// Panics with the first violated invariant. Compares the roots themselves only of small sets:
    /// they cost two hashes per feed.
    pub(crate) fn check_invariants(&self, feeds: &Feeds) {
        const FEEDS_HASHED_MAX: u64 = 8;
        assert_eq!(self.feeds, held(feeds).count() as u64, "the feeds of the sets are miscounted");
        assert!(self.log.len() <= CHANGES_MAX, "too many changes are logged for sessions");
        if let Some(roots) = &self.roots
            && self.feeds <= FEEDS_HASHED_MAX
        {
            let (mut kept, mut made) = (roots.clone(), roots_of(feeds));
            let keys = [&mut kept.keys, &mut made.keys].map(Root::digest);
            assert_eq!(keys[0], keys[1], "the root of the keys is not that of the feeds");
            let heads = [&mut kept.heads, &mut made.heads].map(Root::digest);
            assert_eq!(heads[0], heads[1], "the root of the heads is not that of the feeds");
        }
    }

    /// Reports that a slot was freed. Sessions that refer to its feed must restart.
    pub(crate) fn forget_slots(&mut self) {
        self.slots += 1;
    }

    /// A snapshot of the current sets.
    pub(crate) fn snapshot(&mut self, feeds: &Feeds) -> Snapshot {
        let roots = self.roots.get_or_insert_with(|| roots_of(feeds));
        roots.keys.fold();
        roots.heads.fold();
        let (position, slots, feeds) = (self.position, self.slots, self.feeds);
        Snapshot { position, slots, feeds, roots: roots.clone() }
    }

    /// The digest of the current heads.
    pub(crate) fn digest(&mut self, feeds: &Feeds) -> Digest {
        let roots = self.roots.get_or_insert_with(|| roots_of(feeds));
        roots.heads.digest()
    }

    /// Fails if a slot was freed since the snapshot.
    pub(crate) fn check_slots(&self, snapshot: &Snapshot) -> Result<(), Overrun> {
        if self.slots == snapshot.slots { Ok(()) } else { Err(Overrun) }
    }

    /// The feeds that changed since the snapshot, with their length then; 0: not in the sets.
    pub(crate) fn since(&self, snapshot: &Snapshot) -> Result<BTreeMap<FeedId, u64>, Overrun> {
        self.check_slots(snapshot)?;
        let count = usize::try_from(self.position - snapshot.position).map_err(|_| Overrun)?;
        let skipped = self.log.len().checked_sub(count).ok_or(Overrun)?;
        let mut before = BTreeMap::new();
        for (feed, length) in self.log.range(skipped..) {
            before.entry(*feed).or_insert(*length);
        }
        Ok(before)
    }

    /// Builds the sketches under the group's salt if they are missing or too small.
    pub(crate) fn sketch(&mut self, group: &Group, feeds: &Feeds) {
        let items = usize::try_from(self.feeds).unwrap_or(usize::MAX);
        let make = || Box::new(Sketches::new(group, items, feeds));
        let Sketches { salt, of: [keys, heads], .. } =
            &mut **self.sketches.get_or_insert_with(make);
        if keys.is_outgrown(items) {
            let feeds = || held(feeds).map(|(_, feed)| feed);
            keys.grow(items, feeds().map(|feed| salt.token(&Item::Key(feed.key.0))));
            heads.grow(
                items,
                feeds().map(|feed| salt.token(&Item::head(&feed.key, feed.offered_length()))),
            );
        }
    }

    /// Cells with the changes of `changed` undone.
    pub(super) fn slice(
        &self,
        set: SetKind,
        range: core::ops::Range<u32>,
        feeds: &Feeds,
        changed: &BTreeMap<FeedId, u64>,
    ) -> Result<Slice, Overrun> {
        let sketches = self.sketches.as_deref().ok_or(Overrun)?;
        let mut toggles = Toggles::default();
        for (feed, before) in changed {
            let Some(feed) = feeds.get(*feed) else { return Err(Overrun) };
            for step in steps(set, &feed.key, *before, feed.offered_length()) {
                toggles.push(sketches.toggle(step));
            }
        }
        sketches.of[set as usize].slice(range, &toggles, 0)
    }

    /// The feeds whose key's id begins with the `width` bits of `prefix`.
    pub(super) fn find(&self, prefix: u64, width: u32, feeds: &Feeds) -> Vec<FeedId> {
        let Some(sketches) = self.sketches.as_deref() else { return Vec::new() };
        let is_of = |feed: &FeedId| {
            let id = feeds.get(*feed).map(|feed| sketches.salt.token(&Item::Key(feed.key.0)).id());
            id.is_some_and(|id| id >> (ID_BITS - width) == prefix)
        };
        let found = sketches.index.find(prefix, width);
        found.filter_map(|slot| feeds.id_at(slot)).filter(is_of).collect()
    }
}

impl Sketches {
    fn new(group: &Group, items: usize, feeds: &Feeds) -> Self {
        let of = [(); 2].map(|()| Sketch::for_items(items));
        let salt = Salt::group(group.key());
        let mut sketches = Self { salt, of, index: Index::new() };
        for (id, feed) in held(feeds) {
            sketches.change(id, &feed.key, 0, feed.offered_length());
        }
        sketches
    }

    fn toggle(&self, step: Step) -> Toggle {
        match step {
            Step::Inserted(item) => Toggle::Inserted(self.salt.token(&item)),
            Step::Removed(item) => Toggle::Removed(self.salt.token(&item)),
        }
    }

    fn change(&mut self, feed: FeedId, key: &FeedKey, before: u64, after: u64) {
        for set in [SetKind::Keys, SetKind::Heads] {
            for step in steps(set, key, before, after) {
                let toggle = self.toggle(step);
                self.of[set as usize].toggle(toggle);
            }
        }
        let id = self.salt.token(&Item::Key(key.0)).id();
        match (before, after) {
            (0, _) => self.index.insert(id, feed.slot),
            (_, 0) => self.index.remove(id, feed.slot),
            _ => (),
        }
    }
}

/// A change of a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Removed(Item),
    Inserted(Item),
}

/// The changes of a set when a feed's length in it changes; 0: not in the set.
fn steps(set: SetKind, key: &FeedKey, before: u64, after: u64) -> impl Iterator<Item = Step> {
    let item = |length: u64| match set {
        SetKind::Keys => (length > 0).then_some(Item::Key(key.0)),
        SetKind::Heads => (length > 0).then_some(Item::head(key, length)),
    };
    let (old, new) = (item(before), item(after));
    let is_other = old != new;
    let old = old.filter(|_| is_other).map(Step::Removed);
    old.into_iter().chain(new.filter(|_| is_other).map(Step::Inserted))
}

fn held(feeds: &Feeds) -> impl Iterator<Item = (FeedId, &crate::feed::Feed)> {
    feeds.iter().filter(|(_, feed)| feed.is_offered())
}

fn roots_of(feeds: &Feeds) -> Roots {
    let mut roots = Roots { keys: Root::empty(), heads: Root::empty() };
    for (_, feed) in held(feeds) {
        roots.keys.insert(Item::Key(feed.key.0));
        roots.heads.insert(Item::head(&feed.key, feed.offered_length()));
    }
    roots
}

#[cfg(test)]
mod tests;
