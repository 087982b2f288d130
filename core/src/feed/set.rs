//! All feeds of a group, by slot and by key.
//!
//! Rule: a slot belongs to one feed as long as the store has anything of it; the slot of a feed
//! that was only heard of is used again. A slot far behind the others costs no memory for the gap.

mod growth;
mod invariants;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use bytes::Bytes;

use super::quota::Quota;
use super::record::Record;
use super::{Feed, FeedStatus};
use crate::crypto::hash::{self, Hash};
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::id::{FeedId, FeedKey};

/// Slots are given out one by one and used again, so at most half of them are empty unless feeds
/// were removed or a store's key is damaged; beyond this many, a slot is kept apart.
const GAP_SLOTS: usize = 1_024;

/// The feeds of a group: held, written, and heard of.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    slots: Vec<Option<Box<Feed>>>,
    /// Slots behind a gap that is not worth its memory; `None`: its record is damaged.
    far: BTreeMap<u32, Option<Box<Feed>>>,
    /// By the beginning of a key: with all of it, this would be a tenth of what a feed costs.
    by_key: BTreeSet<(u64, FeedId)>,
    /// Writers by their local names.
    by_name: BTreeMap<Box<str>, FeedId>,
    free: Vec<FeedId>,
    /// By discovery key. Made when a peer first opens one of hypercore's channels, for most
    /// multifeeds never meet such a peer.
    by_discovery: Option<BTreeMap<Hash, FeedId>>,
    /// Slots whose record is damaged: nobody knows whose they are.
    damaged: usize,
    /// Feeds of which a proof of two histories is kept.
    forks: usize,
    pub(super) quota: Quota,
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

    /// Of how many feeds a proof of two histories is kept.
    pub(crate) fn forks(&self) -> usize {
        self.forks
    }

    /// Keeps the first proof that a feed has two histories.
    pub(crate) fn set_fork(&mut self, feed: FeedId, proof: Bytes, is_durable: bool) {
        if let Some(log) = self.get_mut(feed) {
            log.set_fork(proof, is_durable);
            self.forks += 1;
        }
    }

    pub(crate) fn get(&self, feed: FeedId) -> Option<&Feed> {
        match self.slots.get(usize::try_from(feed.0).ok()?) {
            Some(slot) => slot.as_deref(),
            None => self.far.get(&feed.0)?.as_deref(),
        }
    }

    pub(crate) fn get_mut(&mut self, feed: FeedId) -> Option<&mut Feed> {
        match self.slots.get_mut(usize::try_from(feed.0).ok()?) {
            Some(slot) => slot.as_deref_mut(),
            None => self.far.get_mut(&feed.0)?.as_deref_mut(),
        }
    }

    pub(crate) fn find(&self, key: &FeedKey) -> Option<FeedId> {
        let start = start_of(key);
        let alike = self.by_key.range((start, FeedId(0))..=(start, FeedId(u32::MAX)));
        alike.map(|(_, id)| *id).find(|id| self.get(*id).is_some_and(|feed| feed.key == *key))
    }

    /// The writer of a local name.
    pub(crate) fn find_name(&self, name: &str) -> Option<FeedId> {
        self.by_name.get(name).copied()
    }

    /// Makes a feed our own. The name must be nobody else's, and the key pair the feed's.
    pub(crate) fn set_writer(&mut self, feed: FeedId, name: &str, key_pair: KeyPair) {
        let Some(log) = self.get_mut(feed) else { return };
        let before = log.name().map(Box::<str>::from);
        log.set_writer(name, key_pair);
        // It may have had another name.
        self.forget_name(before.as_deref(), feed);
        self.by_name.insert(name.into(), feed);
    }

    /// A feed has a local name no more. A damaged store may have given it to another one too.
    fn forget_name(&mut self, name: Option<&str>, feed: FeedId) {
        if let Some(name) = name
            && self.find_name(name) == Some(feed)
        {
            self.by_name.remove(name);
        }
    }

    /// The feed of a discovery key.
    pub(crate) fn find_discovery(&mut self, discovery_key: &Hash) -> Option<FeedId> {
        if self.by_discovery.is_none() {
            let all = self.iter().map(|(id, feed)| (discovery_key_of(&feed.key), id));
            self.by_discovery = Some(all.collect());
        }
        let index = self.by_discovery.as_ref()?;
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
        near.chain(far).filter_map(|(slot, feed)| Some((FeedId(slot), feed.as_deref()?)))
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
        let feed = feed.filter(|(key, _)| slot < u32::MAX && self.find(key).is_none());
        self.damaged += usize::from(feed.is_none());
        if let Some((key, record)) = &feed {
            self.by_key.insert((start_of(key), FeedId(slot)));
            if let Some(name) = &record.name {
                self.by_name.entry(name.as_str().into()).or_insert(FeedId(slot));
            }
        }
        let feed = feed.map(|(key, record)| Box::new(Feed::loaded(key, record)));
        self.quota.grow(0, feed.as_ref().map_or(0, |feed| feed.bytes_counted()));
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

    /// Gives a feed of another origin a slot, only to glimpse at it. The key must not be here yet.
    pub(crate) fn insert_transient(&mut self, key: FeedKey) -> FeedId {
        self.place(key, Feed::transient(key))
    }

    /// Gives a feed of another origin a slot. The key must not be here yet.
    pub(crate) fn adopt(&mut self, key: FeedKey) -> FeedId {
        self.place(key, Feed::adopted(key))
    }

    fn place(&mut self, key: FeedKey, feed: Feed) -> FeedId {
        let feed = Some(Box::new(feed));
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
        self.by_key.insert((start_of(&key), id));
        if let Some(index) = &mut self.by_discovery {
            index.insert(discovery_key_of(&key), id);
        }
        id
    }

    /// Nothing of a feed is left in the store: it is one that was only heard of, and refused.
    pub(crate) fn clear_slot(&mut self, feed: FeedId) {
        let Some(log) = self.get_mut(feed) else { return };
        let status = FeedStatus::Refused;
        let emptied = Feed { status, ..Feed::empty(log.key, log.public_key) };
        let emptied = core::mem::replace(log, emptied);
        self.quota.leave(feed, emptied.bytes_counted());
        self.forks -= usize::from(emptied.has_fork());
        self.forget_name(emptied.name(), feed);
    }

    /// Forgets a feed that was only heard of.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        if let Some(slot) = self.slots.get_mut(feed.0 as usize) {
            let Some(forgotten) = slot.take_if(|feed| feed.is_candidate()) else { return };
            self.unlist(&forgotten, feed);
            self.free.push(feed);
        } else if let Some(slot) = self.far.get_mut(&feed.0)
            && let Some(forgotten) = slot.take_if(|feed| feed.is_candidate())
        {
            self.unlist(&forgotten, feed);
            self.far.remove(&feed.0);
        }
    }

    fn unlist(&mut self, forgotten: &Feed, feed: FeedId) {
        self.quota.leave(feed, forgotten.bytes_counted());
        let key = &forgotten.key;
        self.by_key.remove(&(start_of(key), feed));
        self.forget_name(forgotten.name(), feed);
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
/// Whoever makes two keys begin alike, for 2^32 hashes, gains a step in a search.
fn start_of(key: &FeedKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
