//! A store in one file.
//!
//! Rule: only this file and the ones below it know the engine, and nothing that a file can hold
//! makes them panic outwards.

mod file;
mod medium;
mod seal;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use redb::{Database, ReadableDatabase, TableDefinition};

use crate::{Failure, FailureKind, Scan, Store};

pub use medium::Medium;

use medium::Backend;

#[cfg(test)]
mod tests;

/// The version of what this crate writes into a file.
pub const FORMAT_VERSION: u64 = 1;

/// Bytes of pages kept in memory. The first of the levels that every append walks fit; blocks are
/// read once and cached by the operating system.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

const ENTRIES: TableDefinition<'_, &[u8; 13], &[u8]> = TableDefinition::new("entries");
const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("format");

/// How much of a file is read before it is trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// What opening needs; all of it if the last program that had it open did not close it. Each
    /// value is checked when it is read.
    Quick,
    /// Every page, against the engine's tree of checksums. Also finds keys that went missing.
    Whole,
}

/// A store in one file, which holds all feeds of a group: one descriptor, no thread, and one sync
/// for each group of commits. Another open of the same file fails with [`FailureKind::Locked`].
///
/// A damaged value is read as an empty one, and what else is damaged gives
/// [`FailureKind::Damaged`]; never a panic, unless the program is built with `panic = "abort"`: the
/// engine panics on some damage, and this store catches that.
#[derive(Debug)]
pub struct DiskStore {
    path: PathBuf,
    /// `None` after a failed commit.
    database: Option<Database>,
    /// The stored form of one value, kept for its memory.
    sealed: Vec<u8>,
}

impl DiskStore {
    /// Opens the store in this file. Without a file there, it makes one, for its owner alone
    /// (0600, and 0700 for folders that are missing on the way), which appears under its name only
    /// when it is complete.
    ///
    /// A symbolic link in place of the file is refused.
    pub fn open(path: impl AsRef<Path>, check: Check) -> Result<Self, Failure> {
        let path = path.as_ref();
        match file::open(path).map_err(|failure| failure.at(path))? {
            file::Opened::Existing(backend) => Self::with(backend, path, State::Complete(check)),
            file::Opened::Fresh(backend, unpublished) => {
                let store = Self::with(backend, path, State::Empty)?;
                unpublished.publish().map_err(|error| Failure::from_io(error).at(path))?;
                Ok(store)
            }
        }
    }

    /// Makes a store on something else than a file, and forgets what lay there. Failures name
    /// `path`; nobody is kept from opening the same medium again.
    pub fn create_on(medium: impl Medium, path: impl AsRef<Path>) -> Result<Self, Failure> {
        let path = path.as_ref();
        medium.set_length(0).map_err(|error| Failure::from_io(error).at(path))?;
        Self::with(medium, path, State::Empty)
    }

    /// Opens a store that [`create_on`](Self::create_on) made.
    pub fn open_on(
        medium: impl Medium,
        path: impl AsRef<Path>,
        check: Check,
    ) -> Result<Self, Failure> {
        Self::with(medium, path.as_ref(), State::Complete(check))
    }

    fn with(medium: impl Medium, path: &Path, state: State) -> Result<Self, Failure> {
        let database = guarded(|| start(medium, state)).map_err(|failure| failure.at(path))?;
        Ok(Self { path: path.to_path_buf(), database: Some(database), sealed: Vec::new() })
    }

    /// Runs a reading call of the engine.
    fn look<T>(&self, call: impl FnOnce(&Database) -> Result<T, Failure>) -> Result<T, Failure> {
        let Some(database) = &self.database else {
            return Err(Failure::new(FailureKind::Closed).at(&self.path));
        };
        guarded(|| call(database)).map_err(|failure| failure.at(&self.path))
    }
}

impl Store for DiskStore {
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure> {
        self.look(|database| {
            let entries = database.begin_read().map_err(engine)?;
            let entries = entries.open_table(ENTRIES).map_err(engine)?;
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                let sealed = entries.get(key.as_bytes()).map_err(engine)?;
                values.push(sealed.map(|sealed| seal::open(key, sealed.value())));
            }
            Ok(values)
        })
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure> {
        self.look(|database| {
            if scan.is_empty() {
                return Ok(Vec::new());
            }
            let entries = database.begin_read().map_err(engine)?;
            let entries = entries.open_table(ENTRIES).map_err(engine)?;
            let run = entries.range::<&[u8; 13]>(scan.from.as_bytes()..scan.until.as_bytes());
            scan.take(run.map_err(engine)?.map(|entry| {
                let (key, sealed) = entry.map_err(engine)?;
                let key = StoreKey::from_bytes(*key.value());
                // A damaged page can hold any key, and the core must get none that it did not
                // ask for.
                if !scan.wants(key) {
                    return Err(Failure::new(FailureKind::Damaged));
                }
                Ok((key, seal::open(&key, sealed.value())))
            }))
        })
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        let Some(database) = self.database.take() else {
            return Err(Failure::new(FailureKind::Closed).at(&self.path));
        };
        // On a failure the database is dropped in here, since its state is of unknown truth; its
        // last acts can panic too.
        let sealed = &mut self.sealed;
        let written = guarded(move || {
            write(&database, commits, sealed)?;
            Ok(database)
        });
        self.database = Some(written.map_err(|failure| failure.at(&self.path))?);
        Ok(())
    }
}

/// The engine closes its file when it is dropped, which panics on some damage as well.
impl Drop for DiskStore {
    fn drop(&mut self) {
        let database = self.database.take();
        // Closing adds nothing to what is durable, so that it failed is nothing to tell.
        let _ = guarded(move || {
            drop(database);
            Ok(())
        });
    }
}

/// What a file is expected to hold.
#[derive(Clone, Copy)]
enum State {
    Empty,
    Complete(Check),
}

/// Opens the engine on a medium, and checks that the format is ours.
fn start(medium: impl Medium, state: State) -> Result<Database, Failure> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    let State::Complete(check) = state else {
        let database = builder.create_with_backend(Backend(medium)).map_err(engine)?;
        make_tables(&database)?;
        return Ok(database);
    };
    // The engine would make a new database of it; but complete files are never empty, so this one
    // has lost all that it held.
    if medium.length().map_err(Failure::from_io)? == 0 {
        return Err(Failure::new(FailureKind::Damaged));
    }
    builder.set_check_integrity_on_open(check == Check::Whole);
    let database = builder.create_with_backend(Backend(medium)).map_err(engine)?;
    let format = database.begin_read().map_err(engine)?.open_table(FORMAT).map_err(engine)?;
    let version = format.get("version").map_err(engine)?.map(|version| version.value());
    match version {
        Some(FORMAT_VERSION) => Ok(database),
        Some(found) if found > FORMAT_VERSION => Err(Failure::new(FailureKind::TooNew { found })),
        _ => Err(Failure::new(FailureKind::Damaged)),
    }
}

fn make_tables(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_write().map_err(engine)?;
    transaction.open_table(ENTRIES).map_err(engine)?;
    let mut format = transaction.open_table(FORMAT).map_err(engine)?;
    format.insert("version", FORMAT_VERSION).map_err(engine)?;
    drop(format);
    transaction.commit().map_err(engine)
}

/// One transaction with one sync. Without the engine's two-phase commit and quick repair, which
/// cost a second sync and save a reading of the whole file after a crash.
fn write(database: &Database, commits: &[&[Write]], sealed: &mut Vec<u8>) -> Result<(), Failure> {
    if commits.iter().all(|writes| writes.is_empty()) {
        return Ok(());
    }
    let transaction = database.begin_write().map_err(engine)?;
    let mut entries = transaction.open_table(ENTRIES).map_err(engine)?;
    for write in commits.iter().copied().flatten() {
        match write {
            Write::Put(key, value) => {
                seal::close(key, value, sealed);
                entries.insert(key.as_bytes(), sealed.as_slice()).map_err(engine)?;
            }
            Write::Delete(key) => {
                entries.remove(key.as_bytes()).map_err(engine)?;
            }
        }
    }
    drop(entries);
    transaction.commit().map_err(engine)
}

/// Calls the engine and turns a panic, which it answers some damage with, into a failure.
fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Unwind safety: a commit that panics takes the database with it, and a read that panics has
    // changed nothing but the engine's caches, whose locks are then poisoned and fail in turn.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Failure::new(FailureKind::Damaged).because(words.unwrap_or_default()))
    })
}

/// What an error of the engine means.
fn engine(error: impl Into<redb::Error>) -> Failure {
    match error.into() {
        redb::Error::Io(error) => Failure::from_io(error),
        error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed) => {
            Failure::new(FailureKind::Closed).because(error)
        }
        error @ redb::Error::ValueTooLarge(_) => Failure::new(FailureKind::Io).because(error),
        // Bad pages, and tables that are missing or not of our types. What else there is answers
        // calls that this file never makes.
        error => Failure::new(FailureKind::Damaged).because(error),
    }
}
