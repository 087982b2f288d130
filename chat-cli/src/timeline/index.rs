//! Implements the index of a room: the known blocks and their order.
//!
//! Rule: everything in it can be rebuilt from the feeds, so it may be deleted at any time. Its
//! content depends on the set of blocks, not on their order of arrival.

mod channels;
mod ordering;
pub mod tables;
mod topics;

use std::fs::File;
use std::ops::Deref;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, WriteTransaction};

use self::tables::{
    ABOUT, BLOCKS, CHANNELS, FEEDS, IndexError, LOCAL_STATE, NewBlock, ORDER, REFERRERS, TOPICS,
    decode_block, decode_feed_state, failed,
};
use super::key::{Block, FIRST, Hlc, TimelineKey};
use crate::crash;
use crate::message::seen::{Head, SEEN_MAX};

/// The format version. An index of another version is rebuilt; the `marks` table of an older one
/// is kept.
const VERSION: u64 = 3;
/// The cache of the database. Chosen: small; the system caches the file too.
const CACHE_BYTES: usize = 8 << 20;

/// The most feeds that [`Index::missing`] returns. Chosen: bounds the list, as anyone can refer to
/// feeds that do not exist.
const MISSING_MAX: usize = 16;

/// The largest index that is verified completely when it is opened. Derivation: reading it takes
/// less than three seconds on a disk of 100 MB/s, and it has some 700,000 messages. Of a larger one
/// only what opening needs is verified.
const VERIFIED_BYTES_MAX: u64 = 256 << 20;

/// An index, on disk or in memory.
#[derive(Debug)]
pub struct Index {
    database: Closing,
    /// Whether the file was damaged and is rebuilt.
    is_rebuilt: bool,
}

/// A database whose closing does not panic. `None` only while being dropped.
#[derive(Debug)]
struct Closing(Option<Database>);

impl Deref for Closing {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.0.as_ref().expect("only drop takes the database")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let database = self.0.take();
        // Everything that must be durable was committed before.
        let _ = crash::catch(|| drop(database));
    }
}

/// Saved data about the user instead of the feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalState {
    /// The last message that was shown.
    pub read: Option<TimelineKey>,
    /// How many of our own messages another peer holds.
    pub replicated: u64,
}

/// When a change is durable. A crash loses later changes; their blocks are then read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// It is.
    Now,
    /// With the next durable change.
    Later,
}

/// Messages of a feed that are referred to but missing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingMessages {
    /// The key of the feed.
    pub feed: [u8; 32],
    /// Their unverified number.
    pub count: u64,
}

impl Index {
    /// Opens or creates an index in a file. A file that is damaged or of another version is
    /// rebuilt, which loses nothing.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn open(file: File) -> Result<Self, IndexError> {
        let io = |error: std::io::Error| failed(redb::Error::from(error));
        let second_handle = file.try_clone().map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        // The database panics on some corruption.
        let opened = crash::catch(|| Self::in_file(file, length).and_then(Self::checked));
        match opened {
            Some(Ok(view)) => Ok(view),
            Some(Err(_)) | None => {
                second_handle.set_len(0).map_err(io)?;
                let rebuilt = Self::in_file(second_handle, 0)?.checked()?;
                Ok(Self { is_rebuilt: length > 0, ..rebuilt })
            }
        }
    }

    /// Returns whether the file was damaged when it was opened: all messages are read again.
    pub fn is_rebuilt(&self) -> bool {
        self.is_rebuilt
    }

    /// Creates an index in memory.
    ///
    /// # Errors
    /// Fails if there is not enough memory.
    pub fn in_memory() -> Result<Self, IndexError> {
        let database = builder().create_with_backend(InMemoryBackend::new()).map_err(failed)?;
        Self::of(database).checked()
    }

    fn in_file(file: File, length: u64) -> Result<Self, IndexError> {
        let backend = FileBackend::new(file).map_err(failed)?;
        let mut builder = builder();
        builder.set_check_integrity_on_open(length <= VERIFIED_BYTES_MAX);
        Ok(Self::of(builder.create_with_backend(backend).map_err(failed)?))
    }

    fn of(database: Database) -> Self {
        Self { database: Closing(Some(database)), is_rebuilt: false }
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

    /// Removes all data of feeds.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn clear(&self) -> Result<(), IndexError> {
        let write = self.database.begin_write().map_err(failed)?;
        delete_order(&write)?;
        open_order(&write)?;
        write.commit().map_err(failed)
    }

    /// Adds blocks in any order, and returns the key of each. `own` is the user's feed. Known
    /// blocks change nothing.
    ///
    /// # Errors
    /// Fails if they cannot be written; then none of them was.
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

    /// Returns the saved data about the user.
    ///
    /// # Errors
    /// Fails if it cannot be read.
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

    /// Saves the read position.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn mark_read(&self, position: TimelineKey) -> Result<(), IndexError> {
        let write = self.begin_deferred()?;
        write
            .open_table(LOCAL_STATE)
            .map_err(failed)?
            .insert("read", &position.to_bytes())
            .map_err(failed)?;
        write.commit().map_err(failed)
    }

    /// Saves how many of our own messages another peer holds.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn mark_replicated(&self, length: u64) -> Result<(), IndexError> {
        let write = self.begin_deferred()?;
        write.open_table(ABOUT).map_err(failed)?.insert("elsewhere", length).map_err(failed)?;
        write.commit().map_err(failed)
    }

    /// Begins a change that becomes durable with the next durable one.
    fn begin_deferred(&self) -> Result<WriteTransaction, IndexError> {
        let mut write = self.database.begin_write().map_err(failed)?;
        write.set_durability(Durability::None).expect("no savepoint is ever made");
        Ok(write)
    }

    /// Returns the length of a feed that was read: one more than the highest index.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn read_length(&self, feed: &[u8; 32]) -> Result<u64, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let feeds = read.open_table(FEEDS).map_err(failed)?;
        let state = feeds.get(feed).map_err(failed)?;
        state.map_or(Ok(0), |found| Ok(decode_feed_state(found.value())?.read))
    }

    /// Returns the number of blocks.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn count(&self) -> Result<u64, IndexError> {
        use redb::ReadableTableMetadata;
        let read = self.database.begin_read().map_err(failed)?;
        read.open_table(ORDER).map_err(failed)?.len().map_err(failed)
    }

    /// Returns the last `count` positions before a position, or of all, in order.
    ///
    /// # Errors
    /// Fails if it cannot be read.
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

    /// Returns the first `count` positions from a position on, in order.
    ///
    /// # Errors
    /// Fails if it cannot be read.
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

    /// Returns the heads for our next message: the latest heads of feeds that have grown since
    /// our last message, [`SEEN_MAX`] at most.
    ///
    /// # Errors
    /// Fails if it cannot be read.
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
            // Without all earlier blocks the digest is unknown.
            if let Some(digest) = known.chain {
                heads.push((known.hlc, Head { feed, index: block.index, digest }));
            }
        }
        heads.sort_by_key(|(hlc, head)| std::cmp::Reverse((*hlc, head.feed)));
        Ok(heads.into_iter().take(SEEN_MAX).map(|(_, head)| head).collect())
    }

    /// Returns feeds with messages that are referred to but missing here, with the count. These
    /// are unverified claims.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn missing(&self) -> Result<Vec<MissingMessages>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let feeds = read.open_table(FEEDS).map_err(failed)?;
        let mut missing = Vec::new();
        for entry in feeds.iter().map_err(failed)? {
            let (feed, state) = entry.map_err(failed)?;
            let state = decode_feed_state(state.value())?;
            if state.referenced > state.read && missing.len() < MISSING_MAX {
                let count = state.referenced - state.read;
                missing.push(MissingMessages { feed: *feed.value(), count });
            }
        }
        Ok(missing)
    }

    /// Returns the key of a block, if it is known.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn hlc(&self, block: Block) -> Result<Option<Hlc>, IndexError> {
        let read = self.database.begin_read().map_err(failed)?;
        let blocks = read.open_table(BLOCKS).map_err(failed)?;
        let known = blocks.get(&block.to_bytes()).map_err(failed)?;
        known.map(|known| Ok(decode_block(known.value())?.hlc)).transpose()
    }
}

/// Returns the first position of a time key.
pub fn first_position_at(hlc: Hlc) -> TimelineKey {
    TimelineKey { hlc: hlc.max(FIRST), block: Block { feed: [0; 32], index: 0 } }
}

/// Creates the tables that are missing.
fn open_order(write: &WriteTransaction) -> Result<(), IndexError> {
    write.open_table(BLOCKS).map_err(failed)?;
    write.open_table(ORDER).map_err(failed)?;
    write.open_multimap_table(REFERRERS).map_err(failed)?;
    write.open_table(FEEDS).map_err(failed)?;
    write.open_table(CHANNELS).map_err(failed)?;
    write.open_table(TOPICS).map_err(failed)?;
    Ok(())
}

fn delete_order(write: &WriteTransaction) -> Result<(), IndexError> {
    write.delete_table(BLOCKS).map_err(failed)?;
    write.delete_table(ORDER).map_err(failed)?;
    write.delete_multimap_table(REFERRERS).map_err(failed)?;
    write.delete_table(FEEDS).map_err(failed)?;
    write.delete_table(CHANNELS).map_err(failed)?;
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
