//! Orders the messages of all feeds of a room.
//!
//! Rule: the order is the same on every machine that holds the same blocks, in whatever order
//! they arrived. A message comes after the previous one in its feed and after all that its author
//! had seen. Otherwise the authors' claimed times decide, then the feed's key and the index. A
//! wrong clock moves only its own messages and never separates an answer from its question.
//!
//! An [`Index`] on disk stores the order. So a room opens without reading its messages: only shown
//! messages are read.

mod channels;
pub mod index;
pub mod key;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;

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

/// Blocks read at once. Chosen: a block of a peer has up to 1 MiB, so this bounds memory to 64
/// MiB.
const READ_BLOCKS_MAX: u64 = 64;
/// Blocks per step, over all feeds. Chosen: a step takes a few milliseconds, so a long catch-up
/// shows progress and keys do not wait.
const STEP_BLOCKS_MAX: u64 = 256;
/// Messages read at once while a page is filled. Chosen: bounds memory.
pub const PAGE_SIZE: usize = 256;
/// Topics read at once. Chosen: the last one is nearly always valid, so few are needed.
const TOPIC_BATCH: usize = 4;

/// A message at its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: MessageId,
    /// Its time key.
    pub hlc: Hlc,
    /// Its content.
    pub content: Content,
}

impl Entry {
    /// Returns its position among all messages.
    pub fn position(&self) -> TimelineKey {
        let block = Block { feed: self.id.feed, index: self.id.index };
        TimelineKey { hlc: self.hlc, block }
    }
}

/// A failure that stops the timeline.
#[derive(Debug)]
pub enum TimelineError {
    /// The node failed to read its data.
    Node(NodeError),
    /// The index failed.
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

/// The messages of a room, as far as they were read.
#[derive(Debug)]
pub struct Timeline {
    index: Index,
    /// Encodes and decodes the blocks.
    envelope: Envelope,
    /// The user's feed.
    own: [u8; 32],
    /// The hidden feeds: their messages keep their positions, without content.
    hidden: BTreeSet<[u8; 32]>,
}

/// The result of one step.
#[derive(Debug, Default)]
pub struct Step {
    /// The new messages, in timeline order within this step.
    pub entries: Vec<Entry>,
    /// Whether more messages can be read.
    pub more: bool,
}

impl Timeline {
    /// Opens the timeline of the user with the feed `own`, with its index in a file or in memory.
    ///
    /// # Errors
    /// Fails if the index cannot be written.
    pub fn open(file: Option<File>, envelope: Envelope, own: [u8; 32]) -> Result<Self, IndexError> {
        let index = file.map_or_else(Index::in_memory, Index::open)?;
        Ok(Self { index, envelope, own, hidden: BTreeSet::new() })
    }

    /// Sets the hidden feeds.
    pub fn hide(&mut self, hidden: BTreeSet<[u8; 32]>) {
        self.hidden = hidden;
    }

    fn shown(&self, feed: &[u8; 32], content: Content) -> Content {
        if self.hidden.contains(feed) { Content::Unreadable(Unreadable::Hidden) } else { content }
    }

    /// Returns the envelope of the messages.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Returns the heads that our next message refers to.
    ///
    /// # Errors
    /// Fails if the index cannot be read.
    pub fn seen(&self) -> Result<Vec<Head>, IndexError> {
        self.index.seen(&self.own)
    }

    /// Returns how many of our own messages were read.
    ///
    /// # Errors
    /// Fails if the index cannot be read.
    pub fn own_length(&self) -> Result<u64, IndexError> {
        self.index.read_length(&self.own)
    }

    /// Reads the next blocks of feeds that have grown.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn step(&self, node: &Node) -> Result<Step, TimelineError> {
        let mut step = Step::default();
        let mut new_blocks = Vec::new();
        let mut left = STEP_BLOCKS_MAX;
        for feed in node.feeds().await? {
            let mut next = self.index.read_length(&feed.key.0)?;
            if next > feed.length {
                // The store was restored to an older state, so the index has blocks that are
                // missing.
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

    /// Reads all new blocks.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn catch_up(&self, node: &Node) -> Result<(), TimelineError> {
        while self.step(node).await?.more {}
        Ok(())
    }

    /// Returns the last `limit` messages that are `wanted` and not older than `since`.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
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

    /// Returns the last `count` messages before a position, or of the whole room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn page(
        &self,
        node: &Node,
        before: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<Entry>, TimelineError> {
        let positions = self.index.before(before, count)?;
        self.entries(node, &positions).await
    }

    /// Returns the first `count` messages after a position, or of the whole room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
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

    /// Returns the messages around a position: half of `count` before it, half from it on.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
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

    /// Reads the messages at these positions.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
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
        for run in contiguous_runs(positions) {
            if let Some(feed) = feeds.get(&run.feed) {
                self.read_run(node, *feed, run, &mut contents).await?;
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

    /// Returns the last `limit` messages that are `wanted`, before a position or of the whole room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
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

    /// Returns the current topic of a channel: the last one in timeline order, so all members
    /// with the same blocks see the same. Topics of hidden members are ignored.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn topic(
        &self,
        node: &Node,
        channel: &Clean,
    ) -> Result<Option<(MessageId, Chat)>, TimelineError> {
        let tag = self.envelope.channel_tag(channel);
        let is_shown = |feed: &[u8; 32]| !self.hidden.contains(feed);
        let mut before = None;
        loop {
            let positions = self.index.topics(&tag, before, is_shown, TOPIC_BATCH)?;
            let Some(first) = positions.first() else { return Ok(None) };
            before = Some(*first);
            // A block that is no longer stored, as of a refused feed, sets no topic.
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

    /// Reads a run of blocks; one by one if some are no longer stored.
    async fn read_run(
        &self,
        node: &Node,
        feed: FeedId,
        run: Run,
        contents: &mut BTreeMap<Block, Content>,
    ) -> Result<(), TimelineError> {
        let Run { feed: key, indices } = run;
        let is_single = indices.end.saturating_sub(indices.start) <= 1;
        match node.read(feed, indices.clone()).await {
            Ok(found) => {
                let blocks = indices.map(|index| Block { feed: key, index });
                let read = found.iter().map(|block| self.envelope.decode(&key, block));
                contents.extend(blocks.zip(read));
            }
            Err(NodeError::Misuse(Misuse::OutOfRange | Misuse::FeedRemoved)) if is_single => {}
            Err(NodeError::Misuse(Misuse::OutOfRange | Misuse::FeedRemoved)) => {
                for index in indices {
                    let single = Run { feed: key, indices: index..index.saturating_add(1) };
                    Box::pin(self.read_run(node, feed, single, contents)).await?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Consecutive blocks of one feed.
struct Run {
    /// The key of the feed.
    feed: [u8; 32],
    /// The indices of the blocks.
    indices: Range<u64>,
}

/// Groups consecutive blocks of a feed, at most [`READ_BLOCKS_MAX`] each.
fn contiguous_runs(positions: &[TimelineKey]) -> Vec<Run> {
    let mut blocks: Vec<Block> = positions.iter().map(|position| position.block).collect();
    blocks.sort_unstable();
    let mut runs: Vec<Run> = Vec::new();
    for Block { feed, index } in blocks {
        let end = index.saturating_add(1);
        match runs.last_mut() {
            Some(run)
                if run.feed == feed
                    && run.indices.end == index
                    && index - run.indices.start < READ_BLOCKS_MAX =>
            {
                run.indices.end = end;
            }
            _ => runs.push(Run { feed, indices: index..end }),
        }
    }
    runs
}

/// Extracts what the index needs from a block.
fn new_block(envelope: &Envelope, name: Block, block: &[u8], content: &Content) -> NewBlock {
    let claimed_ms = content.chat().and_then(|chat| chat.time).map(Timestamp::as_millisecond);
    let (channel, sets_topic) =
        (envelope.channel_tag(&content.channel()), matches!(content, Content::Topic(_)));
    let (digest, seen) = (seen::digest(block), content.seen().to_vec());
    NewBlock { block: name, digest, claimed_ms, seen, channel, sets_topic }
}

#[cfg(test)]
mod tests;
