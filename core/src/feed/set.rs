//! All feeds of a group, by slot and by key.
//!
//! Rule: a slot belongs to one feed as long as the store holds data of that feed. The slot of a
//! feed without data is reused. A slot far above the others allocates no memory for the gap.

mod growth;
mod invariants;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

use super::quota::Quota;
use super::record::Record;
use super::{Feed, FeedStatus, ForkEvidence};
use crate::crypto::hash::{self, Hash};
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::id::{FeedId, FeedKey};

/// Largest gap between slots that is filled with empty entries; a slot beyond it is kept in a map.
/// Slots are assigned consecutively and reused, so larger gaps come only from removed feeds or
/// damaged keys.
const GAP_SLOTS: usize = 1_024;

/// The feeds of a group: held, writable and offered ones.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    slots: Vec<Option<Box<Feed>>>,
    /// Slots above a gap larger than [`GAP_SLOTS`]; `None`: the record is damaged.
    far: BTreeMap<u32, Option<Box<Feed>>>,
    /// Slots by the first 8 bytes of a key. Whole keys would take a tenth of a feed's memory.
    by_key: BTreeSet<(u64, u32)>,
    /// Writers by their local names.
    by_name: BTreeMap<Box<str>, FeedId>,
    /// Slots of the vector without a feed.
    free: Vec<u32>,
    /// Number of feeds forgotten so far, which is the generation of the next feed: no id is used
    /// twice, whichever slot a feed gets.
    generation: u32,
    /// Index by discovery key. Only a multifeed that allows hypercore's channels needs it.
    by_discovery: Option<BTreeMap<Hash, FeedId>>,
    /// Feeds of other origins. Those that are not accepted any more are removed when
    /// [`Feeds::next_adopted`] finds them.
    adopted: BTreeSet<FeedId>,
    /// Number of slots with a damaged record, so with an unknown feed.
    damaged: usize,
    /// Feeds with a fork proof, the oldest proof first.
    proofs: Vec<FeedId>,
    pub(super) quota: Quota,
    /// How often a feed was looked at.
    #[cfg(test)]
    visited: core::cell::Cell<u64>,
}

impl Feeds {
    /// Number of feeds, including those without blocks.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether the store holds a feed whose record is damaged.
    pub(crate) fn has_damaged(&self) -> bool {
        self.damaged > 0
    }

    /// Number of feeds with a fork proof.
    pub(crate) fn forks(&self) -> usize {
        self.proofs.len()
    }

    /// The feeds with a fork proof, the oldest proof first.
    pub(crate) fn forked(&self) -> impl Iterator<Item = FeedId> {
        self.proofs.iter().copied()
    }

    /// Stores the first fork proof of a feed, or its digest.
    pub(crate) fn set_fork(&mut self, feed: FeedId, evidence: ForkEvidence, is_durable: bool) {
        let is_proof = matches!(evidence, ForkEvidence::Proof(_));
        if let Some(log) = self.get_mut(feed) {
            log.set_fork(evidence, is_durable);
            if is_proof {
                self.proofs.push(feed);
            }
        }
    }

    /// Reduces the oldest durable proof to a digest if there are more than `max` proofs. Returns
    /// its feed and the digest. A proof that is in flight to the store was not sent to peers yet.
    pub(crate) fn drop_oldest_proof(&mut self, max: usize) -> Option<(FeedId, Hash)> {
        if self.proofs.len() <= max {
            return None;
        }
        let is_durable = |feed: &FeedId| self.get(*feed).is_some_and(Feed::is_forked);
        let feed = self.proofs.remove(self.proofs.iter().position(is_durable)?);
        let digest = self.get_mut(feed).and_then(Feed::drop_proof)?;
        Some((feed, digest))
    }

    /// The feed of an id, unless it was forgotten.
    pub(crate) fn get(&self, feed: FeedId) -> Option<&Feed> {
        #[cfg(test)]
        self.visited.update(|visited| visited + 1);
        self.at(feed.slot).filter(|log| log.generation == feed.generation)
    }

    pub(crate) fn get_mut(&mut self, feed: FeedId) -> Option<&mut Feed> {
        let log = match self.slots.get_mut(usize::try_from(feed.slot).ok()?) {
            Some(slot) => slot.as_deref_mut(),
            None => self.far.get_mut(&feed.slot)?.as_deref_mut(),
        };
        log.filter(|log| log.generation == feed.generation)
    }

    /// The feed in a slot.
    fn at(&self, slot: u32) -> Option<&Feed> {
        match self.slots.get(usize::try_from(slot).ok()?) {
            Some(slot) => slot.as_deref(),
            None => self.far.get(&slot)?.as_deref(),
        }
    }

    /// The id of the feed in a slot.
    pub(crate) fn id_at(&self, slot: u32) -> Option<FeedId> {
        self.at(slot).map(|log| FeedId { slot, generation: log.generation })
    }

    pub(crate) fn find(&self, key: &FeedKey) -> Option<FeedId> {
        let start = start_of(key);
        let mut alike = self.by_key.range((start, 0)..=(start, u32::MAX));
        let slot = alike.find(|(_, slot)| self.at(*slot).is_some_and(|feed| feed.key == *key));
        slot.and_then(|(_, slot)| self.id_at(*slot))
    }

    /// The writer with this local name.
    pub(crate) fn find_name(&self, name: &str) -> Option<FeedId> {
        self.by_name.get(name).copied()
    }

    /// Makes a feed writable. The name must be free and the key pair must be the feed's.
    pub(crate) fn set_writer(&mut self, feed: FeedId, name: &str, key_pair: KeyPair) {
        let Some(log) = self.get_mut(feed) else { return };
        let before = log.name().map(Box::<str>::from);
        log.set_writer(name, key_pair);
        // The feed may have had another name before.
        self.forget_name(before.as_deref(), feed);
        self.by_name.insert(name.into(), feed);
    }

    /// Removes a name, unless it belongs to another feed, which can happen after damage.
    fn forget_name(&mut self, name: Option<&str>, feed: FeedId) {
        if let Some(name) = name
            && self.find_name(name) == Some(feed)
        {
            self.by_name.remove(name);
        }
    }

    /// Feeds that can be found by their discovery keys.
    pub(crate) fn with_discovery_keys() -> Self {
        Self { by_discovery: Some(BTreeMap::new()), ..Self::default() }
    }

    /// The feed with this discovery key.
    pub(crate) fn find_discovery(&self, discovery_key: &Hash) -> Option<FeedId> {
        self.by_discovery.as_ref()?.get(discovery_key).copied()
    }

    /// The first accepted feed of another origin after `last`, or the first of all.
    pub(crate) fn next_adopted(&mut self, last: Option<FeedId>) -> Option<FeedId> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        loop {
            let id = *self.adopted.range((start, Bound::Unbounded)).next()?;
            if self.get(id).is_some_and(|feed| !feed.is_of_group() && feed.is_accepted()) {
                return Some(id);
            }
            self.adopted.remove(&id);
        }
    }

    /// A feed of another origin is accepted.
    pub(crate) fn note_adopted(&mut self, feed: FeedId) {
        self.adopted.insert(feed);
    }

    /// All feeds in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (FeedId, &Feed)> {
        self.iter_from(0)
    }

    /// All feeds in slot order, from `slot` on.
    pub(crate) fn iter_from(&self, slot: u32) -> impl Iterator<Item = (FeedId, &Feed)> {
        let near = self.slots.iter().zip(0..).skip(slot as usize).map(|(feed, slot)| (slot, feed));
        let far = self.far.range(slot..).map(|(slot, feed)| (*slot, feed));
        let all = near.chain(far);
        #[cfg(test)]
        let all = all.inspect(|_| self.visited.update(|visited| visited + 1));
        all.filter_map(|(slot, feed)| {
            let feed = feed.as_deref()?;
            Some((FeedId { slot, generation: feed.generation }, feed))
        })
    }

    /// The first slot above all assigned ones.
    pub(crate) fn end(&self) -> u32 {
        let far = self.far.last_key_value().map(|(slot, _)| slot.saturating_add(1));
        far.unwrap_or(self.slots.len() as u32)
    }

    /// Restores a feed from the store. `None` is a slot with a damaged record: it stays empty and
    /// is never reassigned.
    pub(crate) fn load(&mut self, slot: u32, feed: Option<(FeedKey, Record)>) {
        // The largest slot is invalid, because [`Feeds::end`] must be above every slot.
        let feed = feed.filter(|(key, _)| slot < u32::MAX && self.find(key).is_none());
        self.damaged += usize::from(feed.is_none());
        if let Some((key, record)) = &feed {
            self.by_key.insert((start_of(key), slot));
            if let Some(name) = &record.name {
                self.by_name.entry(name.as_str().into()).or_insert(FeedId::first(slot));
            }
        }
        let feed = feed.map(|(key, record)| Box::new(Feed::loaded(key, record)));
        if let Some(feed) = &feed {
            self.index(FeedId::first(slot), &feed.key, !feed.is_of_group());
        }
        self.quota.grow(0, feed.as_ref().map_or(0, |feed| feed.bytes_counted()));
        let near = self.slots.len();
        if slot as usize > near + self.by_key.len() + GAP_SLOTS {
            self.far.insert(slot, feed);
            return;
        }
        // The store returns records in slot order; a gap is a slot without a record.
        for gap in near as u32..slot {
            self.slots.push(None);
            self.free.push(gap);
        }
        self.slots.push(feed);
    }

    /// Adds a feed of the group. Its key must be new.
    pub(crate) fn insert(&mut self, key: FeedKey, public_key: PublicKey) -> FeedId {
        self.place(key, Feed::empty(key, public_key))
    }

    /// Adds a transient feed of another origin. Its key must be new.
    pub(crate) fn insert_transient(&mut self, key: FeedKey) -> FeedId {
        self.place(key, Feed::transient(key))
    }

    /// Adds an adopted feed of another origin. Its key must be new.
    pub(crate) fn adopt(&mut self, key: FeedKey) -> FeedId {
        self.place(key, Feed::adopted(key))
    }

    fn place(&mut self, key: FeedKey, feed: Feed) -> FeedId {
        let is_adopted = !feed.is_of_group();
        let generation = self.generation;
        let feed = Some(Box::new(Feed { generation, ..feed }));
        let slot = match self.free.pop() {
            Some(slot) => {
                // Free slots come from gaps and forgotten feeds, so they are below `slots.len()`.
                self.slots[slot as usize] = feed;
                slot
            }
            None => {
                // Move slots of the map here once the vector reaches them.
                while let Some(reached) = self.far.remove(&(self.slots.len() as u32)) {
                    self.slots.push(reached);
                }
                self.slots.push(feed);
                self.slots.len() as u32 - 1
            }
        };
        self.by_key.insert((start_of(&key), slot));
        let id = FeedId { slot, generation };
        self.index(id, &key, is_adopted);
        id
    }

    /// Lists a feed for hypercore's channels.
    fn index(&mut self, id: FeedId, key: &FeedKey, is_adopted: bool) {
        if let Some(index) = &mut self.by_discovery {
            index.insert(discovery_key_of(key), id);
        }
        if is_adopted {
            self.adopted.insert(id);
        }
    }

    /// Turns a feed whose data was deleted into a refused feed without blocks.
    pub(crate) fn clear_slot(&mut self, feed: FeedId) {
        let Some(log) = self.get_mut(feed) else { return };
        let (status, generation) = (FeedStatus::Refused, log.generation);
        let emptied = Feed { status, generation, ..Feed::empty(log.key, log.public_key) };
        let emptied = core::mem::replace(log, emptied);
        self.quota.leave(feed, emptied.bytes_counted());
        self.proofs.retain(|proof| *proof != feed);
        self.forget_name(emptied.name(), feed);
    }

    /// Forgets a feed without blocks. Its id is never used again: once no more generations can be
    /// counted, candidates stay, within the limit on feeds.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        let Some(next) = self.generation.checked_add(1) else { return };
        let is_of_id = |log: &mut Box<Feed>| log.generation == feed.generation;
        if let Some(slot) = self.slots.get_mut(feed.slot as usize) {
            let Some(forgotten) = slot.take_if(|log| is_of_id(log) && log.is_candidate()) else {
                return;
            };
            self.unlist(&forgotten, feed);
            self.free.push(feed.slot);
        } else if let Some(slot) = self.far.get_mut(&feed.slot)
            && let Some(forgotten) = slot.take_if(|log| is_of_id(log) && log.is_candidate())
        {
            self.unlist(&forgotten, feed);
            self.far.remove(&feed.slot);
        } else {
            return;
        }
        self.generation = next;
    }

    fn unlist(&mut self, forgotten: &Feed, feed: FeedId) {
        self.quota.leave(feed, forgotten.bytes_counted());
        let key = &forgotten.key;
        self.by_key.remove(&(start_of(key), feed.slot));
        self.forget_name(forgotten.name(), feed);
        if let Some(index) = &mut self.by_discovery {
            index.remove(&discovery_key_of(key));
        }
    }

    /// How often a feed was looked at, for tests that count the steps of a call.
    #[cfg(test)]
    pub(crate) fn visited(&self) -> u64 {
        self.visited.get()
    }

    /// Number of slots that take memory.
    #[cfg(test)]
    pub(crate) fn slots_held(&self) -> usize {
        self.slots.len() + self.far.len()
    }
}

fn discovery_key_of(key: &FeedKey) -> Hash {
    hash::discovery_key(&key.0)
}

/// The first 8 bytes of a key. An attacker who finds two keys with the same prefix (2^32 hashes)
/// adds one step to a lookup.
fn start_of(key: &FeedKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
