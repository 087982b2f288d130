//! All feeds of a group, by slot and by key.
//!
//! Rule: a slot belongs to one feed for ever once the store has it; the slot of a feed that was
//! only heard of is used again.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Feed;
use super::record::Record;
use crate::crypto::hash::{self, Hash};
use crate::crypto::sign::PublicKey;
use crate::id::{FeedId, FeedKey};

/// The feeds of a group: held, written, and heard of.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    slots: Vec<Option<Feed>>,
    by_key: BTreeMap<FeedKey, FeedId>,
    free: Vec<FeedId>,
    /// By discovery key. Made when a peer first opens one of hypercore's channels, for most
    /// multifeeds never meet such a peer.
    by_discovery: Option<BTreeMap<Hash, FeedId>>,
    /// Slots whose record is damaged: nobody knows whose they are.
    damaged: usize,
}

impl Feeds {
    /// How many feeds there are, those only heard of included.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether a feed is in the store whose key is not known any more.
    pub(crate) fn has_damaged(&self) -> bool {
        self.damaged > 0
    }

    pub(crate) fn get(&self, feed: FeedId) -> Option<&Feed> {
        self.slots.get(usize::try_from(feed.0).ok()?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, feed: FeedId) -> Option<&mut Feed> {
        self.slots.get_mut(usize::try_from(feed.0).ok()?)?.as_mut()
    }

    pub(crate) fn find(&self, key: &FeedKey) -> Option<FeedId> {
        self.by_key.get(key).copied()
    }

    /// The feed of a discovery key.
    pub(crate) fn find_discovery(&mut self, discovery_key: &Hash) -> Option<FeedId> {
        let by_key = &self.by_key;
        let index = self.by_discovery.get_or_insert_with(|| {
            by_key.iter().map(|(key, feed)| (discovery_key_of(key), *feed)).collect()
        });
        index.get(discovery_key).copied()
    }

    /// In the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (FeedId, &Feed)> {
        self.iter_from(0)
    }

    /// In the order of their slots, from a slot on.
    pub(crate) fn iter_from(&self, slot: u32) -> impl Iterator<Item = (FeedId, &Feed)> {
        let slots = self.slots.iter().zip(0..).skip(slot as usize);
        slots.filter_map(|(feed, slot)| Some((FeedId(slot), feed.as_ref()?)))
    }

    /// The first slot that was never given out.
    pub(crate) fn end(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Puts a feed of the store where it was. A slot whose record is damaged is `None`: it stays
    /// empty and is not given out again.
    pub(crate) fn load(&mut self, slot: u32, feed: Option<(FeedKey, Record)>) {
        // The store gives records in the order of their slots; a gap is a slot never written.
        for gap in self.end()..slot {
            self.slots.push(None);
            self.free.push(FeedId(gap));
        }
        let feed = feed.filter(|(key, _)| !self.by_key.contains_key(key));
        self.damaged += usize::from(feed.is_none());
        if let Some((key, _)) = &feed {
            self.by_key.insert(*key, FeedId(slot));
        }
        self.slots.push(feed.map(|(key, record)| Feed::loaded(key, record)));
    }

    /// Gives a new feed a slot. The key must not be here yet.
    pub(crate) fn insert(&mut self, key: FeedKey, public_key: PublicKey) -> FeedId {
        self.place(key, Feed::empty(key, public_key))
    }

    /// Gives a feed of another origin a slot. The key must not be here yet.
    pub(crate) fn adopt(&mut self, key: FeedKey) -> FeedId {
        self.place(key, Feed::adopted(key))
    }

    fn place(&mut self, key: FeedKey, feed: Feed) -> FeedId {
        let feed = Some(feed);
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id.0 as usize] = feed;
                id
            }
            None => {
                self.slots.push(feed);
                FeedId(self.end() - 1)
            }
        };
        self.by_key.insert(key, id);
        if let Some(index) = &mut self.by_discovery {
            index.insert(discovery_key_of(&key), id);
        }
        id
    }

    /// Forgets a feed that was only heard of.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        let Some(slot) = self.slots.get_mut(feed.0 as usize) else { return };
        if let Some(forgotten) = slot.take_if(|feed| feed.is_candidate()) {
            self.by_key.remove(&forgotten.key);
            if let Some(index) = &mut self.by_discovery {
                index.remove(&discovery_key_of(&forgotten.key));
            }
            self.free.push(feed);
        }
    }
}

fn discovery_key_of(key: &FeedKey) -> Hash {
    hash::discovery_key(&key.0)
}
