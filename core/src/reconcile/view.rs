//! What a session works on: our sets as they were when it began.
//!
//! Rule: a session of few feeds, or one that needs a salt of its own, has a snapshot, which counts
//! against a bound over all peers; one of many feeds looks into the sketches that all share.

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

/// Our sets under the salt of one connection, as they were when its session began.
#[derive(Debug)]
pub(crate) struct OwnedSnapshot {
    salt: Salt,
    /// By the ids of the keys.
    feeds: Vec<Pinned>,
    sketches: [Sketch; 2],
}

/// One feed of a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Pinned {
    id: u64,
    feed: FeedId,
    length: u64,
}

impl OwnedSnapshot {
    /// Bytes that a snapshot of so many feeds takes, for a session that needs cells for `items`.
    pub(crate) fn bytes_of(feeds: u64, items: usize) -> usize {
        let feeds = usize::try_from(feeds).unwrap_or(usize::MAX);
        let cells = 2 * size_of::<u64>() * cells_for(items) as usize;
        feeds.saturating_mul(size_of::<Pinned>()).saturating_add(cells)
    }

    /// What the feeds were before `changed` changed.
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
                pinned.push(Pinned { id: token.id(), feed: id, length });
            }
        }
        pinned.sort_unstable();
        Self { salt, feeds: pinned, sketches }
    }

    fn find(&self, prefix: u64, width: u32) -> impl Iterator<Item = &Pinned> {
        let start = self.feeds.partition_point(|pinned| pinned.id >> (ID_BITS - width) < prefix);
        let found = self.feeds[start..].iter();
        found.take_while(move |pinned| pinned.id >> (ID_BITS - width) == prefix)
    }
}

/// Where a session finds its cells.
#[derive(Debug)]
pub(crate) enum SharedSnapshot {
    /// A snapshot of its own, and when it was taken.
    Own(Snapshot, OwnedSnapshot),
    /// The sketches that all share, without what changed since the session began.
    Shared(Snapshot),
}

/// What a session works on.
pub(crate) struct SnapshotView<'a> {
    picture: &'a SharedSnapshot,
    changed: BTreeMap<FeedId, u64>,
    sets: &'a Sets,
    feeds: &'a Feeds,
    group: &'a Group,
}

impl<'a> SnapshotView<'a> {
    /// Fails if too much has changed since the session began.
    pub(crate) fn new(
        picture: &'a SharedSnapshot,
        sets: &'a Sets,
        feeds: &'a Feeds,
        group: &'a Group,
    ) -> Result<Self, Overrun> {
        let changed = match picture {
            SharedSnapshot::Own(pin, _) => {
                sets.check_slots(pin)?;
                BTreeMap::new()
            }
            SharedSnapshot::Shared(pin) => sets.since(pin)?,
        };
        Ok(Self { picture, changed, sets, feeds, group })
    }

    /// How much of a feed was held; 0: it was not in the sets.
    fn length(&self, feed: FeedId) -> u64 {
        let Some(held) = self.feeds.get(feed) else { return 0 };
        match self.picture {
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
        match self.picture {
            SharedSnapshot::Own(_, own) => {
                own.sketches[set as usize].slice(range, &Toggles::default(), 0)
            }
            SharedSnapshot::Shared(_) => self.sets.slice(set, range, self.feeds, &self.changed),
        }
    }

    fn find(&self, prefix: u64, width: u32) -> Vec<FeedId> {
        match self.picture {
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
