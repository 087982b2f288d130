//! An application's complete view of a multifeed, for comparisons.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use multifeed_core::{Config, Event, FeedId, FeedKey, Group, Seed};
use multifeed_store::Store;
use multifeed_tests::Node;

use crate::report::Wrong;

/// What is known of each existing feed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct View(pub(crate) BTreeMap<FeedKey, Seen>);

/// One feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) length: u64,
    pub(crate) tree_hash: Option<[u8; 32]>,
    pub(crate) is_refused: bool,
    /// The held blocks, by index.
    pub(crate) blocks: BTreeMap<u64, Bytes>,
    /// Those that cannot be read.
    pub(crate) damaged: Vec<u64>,
}

/// The group of all disks here.
pub(crate) fn config(seed: u8) -> Config {
    Config::new(Group::keyed([8; 32]), Seed::new([seed; 32]))
}

/// The result of a read.
pub(crate) enum Read {
    Blocks(Vec<Bytes>),
    /// They were cleared, up to this one.
    Missing(u64),
    Failed,
}

/// Reads the first of some blocks, as many as one reply contains.
pub(crate) fn read<S: Store>(node: &mut Node<S>, feed: FeedId, run: Range<u64>) -> Option<Read> {
    let request = node.multifeed.read(feed, run.start, run.end).ok()?;
    let before = node.events.len();
    node.drain();
    node.events[before..].iter().find_map(|event| match event {
        Event::Blocks { request: of, blocks, .. } if *of == request => {
            Some(Read::Blocks(blocks.clone()))
        }
        Event::Missing { request: of, end, .. } if *of == request => Some(Read::Missing(*end)),
        Event::Failed { request: of, .. } if *of == request => Some(Read::Failed),
        _ => None,
    })
}

impl View {
    /// Everything that a multifeed shows; nothing if it did not open.
    pub(crate) fn of<S: Store>(node: &mut Node<S>) -> Self {
        let feeds: Vec<(FeedId, FeedKey, u64, bool)> = node
            .multifeed
            .feeds()
            .map(|feed| (feed.id, feed.key, feed.length, feed.is_refused))
            .collect();
        let seen = feeds.into_iter().map(|(id, key, length, is_refused)| {
            let (blocks, damaged) = blocks(node, id, length);
            let tree_hash = node.multifeed.tree_hash(id);
            (key, Seen { length, tree_hash, is_refused, blocks, damaged })
        });
        Self(seen.collect())
    }

    /// The number of blocks that cannot be read.
    pub(crate) fn damaged(&self) -> usize {
        self.0.values().map(|seen| seen.damaged.len()).sum()
    }

    /// Whether everything of an earlier view is still present.
    pub(crate) fn keeps(&self, earlier: &Self) -> Result<(), Wrong> {
        for (key, before) in &earlier.0 {
            let now = self.0.get(key).map(|seen| &seen.blocks);
            let is_there = |(index, block)| now.is_some_and(|now| now.get(index) == Some(block));
            if !before.blocks.iter().all(is_there) {
                return Err(Wrong::Lost(format!("blocks of {key:?} are missing")));
            }
        }
        Ok(())
    }
}

fn blocks<S: Store>(
    node: &mut Node<S>,
    feed: FeedId,
    length: u64,
) -> (BTreeMap<u64, Bytes>, Vec<u64>) {
    let (mut held, mut damaged) = (BTreeMap::new(), Vec::new());
    let (mut at, mut end) = (0, length);
    while at < length {
        match read(node, feed, at..end) {
            Some(Read::Blocks(blocks)) => {
                let next = at + blocks.len() as u64;
                held.extend((at..).zip(blocks));
                (at, end) = (next, length);
            }
            Some(Read::Missing(next)) => (at, end) = (next, length),
            // The rest is read one by one to find the unreadable ones.
            Some(Read::Failed) if end > at + 1 => end = at + 1,
            Some(Read::Failed) | None => {
                damaged.push(at);
                (at, end) = (at + 1, at + 2);
            }
        }
    }
    (held, damaged)
}

/// The error reported while opening.
pub(crate) fn complaint<S>(node: &Node<S>) -> Option<&Event> {
    node.events.iter().find(|event| {
        matches!(
            event,
            Event::OpenFailed(_)
                | Event::FeedBroken { .. }
                | Event::RulingBroken { .. }
                | Event::Contested { .. }
                | Event::Failed { .. }
        )
    })
}
