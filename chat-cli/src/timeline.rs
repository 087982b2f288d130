//! All feeds of a room as one conversation.
//!
//! Rule: the order is the same on every machine that holds the same blocks, whenever they came. A
//! message stands behind the one before it in its feed and behind all that its author had seen
//! when he wrote it; among those that knew nothing of each other, the times decide that their
//! authors claim; then the feed's key and the index. A clock that is wrong moves its own messages
//! and can part no answer from its question.
//!
//! The order is kept in a [`Index`], an index on disk, so a room is opened without reading what was
//! said in it: only the messages that are shown are read.

pub mod index;
pub mod key;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use jiff::Timestamp;
use multifeed_core::{FeedId, Misuse};
use multifeed_tcp::{Node, NodeError};

use self::index::tables::{IndexError, NewBlock};
use self::index::{Flush, Index};
use self::key::{Block, Hlc, TimelineKey};
use crate::envelope::Envelope;
use crate::ids::MessageId;
use crate::message::seen::{self, Head};
use crate::message::{Chat, Content, Unreadable};
use crate::sanitize::Clean;

/// Blocks that are read at once: a block of a stranger has up to a mebibyte.
const READ_BLOCKS_MAX: u64 = 64;
/// Blocks of all feeds that one step looks at, so that a long catch-up shows something meanwhile
/// and keeps nobody waiting: a key for some milliseconds.
const STEP_BLOCKS_MAX: u64 = 256;
/// Messages that are looked at together while a page is filled.
pub const PAGE_SIZE: usize = 256;
/// Topics that are looked at together. The last one is nearly always that which holds.
const TOPIC_BATCH: usize = 4;

/// One message in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub id: MessageId,
    /// Where it stands.
    pub hlc: Hlc,
    /// What it says.
    pub content: Content,
}

impl Entry {
    /// Its place among all others.
    pub fn position(&self) -> TimelineKey {
        let block = Block { feed: self.id.feed, index: self.id.index };
        TimelineKey { hlc: self.hlc, block }
    }
}

/// What the timeline cannot go on after.
#[derive(Debug)]
pub enum TimelineError {
    /// The node does not give back what it holds.
    Node(NodeError),
    /// The index fails.
    Index(IndexError),
}

impl From<NodeError> for TimelineError {
    fn from(error: NodeError) -> Self {
        Self::Node(error)
    }
}

impl From<IndexError> for TimelineError {
    fn from(failure: IndexError) -> Self {
        Self::Index(failure)
    }
}

/// The conversation, as far as it was read.
#[derive(Debug)]
pub struct Timeline {
    index: Index,
    /// How its blocks are read and written.
    envelope: Envelope,
    /// The feed whose messages are ours.
    own: [u8; 32],
    /// Feeds of which nothing is shown: they keep their places, and say nothing.
    hidden: BTreeSet<[u8; 32]>,
}

/// What one step brought.
#[derive(Debug, Default)]
pub struct Step {
    /// In the order of the timeline, as far as this step goes.
    pub entries: Vec<Entry>,
    /// Whether there is more to read already.
    pub more: bool,
}

impl Timeline {
    /// The timeline of whoever writes the feed `own`, with its index in a file, or in memory.
    ///
    /// # Errors
    /// If the index cannot be written.
    pub fn open(file: Option<File>, envelope: Envelope, own: [u8; 32]) -> Result<Self, IndexError> {
        let index = file.map_or_else(Index::in_memory, Index::open)?;
        Ok(Self { index, envelope, own, hidden: BTreeSet::new() })
    }

    /// Shows nothing of these feeds from now on.
    pub fn hide(&mut self, hidden: BTreeSet<[u8; 32]>) {
        self.hidden = hidden;
    }

    fn shown(&self, feed: &[u8; 32], content: Content) -> Content {
        if self.hidden.contains(feed) { Content::Unreadable(Unreadable::Hidden) } else { content }
    }

    /// How messages become blocks here, and back.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// What our next message names.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn seen(&self) -> Result<Vec<Head>, IndexError> {
        self.index.seen(&self.own)
    }

    /// How many of our own messages were read.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn own_length(&self) -> Result<u64, IndexError> {
        self.index.read_length(&self.own)
    }

    /// Reads on in the feeds that have grown.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn step(&self, node: &Node) -> Result<Step, TimelineError> {
        let mut step = Step::default();
        let mut new_blocks = Vec::new();
        let mut left = STEP_BLOCKS_MAX;
        for feed in node.feeds().await? {
            let mut next = self.index.read_length(&feed.key.0)?;
            if next > feed.length {
                // The store was put back to an older state: what was read since is not there.
                self.index.clear()?;
                return Ok(Step { more: true, ..Step::default() });
            }
            while next < feed.length && left > 0 {
                let end = feed.length.min(next + READ_BLOCKS_MAX.min(left));
                let blocks = node.read(feed.id, next..end).await?;
                for (block, index) in blocks.iter().zip(next..) {
                    let block_name = Block { feed: feed.key.0, index };
                    let content = self.envelope.decode(&feed.key.0, block);
                    new_blocks.push(new_block(&self.envelope, block_name, block, &content));
                    let id = MessageId { feed: feed.key.0, index };
                    let content = self.shown(&feed.key.0, content);
                    step.entries.push(Entry { id, hlc: Hlc::default(), content });
                }
                left -= end - next;
                next = end;
            }
            step.more |= next < feed.length;
        }
        if !new_blocks.is_empty() {
            let flush = if step.more { Flush::Later } else { Flush::Now };
            let hlcs = self.index.add(&new_blocks, &self.own, flush)?;
            for (entry, hlc) in step.entries.iter_mut().zip(hlcs) {
                entry.hlc = hlc;
            }
            step.entries.sort_by_key(Entry::position);
        }
        Ok(step)
    }

    /// Reads all that is there and was not read before.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn catch_up(&self, node: &Node) -> Result<(), TimelineError> {
        while self.step(node).await?.more {}
        Ok(())
    }

    /// The last `limit` messages that are `wanted`, of those from `since` on.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn history(
        &self,
        node: &Node,
        limit: usize,
        since: Option<Timestamp>,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, TimelineError> {
        self.catch_up(node).await?;
        let mut entries = self.find(node, None, limit, wanted).await?;
        if let Some(since) = since {
            entries.retain(|entry| entry.hlc >= Hlc::from_time(since));
        }
        Ok(entries)
    }

    /// The last `count` messages before a spot, or of all.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn page(
        &self,
        node: &Node,
        before: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, TimelineError> {
        let positions = self.index.before(before, count)?;
        self.entries(node, &positions).await
    }

    /// The first `count` messages behind a spot, or of all.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn page_after(
        &self,
        node: &Node,
        after: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, TimelineError> {
        let from = after.unwrap_or_else(|| index::first_position_at(key::FIRST));
        let mut positions = self.index.from(from, count.saturating_add(1))?;
        positions.retain(|position| Some(*position) != after);
        positions.truncate(count);
        self.entries(node, &positions).await
    }

    /// Messages before a spot and from it on, half of `count` each.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn around(
        &self,
        node: &Node,
        position: TimelineKey,
        count: usize,
    ) -> Result<Vec<Entry>, TimelineError> {
        let mut positions = self.index.before(Some(position), count / 2)?;
        positions.extend(self.index.from(position, count.div_ceil(2))?);
        self.entries(node, &positions).await
    }

    /// The messages of these spots.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn entries(
        &self,
        node: &Node,
        positions: &[TimelineKey],
    ) -> Result<Vec<Entry>, TimelineError> {
        let mut feeds: BTreeMap<[u8; 32], FeedId> = BTreeMap::new();
        if !positions.is_empty() {
            feeds.extend(node.feeds().await?.into_iter().map(|feed| (feed.key.0, feed.id)));
        }
        let mut contents = BTreeMap::new();
        for (first, count) in contiguous_runs(positions) {
            if let Some(feed) = feeds.get(&first.feed) {
                self.read_run(node, *feed, first, count, &mut contents).await?;
            }
        }
        let entry = |TimelineKey { hlc, block }: &TimelineKey| {
            let content = contents.remove(block);
            let content = content.unwrap_or(Content::Unreadable(Unreadable::Gone));
            let id = MessageId { feed: block.feed, index: block.index };
            Entry { id, hlc: *hlc, content: self.shown(&block.feed, content) }
        };
        Ok(positions.iter().map(entry).collect())
    }

    /// The last `limit` messages before a spot, or of all, that are `wanted`.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn find(
        &self,
        node: &Node,
        mut before: Option<TimelineKey>,
        limit: usize,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, TimelineError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let page = self.page(node, before, PAGE_SIZE).await?;
            let Some(first) = page.first() else { break };
            before = Some(first.position());
            let left = limit - found.len();
            found.extend(page.into_iter().rev().filter(|entry| wanted(entry)).take(left));
        }
        found.reverse();
        Ok(found)
    }

    /// Who set the topic of a channel last, and to what: the last one in the order of the timeline,
    /// so that all who hold the same have the same. Those who are hidden set none.
    ///
    /// # Errors
    /// If the store does not give back what it holds, or the index fails.
    pub async fn topic(
        &self,
        node: &Node,
        channel: &Clean,
    ) -> Result<Option<(MessageId, Chat)>, TimelineError> {
        let mark = self.envelope.channel_tag(channel);
        let is_shown = |feed: &[u8; 32]| !self.hidden.contains(feed);
        let mut before = None;
        loop {
            let positions = self.index.topics(&mark, before, is_shown, TOPIC_BATCH)?;
            let Some(first) = positions.first() else { return Ok(None) };
            before = Some(*first);
            // What is not kept any more, as of a feed that was refused, is none.
            for entry in self.entries(node, &positions).await?.into_iter().rev() {
                match entry.content {
                    Content::Topic(set) if set.channel == *channel => {
                        return Ok(Some((entry.id, set)));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Reads a run; one by one where a part of it is not kept any more.
    async fn read_run(
        &self,
        node: &Node,
        feed: FeedId,
        first: Block,
        count: u64,
        contents: &mut BTreeMap<Block, Content>,
    ) -> Result<(), TimelineError> {
        let end = first.index.saturating_add(count);
        match node.read(feed, first.index..end).await {
            Ok(found) => {
                let blocks = (first.index..end).map(|index| Block { index, ..first });
                let read = found.iter().map(|block| self.envelope.decode(&first.feed, block));
                contents.extend(blocks.zip(read));
            }
            Err(NodeError::Misuse(Misuse::OutOfRange | Misuse::FeedRemoved)) if count == 1 => {}
            Err(NodeError::Misuse(Misuse::OutOfRange | Misuse::FeedRemoved)) => {
                for index in first.index..end {
                    Box::pin(self.read_run(node, feed, Block { index, ..first }, 1, contents))
                        .await?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Blocks that lie in one feed one behind the other: the first, and how many.
fn contiguous_runs(positions: &[TimelineKey]) -> Vec<(Block, u64)> {
    let mut blocks: Vec<Block> = positions.iter().map(|position| position.block).collect();
    blocks.sort_unstable();
    let mut contiguous_runs: Vec<(Block, u64)> = Vec::new();
    for block in blocks {
        match contiguous_runs.last_mut() {
            Some((first, count))
                if first.feed == block.feed
                    && first.index.checked_add(*count) == Some(block.index)
                    && *count < READ_BLOCKS_MAX =>
            {
                *count += 1;
            }
            _ => contiguous_runs.push((block, 1)),
        }
    }
    contiguous_runs
}

/// What the index needs of a block.
fn new_block(envelope: &Envelope, name: Block, block: &[u8], content: &Content) -> NewBlock {
    let claimed_ms = content.chat().and_then(|chat| chat.time).map(Timestamp::as_millisecond);
    let topic_of = match content {
        Content::Topic(set) => Some(envelope.channel_tag(&set.channel)),
        _ => None,
    };
    let (digest, seen) = (seen::digest(block), content.seen().to_vec());
    NewBlock { block: name, digest, claimed_ms, seen, topic_of }
}

#[cfg(test)]
mod tests;
