//! Both sets of a multifeed: every feed that peers are told of, and how far each is.
//!
//! Rule: a feed is in the sets from its first durable block on, with its durable length, unless it
//! is refused or leaves; this file
//! hears of every change, and of each once. What a session began with is found by taking the
//! changes since back, so no session holds a copy of anything that grows with the sets.

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

/// Changes that a session can be taken back by: 16 bytes each, once for all peers. A session takes
/// seconds, so this lets thousands of feeds change in them.
const CHANGES_MAX: usize = 4_096;

/// What our sets were when a session began.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    position: u64,
    slots: u64,
    pub(crate) feeds: u64,
    pub(crate) roots: Roots,
}

/// Both sets, as all sessions see them.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    feeds: u64,
    /// Made when a peer is first to be told of them: 5 µs a feed.
    roots: Option<Roots>,
    /// Feeds that changed, and how long they were before.
    log: VecDeque<(FeedId, u64)>,
    position: u64,
    /// How often a slot was emptied, and so may be another feed's than it was.
    slots: u64,
    /// Made when a peer first needs them: 1 µs a feed.
    sketches: Option<Box<Sketches>>,
    /// Bytes of the snapshots that sessions work on.
    pub(crate) lent_bytes: usize,
    /// Peers that we knew, and what has changed since.
    pub(crate) known: Known,
}

/// Both sets as cells under the group's salt, for every peer.
#[derive(Debug)]
struct Sketches {
    salt: Salt,
    of: [Sketch; 2],
    index: Index,
}

impl Sets {
    /// The store was read: these feeds are in the sets.
    pub(crate) fn open(&mut self, feeds: &Feeds) {
        self.feeds = held(feeds).count() as u64;
    }

    /// A feed has another length in the sets than before; 0: it is not in them.
    pub(crate) fn change(&mut self, feed: FeedId, key: &FeedKey, before: u64, after: u64) {
        self.feeds += u64::from(after > 0);
        self.feeds -= u64::from(before > 0);
        if let Some(Roots { keys, heads }) = &mut self.roots {
            for (set, root) in [(SetKind::Keys, keys), (SetKind::Heads, heads)] {
                for step in steps(set, key, before, after) {
                    match step {
                        Step::Comes(item) => root.insert(item),
                        Step::Goes(item) => root.remove(item),
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
    /// they cost two hashes a feed.
    pub(crate) fn check_invariants(&self, feeds: &Feeds) {
        const FEEDS_HASHED_MAX: u64 = 64;
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

    /// A slot is free: sessions that know its feed by it have to begin anew.
    pub(crate) fn forget_slots(&mut self) {
        self.slots += 1;
    }

    /// What the sets are now.
    pub(crate) fn snapshot(&mut self, feeds: &Feeds) -> Snapshot {
        let roots = self.roots.get_or_insert_with(|| roots_of(feeds));
        roots.keys.fold();
        roots.heads.fold();
        let (position, slots, feeds) = (self.position, self.slots, self.feeds);
        Snapshot { position, slots, feeds, roots: roots.clone() }
    }

    /// What the heads are now.
    pub(crate) fn digest(&mut self, feeds: &Feeds) -> Digest {
        let roots = self.roots.get_or_insert_with(|| roots_of(feeds));
        roots.heads.digest()
    }

    /// Whether a feed still has the slot that it had then.
    pub(crate) fn check_slots(&self, snapshot: &Snapshot) -> Result<(), Overrun> {
        if self.slots == snapshot.slots { Ok(()) } else { Err(Overrun) }
    }

    /// The feeds that have changed since, and how long they were then; 0: not in the sets.
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

    /// Makes the sketches under the group's salt, if they are not there or too small.
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

    /// Cells as they were before `changed` changed.
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
        sketches.index.find(prefix, width).filter(is_of).collect()
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
            Step::Comes(item) => Toggle::Inserted(self.salt.token(&item)),
            Step::Goes(item) => Toggle::Removed(self.salt.token(&item)),
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
            (0, _) => self.index.insert(id, feed),
            (_, 0) => self.index.remove(id, feed),
            _ => (),
        }
    }
}

/// What happens to a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Goes(Item),
    Comes(Item),
}

/// What becomes of a set when a feed has another length in it; 0: it is not in it.
fn steps(set: SetKind, key: &FeedKey, before: u64, after: u64) -> impl Iterator<Item = Step> {
    let item = |length: u64| match set {
        SetKind::Keys => (length > 0).then_some(Item::Key(key.0)),
        SetKind::Heads => (length > 0).then_some(Item::head(key, length)),
    };
    let (old, new) = (item(before), item(after));
    let is_other = old != new;
    let old = old.filter(|_| is_other).map(Step::Goes);
    old.into_iter().chain(new.filter(|_| is_other).map(Step::Comes))
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
