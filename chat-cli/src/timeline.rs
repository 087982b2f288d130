//! Orders the messages of all feeds of a room.
//!
//! Rule: the order is the same on every machine that holds the same blocks, in whatever order
//! they arrived. A message comes after the previous one in its feed and after all that its author
//! had seen. Otherwise the authors' claimed times decide, then the feed's key and the index. A
//! wrong clock moves only its own messages and never separates an answer from its question.
//!
//! A [`View`], an index on disk, stores the order. So a room opens without reading its messages:
//! only shown messages are read.

pub mod index;
pub mod key;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use jiff::Timestamp;
use multifeed_core::{FeedId, Misuse};
use multifeed_tcp::{Node, NodeError};

use self::index::tables::{Arrived, ViewFailure};
use self::index::{Sync, View};
use self::key::{Block, Place, Spot};
use crate::envelope::Envelope;
use crate::ids::MessageId;
use crate::message::seen::Head;
use crate::message::{self, Chat, Content, Unreadable};
use crate::sanitize::Clean;

/// Blocks read at once. Chosen: a block of a peer has up to 1 MiB, so this bounds memory to 64
/// MiB.
const READ_BLOCKS_MAX: u64 = 64;
/// Blocks per step, over all feeds. Chosen: a step takes a few milliseconds, so a long catch-up
/// shows progress and keys do not wait.
const STEP_BLOCKS_MAX: u64 = 256;
/// Messages read at once while a page is filled. Chosen: bounds memory.
pub const PAGE_SPOTS: usize = 256;
/// Topics read at once. Chosen: the last one is nearly always valid, so few are needed.
const TOPICS_AT_ONCE: usize = 4;

/// A message at its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: MessageId,
    /// Its time key.
    pub place: Place,
    /// Its content.
    pub content: Content,
}

impl Entry {
    /// Returns its position among all messages.
    pub fn spot(&self) -> Spot {
        let block = Block { feed: self.id.feed, index: self.id.index };
        Spot { place: self.place, block }
    }
}

/// A failure that stops the timeline.
#[derive(Debug)]
pub enum Trouble {
    /// The node failed to read its data.
    Node(NodeError),
    /// The index failed.
    View(ViewFailure),
}

impl From<NodeError> for Trouble {
    fn from(error: NodeError) -> Self {
        Self::Node(error)
    }
}

impl From<ViewFailure> for Trouble {
    fn from(failure: ViewFailure) -> Self {
        Self::View(failure)
    }
}

/// The messages of a room, as far as they were read.
#[derive(Debug)]
pub struct Timeline {
    view: View,
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
    pub fn open(
        file: Option<File>,
        envelope: Envelope,
        own: [u8; 32],
    ) -> Result<Self, ViewFailure> {
        let view = file.map_or_else(View::in_memory, View::open)?;
        Ok(Self { view, envelope, own, hidden: BTreeSet::new() })
    }

    /// Sets the hidden feeds.
    pub fn hide(&mut self, hidden: BTreeSet<[u8; 32]>) {
        self.hidden = hidden;
    }

    fn shown(&self, feed: &[u8; 32], content: Content) -> Content {
        match self.hidden.contains(feed) {
            true => Content::Unreadable(Unreadable::Hidden),
            false => content,
        }
    }

    /// Returns the envelope of the messages.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns the index.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Returns the heads that our next message refers to.
    ///
    /// # Errors
    /// Fails if the index cannot be read.
    pub fn seen(&self) -> Result<Vec<Head>, ViewFailure> {
        self.view.seen(&self.own)
    }

    /// Returns how many of our own messages were read.
    ///
    /// # Errors
    /// Fails if the index cannot be read.
    pub fn own_length(&self) -> Result<u64, ViewFailure> {
        self.view.read_until(&self.own)
    }

    /// Reads the next blocks of feeds that have grown.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn step(&self, node: &Node) -> Result<Step, Trouble> {
        let mut step = Step::default();
        let mut arrived = Vec::new();
        let mut left = STEP_BLOCKS_MAX;
        for feed in node.feeds().await? {
            let mut next = self.view.read_until(&feed.key.0)?;
            if next > feed.length {
                // The store was restored to an older state, so the index has blocks that are
                // missing.
                self.view.clear()?;
                return Ok(Step { more: true, ..Step::default() });
            }
            while next < feed.length && left > 0 {
                let end = feed.length.min(next + READ_BLOCKS_MAX.min(left));
                let blocks = node.read(feed.id, next..end).await?;
                for (block, index) in blocks.iter().zip(next..) {
                    let block_name = Block { feed: feed.key.0, index };
                    let content = self.envelope.decode(&feed.key.0, block);
                    arrived.push(arrival(&self.envelope, block_name, block, &content));
                    let id = MessageId { feed: feed.key.0, index };
                    let content = self.shown(&feed.key.0, content);
                    step.entries.push(Entry { id, place: Place::default(), content });
                }
                left -= end - next;
                next = end;
            }
            step.more |= next < feed.length;
        }
        if !arrived.is_empty() {
            let sync = if step.more { Sync::Later } else { Sync::Now };
            let places = self.view.add(&arrived, &self.own, sync)?;
            for (entry, place) in step.entries.iter_mut().zip(places) {
                entry.place = place;
            }
            step.entries.sort_by_key(Entry::spot);
        }
        Ok(step)
    }

    /// Reads all new blocks.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn catch_up(&self, node: &Node) -> Result<(), Trouble> {
        while self.step(node).await?.more {}
        Ok(())
    }

    /// Returns the last `keep` messages that are `wanted` and not older than `since`.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn history(
        &self,
        node: &Node,
        keep: usize,
        since: Option<Timestamp>,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, Trouble> {
        self.catch_up(node).await?;
        let mut entries = self.find(node, None, keep, wanted).await?;
        if let Some(since) = since {
            entries.retain(|entry| entry.place >= Place::at(since));
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
        before: Option<Spot>,
        count: usize,
    ) -> Result<Vec<Entry>, Trouble> {
        let spots = self.view.before(before, count)?;
        self.entries(node, &spots).await
    }

    /// Returns the first `count` messages after a position, or of the whole room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn page_after(
        &self,
        node: &Node,
        after: Option<Spot>,
        count: usize,
    ) -> Result<Vec<Entry>, Trouble> {
        let from = after.unwrap_or_else(|| index::spot_at(key::FIRST));
        let mut spots = self.view.from(from, count.saturating_add(1))?;
        spots.retain(|spot| Some(*spot) != after);
        spots.truncate(count);
        self.entries(node, &spots).await
    }

    /// Returns the messages around a position: half of `count` before it, half from it on.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn around(
        &self,
        node: &Node,
        spot: Spot,
        count: usize,
    ) -> Result<Vec<Entry>, Trouble> {
        let mut spots = self.view.before(Some(spot), count / 2)?;
        spots.extend(self.view.from(spot, count.div_ceil(2))?);
        self.entries(node, &spots).await
    }

    /// Reads the messages at these positions.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn entries(&self, node: &Node, spots: &[Spot]) -> Result<Vec<Entry>, Trouble> {
        let mut feeds: BTreeMap<[u8; 32], FeedId> = BTreeMap::new();
        if !spots.is_empty() {
            feeds.extend(node.feeds().await?.into_iter().map(|feed| (feed.key.0, feed.id)));
        }
        let mut contents = BTreeMap::new();
        for (first, count) in runs(spots) {
            if let Some(feed) = feeds.get(&first.feed) {
                self.read_run(node, *feed, first, count, &mut contents).await?;
            }
        }
        let entry = |Spot { place, block }: &Spot| {
            let content = contents.remove(block);
            let content = content.unwrap_or(Content::Unreadable(Unreadable::Gone));
            let id = MessageId { feed: block.feed, index: block.index };
            Entry { id, place: *place, content: self.shown(&block.feed, content) }
        };
        Ok(spots.iter().map(entry).collect())
    }

    /// Returns the last `most` messages that are `wanted`, before a position or of the whole
    /// room.
    ///
    /// # Errors
    /// Fails if the store cannot read its data, or the index fails.
    pub async fn find(
        &self,
        node: &Node,
        mut before: Option<Spot>,
        most: usize,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, Trouble> {
        let mut found = Vec::new();
        while found.len() < most {
            let page = self.page(node, before, PAGE_SPOTS).await?;
            let Some(first) = page.first() else { break };
            before = Some(first.spot());
            let left = most - found.len();
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
    ) -> Result<Option<(MessageId, Chat)>, Trouble> {
        let mark = self.envelope.channel_mark(channel);
        let is_shown = |feed: &[u8; 32]| !self.hidden.contains(feed);
        let mut before = None;
        loop {
            let spots = self.view.topics(&mark, before, is_shown, TOPICS_AT_ONCE)?;
            let Some(first) = spots.first() else { return Ok(None) };
            before = Some(*first);
            // A block that is no longer stored, as of a refused feed, sets no topic.
            for entry in self.entries(node, &spots).await?.into_iter().rev() {
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
        first: Block,
        count: u64,
        contents: &mut BTreeMap<Block, Content>,
    ) -> Result<(), Trouble> {
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

/// Groups consecutive blocks of a feed: the first block and the count.
fn runs(spots: &[Spot]) -> Vec<(Block, u64)> {
    let mut blocks: Vec<Block> = spots.iter().map(|spot| spot.block).collect();
    blocks.sort_unstable();
    let mut runs: Vec<(Block, u64)> = Vec::new();
    for block in blocks {
        match runs.last_mut() {
            Some((first, count))
                if first.feed == block.feed
                    && first.index.checked_add(*count) == Some(block.index)
                    && *count < READ_BLOCKS_MAX =>
            {
                *count += 1;
            }
            _ => runs.push((block, 1)),
        }
    }
    runs
}

/// Extracts what the index needs from a block.
fn arrival(envelope: &Envelope, name: Block, block: &[u8], content: &Content) -> Arrived {
    let claimed_ms = content.said().and_then(|chat| chat.time).map(Timestamp::as_millisecond);
    let topic_of = match content {
        Content::Topic(set) => Some(envelope.channel_mark(&set.channel)),
        _ => None,
    };
    let (digest, seen) = (message::digest(block), content.seen().to_vec());
    Arrived { block: name, digest, claimed_ms, seen, topic_of }
}

#[cfg(test)]
mod tests;
