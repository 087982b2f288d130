//! All feeds of a group, by slot and by key.
//!
//! Rule: a slot belongs to one feed for ever once the store has it; the slot of a feed that was
//! only heard of is used again.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Feed;
use super::record::Record;
use crate::crypto::sign::PublicKey;
use crate::id::{FeedId, FeedKey};

/// The feeds of a group: held, written, and heard of.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    slots: Vec<Option<Box<Feed>>>,
    /// By the beginning of a key: with all of it, this would be a tenth of what a feed costs.
    by_key: BTreeSet<(u64, FeedId)>,
    free: Vec<FeedId>,
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
        self.slots.get(usize::try_from(feed.0).ok()?)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, feed: FeedId) -> Option<&mut Feed> {
        self.slots.get_mut(usize::try_from(feed.0).ok()?)?.as_deref_mut()
    }

    pub(crate) fn find(&self, key: &FeedKey) -> Option<FeedId> {
        let start = start_of(key);
        let alike = self.by_key.range((start, FeedId(0))..=(start, FeedId(u32::MAX)));
        alike.map(|(_, id)| *id).find(|id| self.get(*id).is_some_and(|feed| feed.key == *key))
    }

    /// In the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (FeedId, &Feed)> {
        self.iter_from(0)
    }

    /// In the order of their slots, from a slot on.
    pub(crate) fn iter_from(&self, slot: u32) -> impl Iterator<Item = (FeedId, &Feed)> {
        let slots = self.slots.iter().zip(0..).skip(slot as usize);
        slots.filter_map(|(feed, slot)| Some((FeedId(slot), feed.as_deref()?)))
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
        let feed = feed.filter(|(key, _)| self.find(key).is_none());
        self.damaged += usize::from(feed.is_none());
        if let Some((key, _)) = &feed {
            self.by_key.insert((start_of(key), FeedId(slot)));
        }
        self.slots.push(feed.map(|(key, record)| Box::new(Feed::loaded(key, record))));
    }

    /// Gives a new feed a slot. The key must not be here yet.
    pub(crate) fn insert(&mut self, key: FeedKey, public_key: PublicKey) -> FeedId {
        let feed = Some(Box::new(Feed::empty(key, public_key)));
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
        self.by_key.insert((start_of(&key), id));
        id
    }

    /// Forgets a feed that was only heard of.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        let Some(slot) = self.slots.get_mut(feed.0 as usize) else { return };
        if let Some(forgotten) = slot.take_if(|feed| feed.is_candidate()) {
            self.by_key.remove(&(start_of(&forgotten.key), feed));
            self.free.push(feed);
        }
    }
}

/// Whoever makes two keys begin alike, for 2^32 hashes, gains a step in a search.
fn start_of(key: &FeedKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
