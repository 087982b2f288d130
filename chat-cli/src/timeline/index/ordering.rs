//! Computes the positions of blocks, and updates those that depend on a moved block.
//!
//! A block comes after the previous one in its feed, and after the blocks that it refers to, if
//! their digests match. A digest covers the feed up to that block, so references have no cycles.

use std::collections::{BTreeSet, VecDeque};

use redb::{MultimapTable, ReadableMultimapTable, ReadableTable, Table, WriteTransaction};
use serde::Serialize;

use super::tables::{
    BLOCKS, CHANNELS, ChannelKey, FEEDS, FeedState, IndexError, IndexedBlock, Key, NewBlock, ORDER,
    REFERRERS, TOPICS, channel_key, damaged, decode_block, decode_feed_state, failed,
};
use crate::message::seen::chain;
use crate::timeline::key::{Block, Hlc, TimelineKey};

/// The tables of one change.
pub(super) struct Tables<'a> {
    blocks: Table<'a, &'static Key, &'static [u8]>,
    order: Table<'a, &'static [u8; 56], ()>,
    referrers: MultimapTable<'a, &'static Key, &'static Key>,
    feeds: Table<'a, &'static [u8; 32], &'static [u8]>,
    channels: Table<'a, &'static ChannelKey, ()>,
    topics: Table<'a, &'static ChannelKey, ()>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, IndexError> {
        Ok(Self {
            blocks: write.open_table(BLOCKS).map_err(failed)?,
            order: write.open_table(ORDER).map_err(failed)?,
            referrers: write.open_multimap_table(REFERRERS).map_err(failed)?,
            feeds: write.open_table(FEEDS).map_err(failed)?,
            channels: write.open_table(CHANNELS).map_err(failed)?,
            topics: write.open_table(TOPICS).map_err(failed)?,
        })
    }

    pub(super) fn add(
        mut self,
        new_blocks: &[NewBlock],
        own: &[u8; 32],
    ) -> Result<Vec<Hlc>, IndexError> {
        let mut queue = Queue::default();
        let mut by_time: Vec<&NewBlock> = new_blocks.iter().collect();
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
            self.extend_chain(one.block, &mut queue)?;
        }
        while let Some(block) = queue.pop() {
            self.reposition(block, &mut queue)?;
        }
        let hlc = |one: &NewBlock| Ok(self.known(one.block)?.map_or(Hlc::default(), |k| k.hlc));
        new_blocks.iter().map(hlc).collect()
    }

    fn insert(&mut self, one: &NewBlock, own: &[u8; 32]) -> Result<(), IndexError> {
        // A preliminary key; the first update of the position corrects it.
        let hlc = Hlc::after(None, one.claimed_ms);
        let known = IndexedBlock {
            digest: one.digest,
            chain: None,
            claimed_ms: one.claimed_ms,
            seen: one.seen.clone(),
            hlc,
            channel: one.channel,
            sets_topic: one.sets_topic,
        };
        self.write(one.block, &known)?;
        self.insert_position(&known, one.block)?;
        for head in &one.seen {
            let block = Block { feed: head.feed, index: head.index };
            self.referrers.insert(&block.to_bytes(), &one.block.to_bytes()).map_err(failed)?;
        }
        self.advance(&one.block.feed, |c| c.read = c.read.max(one.block.index.saturating_add(1)))?;
        for head in &one.seen {
            let until = head.index.saturating_add(1);
            self.advance(&head.feed, |state| {
                state.referenced = state.referenced.max(until);
                if one.block.feed == *own {
                    state.named = state.named.max(until);
                }
            })?;
        }
        Ok(())
    }

    fn advance(
        &mut self,
        feed: &[u8; 32],
        change: impl FnOnce(&mut FeedState),
    ) -> Result<(), IndexError> {
        let found = self.feeds.get(feed).map_err(failed)?;
        let mut state =
            found.map_or(Ok(FeedState::default()), |found| decode_feed_state(found.value()))?;
        change(&mut state);
        self.feeds.insert(feed, &encode(&state)?[..]).map_err(failed)?;
        Ok(())
    }

    /// Computes the chained digest of a block, and of later ones that waited for it. Blocks that
    /// refer to them may move.
    fn extend_chain(&mut self, mut block: Block, queue: &mut Queue) -> Result<(), IndexError> {
        while let Some(mut known) = self.known(block)? {
            if known.chain.is_some() {
                return Ok(());
            }
            let before = match block.index.checked_sub(1) {
                None => None,
                Some(index) => match self.known(Block { index, ..block })? {
                    Some(IndexedBlock { chain: Some(chain), .. }) => Some(chain),
                    _ => return Ok(()),
                },
            };
            known.chain = Some(chain(before, &known.digest));
            self.write(block, &known)?;
            self.push_referrers(block, queue)?;
            let Some(index) = block.index.checked_add(1) else { return Ok(()) };
            block.index = index;
        }
        Ok(())
    }

    /// Recomputes the position of a block, and queues its dependents if it moved.
    fn reposition(&mut self, block: Block, queue: &mut Queue) -> Result<(), IndexError> {
        let Some(mut known) = self.known(block)? else { return Ok(()) };
        let mut after = self.before_in_feed(block)?;
        for head in &known.seen {
            let referrers = self.known(Block { feed: head.feed, index: head.index })?;
            let referrers = referrers.filter(|referrers| referrers.chain == Some(head.digest));
            after = after.max(referrers.map(|referrers| referrers.hlc));
        }
        let hlc = Hlc::after(after, known.claimed_ms);
        let is_new = queue.new.remove(&block);
        if hlc != known.hlc {
            self.remove_position(&known, block)?;
            known.hlc = hlc;
            self.insert_position(&known, block)?;
            self.write(block, &known)?;
        } else if !is_new {
            return Ok(());
        }
        self.push_referrers(block, queue)?;
        if let Some(next) = self.after_in_feed(block)? {
            queue.push(next);
        }
        Ok(())
    }

    /// Inserts a block into the order.
    fn insert_position(&mut self, known: &IndexedBlock, block: Block) -> Result<(), IndexError> {
        let position = TimelineKey { hlc: known.hlc, block };
        self.order.insert(&position.to_bytes(), ()).map_err(failed)?;
        let key = channel_key(&known.channel, &position);
        self.channels.insert(&key, ()).map_err(failed)?;
        if known.sets_topic {
            self.topics.insert(&key, ()).map_err(failed)?;
        }
        Ok(())
    }

    /// Removes a block from the order.
    fn remove_position(&mut self, known: &IndexedBlock, block: Block) -> Result<(), IndexError> {
        let position = TimelineKey { hlc: known.hlc, block };
        self.order.remove(&position.to_bytes()).map_err(failed)?;
        let key = channel_key(&known.channel, &position);
        self.channels.remove(&key).map_err(failed)?;
        if known.sets_topic {
            self.topics.remove(&key).map_err(failed)?;
        }
        Ok(())
    }

    fn push_referrers(&self, block: Block, queue: &mut Queue) -> Result<(), IndexError> {
        for referrer in self.referrers.get(&block.to_bytes()).map_err(failed)? {
            queue.push(Block::from_bytes(referrer.map_err(failed)?.value()));
        }
        Ok(())
    }

    fn before_in_feed(&self, block: Block) -> Result<Option<Hlc>, IndexError> {
        let first = Block { index: 0, ..block }.to_bytes();
        let mut run = self.blocks.range::<&Key>(&first..&block.to_bytes()).map_err(failed)?;
        let found = run.next_back().transpose().map_err(failed)?;
        found.map(|(_, known)| Ok(decode_block(known.value())?.hlc)).transpose()
    }

    fn after_in_feed(&self, block: Block) -> Result<Option<Block>, IndexError> {
        let Some(index) = block.index.checked_add(1) else { return Ok(None) };
        let (first, last) = (Block { index, ..block }, Block { index: u64::MAX, ..block });
        let mut run =
            self.blocks.range::<&Key>(&first.to_bytes()..=&last.to_bytes()).map_err(failed)?;
        let found = run.next().transpose().map_err(failed)?;
        Ok(found.map(|(key, _)| Block::from_bytes(key.value())))
    }

    fn known(&self, block: Block) -> Result<Option<IndexedBlock>, IndexError> {
        let found = self.blocks.get(&block.to_bytes()).map_err(failed)?;
        found.map(|known| decode_block(known.value())).transpose()
    }

    fn write(&mut self, block: Block, known: &IndexedBlock) -> Result<(), IndexError> {
        self.blocks.insert(&block.to_bytes(), &encode(known)?[..]).map_err(failed)?;
        Ok(())
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, IndexError> {
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
