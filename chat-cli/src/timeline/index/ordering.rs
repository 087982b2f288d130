//! Computes the positions of blocks, and updates those that depend on a moved block.
//!
//! A block comes after the previous one in its feed, and after the blocks that it refers to, if
//! their digests match. A digest covers the feed up to that block, so references have no cycles.

use std::collections::{BTreeSet, VecDeque};

use redb::{MultimapTable, ReadableMultimapTable, ReadableTable, Table, WriteTransaction};
use serde::Serialize;

use super::tables::{
    Arrived, BLOCKS, Cursor, FEEDS, Key, Known, NAMED, ORDER, TOPICS, TopicKey, ViewFailure,
    cursor_of, damaged, failed, known_of, topic_key,
};
use crate::message::seen::chain;
use crate::timeline::key::{Block, Place, Spot};

/// The tables of one change.
pub(super) struct Tables<'a> {
    blocks: Table<'a, &'static Key, &'static [u8]>,
    order: Table<'a, &'static [u8; 56], ()>,
    named: MultimapTable<'a, &'static Key, &'static Key>,
    feeds: Table<'a, &'static [u8; 32], &'static [u8]>,
    topics: Table<'a, &'static TopicKey, ()>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, ViewFailure> {
        Ok(Self {
            blocks: write.open_table(BLOCKS).map_err(failed)?,
            order: write.open_table(ORDER).map_err(failed)?,
            named: write.open_multimap_table(NAMED).map_err(failed)?,
            feeds: write.open_table(FEEDS).map_err(failed)?,
            topics: write.open_table(TOPICS).map_err(failed)?,
        })
    }

    pub(super) fn add(
        mut self,
        arrived: &[Arrived],
        own: &[u8; 32],
    ) -> Result<Vec<Place>, ViewFailure> {
        let mut queue = Queue::default();
        let mut by_time: Vec<&Arrived> = arrived.iter().collect();
        // This is nearly the final order, so most blocks are positioned only once.
        by_time.sort_by_key(|one| (one.claimed_ms, one.block));
        for one in &by_time {
            if self.known(one.block)?.is_none() {
                self.insert(one, own)?;
                queue.new.insert(one.block);
                queue.push(one.block);
            }
        }
        for one in &by_time {
            self.link(one.block, &mut queue)?;
        }
        while let Some(block) = queue.pop() {
            self.settle(block, &mut queue)?;
        }
        let place =
            |one: &Arrived| Ok(self.known(one.block)?.map_or(Place::default(), |k| k.place));
        arrived.iter().map(place).collect()
    }

    fn insert(&mut self, one: &Arrived, own: &[u8; 32]) -> Result<(), ViewFailure> {
        // A preliminary key; the first update of the position corrects it.
        let place = Place::behind(None, one.claimed_ms);
        let known = Known {
            digest: one.digest,
            chain: None,
            claimed_ms: one.claimed_ms,
            seen: one.seen.clone(),
            place,
            topic_of: one.topic_of,
        };
        self.write(one.block, &known)?;
        self.put(&known, one.block)?;
        for head in &one.seen {
            let block = Block { feed: head.feed, index: head.index };
            self.named.insert(&block.to_bytes(), &one.block.to_bytes()).map_err(failed)?;
        }
        self.advance(&one.block.feed, |c| c.read = c.read.max(one.block.index.saturating_add(1)))?;
        for head in &one.seen {
            let until = head.index.saturating_add(1);
            self.advance(&head.feed, |cursor| {
                cursor.told = cursor.told.max(until);
                if one.block.feed == *own {
                    cursor.named = cursor.named.max(until);
                }
            })?;
        }
        Ok(())
    }

    fn advance(
        &mut self,
        feed: &[u8; 32],
        change: impl FnOnce(&mut Cursor),
    ) -> Result<(), ViewFailure> {
        let found = self.feeds.get(feed).map_err(failed)?;
        let mut cursor = found.map_or(Ok(Cursor::default()), |found| cursor_of(found.value()))?;
        change(&mut cursor);
        self.feeds.insert(feed, &encode(&cursor)?[..]).map_err(failed)?;
        Ok(())
    }

    /// Computes the chained digest of a block, and of later ones that waited for it. Blocks that
    /// refer to them may move.
    fn link(&mut self, mut block: Block, queue: &mut Queue) -> Result<(), ViewFailure> {
        while let Some(mut known) = self.known(block)? {
            if known.chain.is_some() {
                return Ok(());
            }
            let before = match block.index.checked_sub(1) {
                None => None,
                Some(index) => match self.known(Block { index, ..block })? {
                    Some(Known { chain: Some(chain), .. }) => Some(chain),
                    _ => return Ok(()),
                },
            };
            known.chain = Some(chain(before, &known.digest));
            self.write(block, &known)?;
            self.push_namers(block, queue)?;
            let Some(index) = block.index.checked_add(1) else { return Ok(()) };
            block.index = index;
        }
        Ok(())
    }

    /// Recomputes the position of a block, and queues its dependents if it moved.
    fn settle(&mut self, block: Block, queue: &mut Queue) -> Result<(), ViewFailure> {
        let Some(mut known) = self.known(block)? else { return Ok(()) };
        let mut behind = self.before_in_feed(block)?;
        for head in &known.seen {
            let named = self.known(Block { feed: head.feed, index: head.index })?;
            let named = named.filter(|named| named.chain == Some(head.digest));
            behind = behind.max(named.map(|named| named.place));
        }
        let place = Place::behind(behind, known.claimed_ms);
        let is_new = queue.new.remove(&block);
        if place != known.place {
            self.take(&known, block)?;
            known.place = place;
            self.put(&known, block)?;
            self.write(block, &known)?;
        } else if !is_new {
            return Ok(());
        }
        self.push_namers(block, queue)?;
        if let Some(next) = self.after_in_feed(block)? {
            queue.push(next);
        }
        Ok(())
    }

    /// Inserts a block into the order.
    fn put(&mut self, known: &Known, block: Block) -> Result<(), ViewFailure> {
        let spot = Spot { place: known.place, block };
        self.order.insert(&spot.to_bytes(), ()).map_err(failed)?;
        if let Some(channel) = &known.topic_of {
            self.topics.insert(&topic_key(channel, &spot), ()).map_err(failed)?;
        }
        Ok(())
    }

    /// Removes a block from the order.
    fn take(&mut self, known: &Known, block: Block) -> Result<(), ViewFailure> {
        let spot = Spot { place: known.place, block };
        self.order.remove(&spot.to_bytes()).map_err(failed)?;
        if let Some(channel) = &known.topic_of {
            self.topics.remove(&topic_key(channel, &spot)).map_err(failed)?;
        }
        Ok(())
    }

    fn push_namers(&self, block: Block, queue: &mut Queue) -> Result<(), ViewFailure> {
        for namer in self.named.get(&block.to_bytes()).map_err(failed)? {
            queue.push(Block::from_bytes(namer.map_err(failed)?.value()));
        }
        Ok(())
    }

    fn before_in_feed(&self, block: Block) -> Result<Option<Place>, ViewFailure> {
        let first = Block { index: 0, ..block }.to_bytes();
        let mut run = self.blocks.range::<&Key>(&first..&block.to_bytes()).map_err(failed)?;
        let found = run.next_back().transpose().map_err(failed)?;
        found.map(|(_, known)| Ok(known_of(known.value())?.place)).transpose()
    }

    fn after_in_feed(&self, block: Block) -> Result<Option<Block>, ViewFailure> {
        let Some(index) = block.index.checked_add(1) else { return Ok(None) };
        let (first, last) = (Block { index, ..block }, Block { index: u64::MAX, ..block });
        let mut run =
            self.blocks.range::<&Key>(&first.to_bytes()..=&last.to_bytes()).map_err(failed)?;
        let found = run.next().transpose().map_err(failed)?;
        Ok(found.map(|(key, _)| Block::from_bytes(key.value())))
    }

    fn known(&self, block: Block) -> Result<Option<Known>, ViewFailure> {
        let found = self.blocks.get(&block.to_bytes()).map_err(failed)?;
        found.map(|known| known_of(known.value())).transpose()
    }

    fn write(&mut self, block: Block, known: &Known) -> Result<(), ViewFailure> {
        self.blocks.insert(&block.to_bytes(), &encode(known)?[..]).map_err(failed)?;
        Ok(())
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, ViewFailure> {
    postcard::to_allocvec(value).map_err(damaged)
}

/// Blocks whose positions must be recomputed, each at most once in the queue, in order of
/// insertion. So even a long hostile chain is traversed at most once per message.
#[derive(Debug, Default)]
struct Queue {
    line: VecDeque<Block>,
    waiting: BTreeSet<Block>,
    /// Blocks of this change without a position yet: their dependents must still be queued.
    new: BTreeSet<Block>,
}

impl Queue {
    fn push(&mut self, block: Block) {
        if self.waiting.insert(block) {
            self.line.push_back(block);
        }
    }

    fn pop(&mut self) -> Option<Block> {
        let block = self.line.pop_front()?;
        self.waiting.remove(&block);
        Some(block)
    }
}
