//! All feeds of a room as one conversation.
//!
//! Rule: the order is the same on every machine that holds the same blocks. It goes by the time
//! that the author claims, which counts as no earlier than that of the message before it in the
//! same feed; then by the feed's key; then by the place in the feed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use multifeed_core::FeedKey;
use multifeed_tcp::{Node, NodeError};

use crate::lines::MessageId;
use crate::message::{self, Content};

/// Blocks that are read at once: a block of a stranger has up to a mebibyte.
const READ_BLOCKS_MAX: u64 = 64;
/// Blocks of all feeds that one step looks at, so that a long catch-up shows something meanwhile.
const STEP_BLOCKS_MAX: u64 = 4_096;

/// One message in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub id: MessageId,
    /// Where it stands in time: what its author claims, held to the order of his feed.
    pub place: Timestamp,
    /// What it says.
    pub content: Content,
}

impl Entry {
    fn order(&self) -> (Timestamp, [u8; 32], u64) {
        (self.place, self.id.feed, self.id.index)
    }
}

/// How far each feed was read.
#[derive(Debug, Default)]
pub struct Timeline {
    cursors: BTreeMap<[u8; 32], Cursor>,
}

#[derive(Clone, Copy, Debug)]
struct Cursor {
    next: u64,
    clock: Timestamp,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { next: 0, clock: Timestamp::MIN }
    }
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
    /// Reads on in the feeds that have grown.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn step(&mut self, node: &Node) -> Result<Step, NodeError> {
        let mut step = Step::default();
        let mut left = STEP_BLOCKS_MAX;
        for feed in node.feeds().await? {
            let mut next = self.next(&feed.key);
            while next < feed.length && left > 0 {
                let end = feed.length.min(next + READ_BLOCKS_MAX.min(left));
                let blocks = node.read(feed.id, next..end).await?;
                step.entries.extend(blocks.iter().map(|block| self.place(feed.key, block)));
                left -= end - next;
                next = end;
            }
            step.more |= next < feed.length;
        }
        step.entries.sort_by_key(Entry::order);
        Ok(step)
    }

    /// Reads all that is there and gives the last `keep` messages, of those from `since` on.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
    pub async fn history(
        &mut self,
        node: &Node,
        keep: usize,
        since: Option<Timestamp>,
    ) -> Result<Vec<Entry>, NodeError> {
        let mut last = Vec::new();
        loop {
            let step = self.step(node).await?;
            let wanted = |entry: &Entry| since.is_none_or(|since| entry.place >= since);
            last.extend(step.entries.into_iter().filter(wanted));
            last.sort_by_key(Entry::order);
            last.drain(..last.len().saturating_sub(keep));
            if !step.more {
                return Ok(last);
            }
        }
    }

    /// Gives the next block of a feed its place.
    pub fn place(&mut self, feed: FeedKey, block: &[u8]) -> Entry {
        let cursor = self.cursors.entry(feed.0).or_default();
        let id = MessageId { feed: feed.0, index: cursor.next };
        let content = message::decode(block);
        if let Content::Chat(chat) = &content {
            cursor.clock = cursor.clock.max(chat.time.unwrap_or(cursor.clock));
        }
        cursor.next += 1;
        Entry { id, place: cursor.clock, content }
    }

    /// How many blocks of a feed were read.
    pub fn next(&self, feed: &FeedKey) -> u64 {
        self.cursors.get(&feed.0).map_or(0, |cursor| cursor.next)
    }
}

/// Puts messages into the order of the timeline.
pub fn sort(entries: &mut [Entry]) {
    entries.sort_by_key(Entry::order);
}

#[cfg(test)]
mod tests;
