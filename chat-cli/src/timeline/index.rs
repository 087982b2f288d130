//! The index of a room: which blocks are known, and in which order they stand.
//!
//! Rule: it holds nothing that the feeds do not, so it may be deleted at any time. And what it
//! says is a function of the set of blocks that it was given, not of the order in which they came.

mod ordering;
pub mod tables;
mod topics;

use std::fs::File;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, WriteTransaction};

use self::tables::{
    ABOUT, BLOCKS, FEEDS, IndexError, LOCAL_STATE, NewBlock, ORDER, REFERRERS, TOPICS,
    decode_block, decode_feed_state, failed,
};
use super::key::{Block, FIRST, Hlc, TimelineKey};
use crate::message::seen::{Head, SEEN_MAX};

/// Raised when what is written changes: an index of another version is made anew. Of those below,
/// the marks are kept.
const VERSION: u64 = 2;
/// Pages of the index that are kept in memory. The rest is the system's to keep.
const CACHE_BYTES: usize = 8 << 20;

/// The most feeds of which [`Index::missing`] tells: anybody can name feeds that do not exist.
const MISSING_MAX: usize = 16;

/// An index, on disk or in memory.
#[derive(Debug)]
pub struct Index {
    database: Database,
}

/// What is written down about the user, and not about the feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalState {
    /// The last message that was on the screen.
    pub read: Option<TimelineKey>,
    /// How many of our own messages were on some other disk.
    pub replicated: u64,
}

/// Whether what is written is on the disk when the call returns. A crash loses what is not, and
/// then it is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// It is.
    Now,
    /// It will be with the next one that is.
    Later,
}

impl Index {
    /// Opens an index in a file of its own, or makes it. What is no index of this version is made
    /// anew: it holds nothing that cannot be had again.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn open(file: File) -> Result<Self, IndexError> {
        let second_handle = file.try_clone().map_err(redb::Error::from).map_err(failed)?;
        match Self::in_file(file).and_then(Self::checked) {
            Ok(view) => Ok(view),
            Err(_) => {
                second_handle.set_len(0).map_err(redb::Error::from).map_err(failed)?;
                Self::in_file(second_handle)?.checked()
            }
        }
    }

    /// An index that is gone with the process.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn in_memory() -> Result<Self, IndexError> {
        let database = builder().create_with_backend(InMemoryBackend::new()).map_err(failed)?;
        Self { database }.checked()
    }

    fn in_file(file: File) -> Result<Self, IndexError> {
        let backend = FileBackend::new(file).map_err(failed)?;
        Ok(Self { database: builder().create_with_backend(backend).map_err(failed)? })
    }

    fn checked(self) -> Result<Self, IndexError> {
        let write = self.database.begin_write().map_err(failed)?;
        {
            let mut about = write.open_table(ABOUT).map_err(failed)?;
            let mut is_older = false;
            let version = about.get("version").map_err(failed)?.map(|found| found.value());
            match version {
                None => drop(about.insert("version", VERSION).map_err(failed)?),
                Some(VERSION) => {}
                Some(..VERSION) => {
                    about.insert("version", VERSION).map_err(failed)?;
                    is_older = true;
                }
                Some(other) => {
                    let what = format!("it is of version {other}");
                    return Err(failed(redb::Error::Corrupted(what)));
                }
            }
            if is_older {
                delete_order(&write)?;
            }
            open_order(&write)?;
            write.open_table(LOCAL_STATE).map_err(failed)?;
        }
        write.commit().map_err(failed)?;
        Ok(self)
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn clear(&self) -> Result<(), IndexError> {
        let write = self.database.begin_write().map_err(failed)?;
        delete_order(&write)?;
        open_order(&write)?;
        write.commit().map_err(failed)
    }

    /// Takes blocks, in any order, and gives the place of each. `own` is the feed whose messages
    /// are ours. Blocks that are known already change nothing.
    ///
    /// # Errors
    /// If they cannot be written; then none of them was.
    pub fn add(
        &self,
        blocks: &[NewBlock],
        own: &[u8; 32],
        flush: Flush,
    ) -> Result<Vec<Hlc>, IndexError> {
        let write = match flush {
            Flush::Now => self.database.begin_write().map_err(failed)?,
            Flush::Later => self.begin_deferred()?,
        };
        let hlcs = ordering::Tables::open(&write)?.add(blocks, own)?;
        write.commit().map_err(failed)?;
        Ok(hlcs)
    }

    /// What was written down here about the user's own reading and writing.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn local_state(&self) -> Result<LocalState, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let local_state = read.open_table(LOCAL_STATE).map_err(failed)?;
        let about = read.open_table(ABOUT).map_err(failed)?;
        let position = local_state
            .get("read")
            .map_err(failed)?
            .map(|found| TimelineKey::from_bytes(found.value()));
        let replicated = about.get("elsewhere").map_err(failed)?.map_or(0, |found| found.value());
        Ok(LocalState { read: position, replicated })
    }

    /// Writes down up to where the user has read.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn mark_read(&self, position: TimelineKey) -> Result<(), IndexError> {
        let write = self.begin_deferred()?;
        write
            .open_table(LOCAL_STATE)
            .map_err(failed)?
            .insert("read", &position.to_bytes())
            .map_err(failed)?;
        write.commit().map_err(failed)
    }

    /// Writes down how many of our own messages are on some other disk.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn mark_replicated(&self, length: u64) -> Result<(), IndexError> {
        let write = self.begin_deferred()?;
        write.open_table(ABOUT).map_err(failed)?.insert("elsewhere", length).map_err(failed)?;
        write.commit().map_err(failed)
    }

    /// A change that is on the disk with the next one that waits for it.
    fn begin_deferred(&self) -> Result<WriteTransaction, IndexError> {
        let mut write = self.database.begin_write().map_err(failed)?;
        write.set_durability(Durability::None).expect("no savepoint is ever made");
        Ok(write)
    }

    /// Up to where a feed was read: one more than the highest index that was added.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_length(&self, feed: &[u8; 32]) -> Result<u64, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let feeds = read.open_table(FEEDS).map_err(failed)?;
        let state = feeds.get(feed).map_err(failed)?;
        state.map_or(Ok(0), |found| Ok(decode_feed_state(found.value())?.read))
    }

    /// How many blocks are in it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn count(&self) -> Result<u64, IndexError> {
        use redb::ReadableTableMetadata;
        let read = self.database.begin_read().map_err(failed)?;
        read.open_table(ORDER).map_err(failed)?.len().map_err(failed)
    }

    /// The last `count` messages before a spot, or of all, in their order.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn before(
        &self,
        position: Option<TimelineKey>,
        count: usize,
    ) -> Result<Vec<TimelineKey>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let order = read.open_table(ORDER).map_err(failed)?;
        let end = position.map(TimelineKey::to_bytes);
        let run = match &end {
            Some(end) => order.range::<&[u8; 56]>(..end),
            None => order.range::<&[u8; 56]>(..),
        };
        let mut positions = Vec::new();
        for entry in run.map_err(failed)?.rev().take(count) {
            positions.push(TimelineKey::from_bytes(entry.map_err(failed)?.0.value()));
        }
        positions.reverse();
        Ok(positions)
    }

    /// The first `count` messages from a spot on, in their order.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn from(
        &self,
        position: TimelineKey,
        count: usize,
    ) -> Result<Vec<TimelineKey>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let order = read.open_table(ORDER).map_err(failed)?;
        let run = order.range::<&[u8; 56]>(&position.to_bytes()..).map_err(failed)?;
        run.take(count)
            .map(|entry| Ok(TimelineKey::from_bytes(entry.map_err(failed)?.0.value())))
            .collect()
    }

    /// What our next message names: of the feeds that have grown since we last named them, those
    /// whose last messages stand latest, [`SEEN_MAX`] at most.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn seen(&self, own: &[u8; 32]) -> Result<Vec<Head>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let (feeds, blocks) =
            (read.open_table(FEEDS).map_err(failed)?, read.open_table(BLOCKS).map_err(failed)?);
        let mut heads = Vec::new();
        for entry in feeds.iter().map_err(failed)? {
            let (feed, state) = entry.map_err(failed)?;
            let (feed, state) = (*feed.value(), decode_feed_state(state.value())?);
            if feed == *own || state.read <= state.named {
                continue;
            }
            let block = Block { feed, index: state.read - 1 };
            let known = blocks.get(&block.to_bytes()).map_err(failed)?;
            let Some(known) = known else { continue };
            let known = decode_block(known.value())?;
            // Without all that is before it, nobody can hold the name against the feed.
            if let Some(digest) = known.chain {
                heads.push((known.hlc, Head { feed, index: block.index, digest }));
            }
        }
        heads.sort_by_key(|(hlc, head)| std::cmp::Reverse((*hlc, head.feed)));
        Ok(heads.into_iter().take(SEEN_MAX).map(|(_, head)| head).collect())
    }

    /// Feeds of which messages name more than is here, with how many messages that is. It is what
    /// their authors claim.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn missing(&self) -> Result<Vec<([u8; 32], u64)>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let feeds = read.open_table(FEEDS).map_err(failed)?;
        let mut missing = Vec::new();
        for entry in feeds.iter().map_err(failed)? {
            let (feed, state) = entry.map_err(failed)?;
            let state = decode_feed_state(state.value())?;
            if state.referenced > state.read && missing.len() < MISSING_MAX {
                missing.push((*feed.value(), state.referenced - state.read));
            }
        }
        Ok(missing)
    }

    /// The place of a block, if it is here.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn hlc(&self, block: Block) -> Result<Option<Hlc>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let blocks = read.open_table(BLOCKS).map_err(failed)?;
        let known = blocks.get(&block.to_bytes()).map_err(failed)?;
        known.map(|known| Ok(decode_block(known.value())?.hlc)).transpose()
    }
}

/// The first spot of a time.
pub fn first_position_at(hlc: Hlc) -> TimelineKey {
    TimelineKey { hlc: hlc.max(FIRST), block: Block { feed: [0; 32], index: 0 } }
}

/// Makes the tables of the order, where they are not there.
fn open_order(write: &WriteTransaction) -> Result<(), IndexError> {
    write.open_table(BLOCKS).map_err(failed)?;
    write.open_table(ORDER).map_err(failed)?;
    write.open_multimap_table(REFERRERS).map_err(failed)?;
    write.open_table(FEEDS).map_err(failed)?;
    write.open_table(TOPICS).map_err(failed)?;
    Ok(())
}

fn delete_order(write: &WriteTransaction) -> Result<(), IndexError> {
    write.delete_table(BLOCKS).map_err(failed)?;
    write.delete_table(ORDER).map_err(failed)?;
    write.delete_multimap_table(REFERRERS).map_err(failed)?;
    write.delete_table(FEEDS).map_err(failed)?;
    write.delete_table(TOPICS).map_err(failed)?;
    Ok(())
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

#[cfg(test)]
mod tests;
