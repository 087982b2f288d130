//! The view of a session: our sets when it began.
//!
//! Rule: a session over few feeds, or with a fresh salt, owns a snapshot, which counts against a
//! bound for all peers. A session over many feeds reads the shared sketches.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use super::changes::{Overrun, Toggles};
use super::session::View;
use super::sets::{Sets, Snapshot};
use super::sketch::{Sketch, cells_for};
use super::token::{ID_BITS, Item, Salt};
use crate::crypto::hash::Hash;
use crate::crypto::sign::PublicKey;
use crate::feed::manifest;
use crate::feed::set::Feeds;
use crate::group::Group;
use crate::id::FeedId;
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::{Entry, HeadOf};
use crate::wire::slice::Slice;

/// A copy of our sets under the salt of one connection, from when its session began.
#[derive(Debug)]
pub(crate) struct OwnedSnapshot {
    salt: Salt,
    /// Sorted by key id.
    feeds: Vec<SnapshotFeed>,
    sketches: [Sketch; 2],
}

/// One feed of a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct SnapshotFeed {
    id: u64,
    feed: FeedId,
    length: u64,
}

impl OwnedSnapshot {
    /// Bytes of a snapshot of `feeds` feeds with cells for `items`.
    pub(crate) fn bytes_of(feeds: u64, items: usize) -> usize {
        let feeds = usize::try_from(feeds).unwrap_or(usize::MAX);
        let cells = 2 * size_of::<u64>() * cells_for(items) as usize;
        feeds.saturating_mul(size_of::<SnapshotFeed>()).saturating_add(cells)
    }

    /// Copies the feeds with the changes of `changed` undone.
    pub(crate) fn new(
        salt: Salt,
        items: usize,
        feeds: &Feeds,
        changed: &BTreeMap<FeedId, u64>,
    ) -> Self {
        let mut sketches = [(); 2].map(|()| Sketch::for_items(items));
        let mut pinned = Vec::new();
        for (id, feed) in feeds.iter() {
            let length = changed.get(&id).copied().unwrap_or(feed.offered_length());
            if length > 0 {
                let token = salt.token(&Item::Key(feed.key.0));
                sketches[0].insert(token);
                sketches[1].insert(salt.token(&Item::head(&feed.key, length)));
                pinned.push(SnapshotFeed { id: token.id(), feed: id, length });
            }
        }
        pinned.sort_unstable();
        Self { salt, feeds: pinned, sketches }
    }

    fn find(&self, prefix: u64, width: u32) -> impl Iterator<Item = &SnapshotFeed> {
        let start = self.feeds.partition_point(|pinned| pinned.id >> (ID_BITS - width) < prefix);
        let found = self.feeds[start..].iter();
        found.take_while(move |pinned| pinned.id >> (ID_BITS - width) == prefix)
    }
}

/// The source of a session's cells.
#[derive(Debug)]
pub(crate) enum SharedSnapshot {
    /// The session's own copy, and the snapshot that it was made from.
    Own(Snapshot, OwnedSnapshot),
    /// The shared sketches, with the changes since the snapshot undone.
    Shared(Snapshot),
}

/// Read access to a session's snapshot.
pub(crate) struct SnapshotView<'a> {
    source: &'a SharedSnapshot,
    changed: BTreeMap<FeedId, u64>,
    sets: &'a Sets,
    feeds: &'a Feeds,
    group: &'a Group,
}

impl<'a> SnapshotView<'a> {
    /// Fails if too much changed since the session began.
    pub(crate) fn new(
        source: &'a SharedSnapshot,
        sets: &'a Sets,
        feeds: &'a Feeds,
        group: &'a Group,
    ) -> Result<Self, Overrun> {
        let changed = match source {
            SharedSnapshot::Own(pin, _) => {
                sets.check_slots(pin)?;
                BTreeMap::new()
            }
            SharedSnapshot::Shared(pin) => sets.since(pin)?,
        };
        Ok(Self { source, changed, sets, feeds, group })
    }

    /// The length of a feed at the snapshot; 0: not in the sets.
    fn length(&self, feed: FeedId) -> u64 {
        let Some(held) = self.feeds.get(feed) else { return 0 };
        match self.source {
            SharedSnapshot::Own(_, snapshot) => {
                let id = snapshot.salt.token(&Item::Key(held.key.0)).id();
                let pinned = snapshot.find(id, ID_BITS).find(|pinned| pinned.feed == feed);
                pinned.map_or(0, |pinned| pinned.length)
            }
            SharedSnapshot::Shared(_) => {
                self.changed.get(&feed).copied().unwrap_or(held.offered_length())
            }
        }
    }
}

impl View for SnapshotView<'_> {
    fn slice(&self, set: SetKind, range: Range<u32>) -> Result<Slice, Overrun> {
        match self.source {
            SharedSnapshot::Own(_, own) => {
                own.sketches[set as usize].slice(range, &Toggles::default(), 0)
            }
            SharedSnapshot::Shared(_) => self.sets.slice(set, range, self.feeds, &self.changed),
        }
    }

    fn find(&self, prefix: u64, width: u32) -> Vec<FeedId> {
        match self.source {
            SharedSnapshot::Own(_, own) => {
                own.find(prefix, width).map(|pinned| pinned.feed).collect()
            }
            SharedSnapshot::Shared(_) => {
                let mut found = self.sets.find(prefix, width, self.feeds);
                found.retain(|feed| self.changed.get(feed) != Some(&0));
                found
            }
        }
    }

    fn find_key(&self, key: &[u8; 32]) -> Option<FeedId> {
        let key = manifest::feed_key(self.group.feed_namespace(), &PublicKey(*key));
        self.feeds.find(&key).filter(|feed| self.length(*feed) > 0)
    }

    fn entry(&self, feed: FeedId) -> Entry {
        let key = self.feeds.get(feed).map_or([0; 32], |held| held.public_key.0);
        Entry { key, head: HeadOf { fork: 0, length: self.length(feed) } }
    }

    fn item_key(&self, key: &[u8; 32]) -> Hash {
        manifest::feed_key(self.group.feed_namespace(), &PublicKey(*key)).0
    }
}
