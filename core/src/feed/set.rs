//! All feeds of a group, by slot and by key.
//!
//! Rule: a slot belongs to one feed as long as the store has anything of it; the slot of a feed
//! that was only heard of is used again. A slot far behind the others costs no memory for the gap.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::record::Record;
use super::{Feed, Standing};
use crate::crypto::hash::{self, Hash};
use crate::crypto::sign::PublicKey;
use crate::id::{FeedId, FeedKey};

/// Slots are given out one by one and used again, so at most half of them are empty unless feeds
/// were removed or a store's key is damaged; beyond this many, a slot is kept apart.
const GAP_SLOTS: usize = 1_024;

/// The feeds of a group: held, written, and heard of.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    slots: Vec<Option<Feed>>,
    /// Slots behind a gap that is not worth its memory; `None`: its record is damaged.
    far: BTreeMap<u32, Option<Feed>>,
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
        match self.slots.get(usize::try_from(feed.0).ok()?) {
            Some(slot) => slot.as_ref(),
            None => self.far.get(&feed.0)?.as_ref(),
        }
    }

    pub(crate) fn get_mut(&mut self, feed: FeedId) -> Option<&mut Feed> {
        match self.slots.get_mut(usize::try_from(feed.0).ok()?) {
            Some(slot) => slot.as_mut(),
            None => self.far.get_mut(&feed.0)?.as_mut(),
        }
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
        let near = self.slots.iter().zip(0..).skip(slot as usize).map(|(feed, slot)| (slot, feed));
        let far = self.far.range(slot..).map(|(slot, feed)| (*slot, feed));
        near.chain(far).filter_map(|(slot, feed)| Some((FeedId(slot), feed.as_ref()?)))
    }

    /// The first slot behind all that were ever given out.
    pub(crate) fn end(&self) -> u32 {
        let far = self.far.last_key_value().map(|(slot, _)| slot.saturating_add(1));
        far.unwrap_or(self.slots.len() as u32)
    }

    /// Puts a feed of the store where it was. A slot whose record is damaged is `None`: it stays
    /// empty and is not given out again.
    pub(crate) fn load(&mut self, slot: u32, feed: Option<(FeedKey, Record)>) {
        // The last number is no feed's: there would be no slot behind it.
        let feed = feed.filter(|(key, _)| slot < u32::MAX && !self.by_key.contains_key(key));
        self.damaged += usize::from(feed.is_none());
        if let Some((key, _)) = &feed {
            self.by_key.insert(*key, FeedId(slot));
        }
        let feed = feed.map(|(key, record)| Feed::loaded(key, record));
        let near = self.slots.len();
        if slot as usize > near + self.by_key.len() + GAP_SLOTS {
            self.far.insert(slot, feed);
            return;
        }
        // The store gives records in the order of their slots; a gap is a slot without a record.
        for gap in near as u32..slot {
            self.slots.push(None);
            self.free.push(FeedId(gap));
        }
        self.slots.push(feed);
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
                // It is the slot of a gap or of a feed that was forgotten, so it is near.
                self.slots[id.0 as usize] = feed;
                id
            }
            None => {
                // Slots that were far are reached one day.
                while let Some(reached) = self.far.remove(&(self.slots.len() as u32)) {
                    self.slots.push(reached);
                }
                self.slots.push(feed);
                FeedId(self.slots.len() as u32 - 1)
            }
        };
        self.by_key.insert(key, id);
        if let Some(index) = &mut self.by_discovery {
            index.insert(discovery_key_of(&key), id);
        }
        id
    }

    /// Nothing of a feed is left in the store: it is one that was only heard of, and refused.
    pub(crate) fn empty_out(&mut self, feed: FeedId) {
        if let Some(log) = self.get_mut(feed) {
            let standing = Standing::Refused;
            *log = Feed { standing, ..Feed::empty(log.key, log.public_key) };
        }
    }

    /// Forgets a feed that was only heard of.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        if let Some(slot) = self.slots.get_mut(feed.0 as usize) {
            let Some(forgotten) = slot.take_if(|feed| feed.is_candidate()) else { return };
            self.forget_key(&forgotten.key);
            self.free.push(feed);
        } else if let Some(slot) = self.far.get_mut(&feed.0)
            && let Some(forgotten) = slot.take_if(|feed| feed.is_candidate())
        {
            self.forget_key(&forgotten.key);
            self.far.remove(&feed.0);
        }
    }

    fn forget_key(&mut self, key: &FeedKey) {
        self.by_key.remove(key);
        if let Some(index) = &mut self.by_discovery {
            index.remove(&discovery_key_of(key));
        }
    }

    /// Slots that take memory, for tests.
    #[cfg(test)]
    pub(crate) fn slots_held(&self) -> usize {
        self.slots.len() + self.far.len()
    }
}

fn discovery_key_of(key: &FeedKey) -> Hash {
    hash::discovery_key(&key.0)
}
