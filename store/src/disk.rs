//! A store in one file.
//!
//! Rule: only this file and its submodules know the storage engine.

mod backend;
mod checksum;
mod engine;
mod file;
mod overlay;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use redb::{Database, ReadableDatabase, TableDefinition};

use self::backend::Backend;
use self::engine::{catch_panic, failure as engine_failure};
use self::overlay::Overlay;
use crate::failure::{Failure, FailureKind};
use crate::medium::Medium;
use crate::scan::Scan;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// Version of the file format that this crate writes.
pub const FORMAT_VERSION: u64 = 1;

/// The engine's page cache. The upper levels of the tree, which every append walks, must fit:
/// measured with 16 MiB in the README ("Why redb"), where a file with 500,000 blocks needs 21 MB of
/// memory in all. Blocks are read once and the operating system caches them, so more does not help.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

const ENTRIES: TableDefinition<'_, &[u8; 13], &[u8]> = TableDefinition::new("entries");
const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("format");

/// How much of a file is verified when it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// Verifies what opening needs: everything if the last program did not close the file, little
    /// otherwise. Each value is verified when it is read.
    Quick,
    /// Verifies every page against the engine's checksum tree. Also detects missing keys.
    Full,
}

/// A store in one file, which holds all feeds of a group. It needs one file descriptor and no
/// thread, and syncs once per group of commits. A second open of the same file fails with
/// [`FailureKind::Locked`].
///
/// A corrupt value is read as empty. Other corruption causes [`FailureKind::Damaged`]. It never
/// causes a panic unless the program is built with `panic = "abort"`: the engine panics on some
/// corruption, and this store catches the panic.
#[derive(Debug)]
pub struct DiskStore {
    path: PathBuf,
    /// `None` after a failed commit.
    database: Option<Database>,
    /// Why the commit failed after which the store is closed.
    failed: Option<FailureKind>,
    /// Whether every commit is refused.
    is_read_only: bool,
    /// Buffer for the stored form of one value, kept to reuse its allocation.
    stored: Vec<u8>,
}

impl DiskStore {
    /// Opens the store in this file, or creates it.
    ///
    /// A created file is private to its owner (mode 0600; missing folders get 0700) and appears
    /// under its name only once it is complete. A symbolic link in place of the file is refused.
    pub fn open(path: impl AsRef<Path>, check: Check) -> Result<Self, Failure> {
        let path = path.as_ref();
        match file::open(path).map_err(|failure| failure.with_path(path))? {
            file::Opened::Existing(file) => Self::start(file, path, Content::Complete(check)),
            file::Opened::Created(file, unpublished) => {
                let store = Self::start(file, path, Content::Empty)?;
                unpublished.publish().map_err(|error| Failure::from_io(error).with_path(path))?;
                Ok(store)
            }
        }
    }

    /// Opens the store in this file for reading; the file is not changed, even if the last program
    /// did not close it. Every commit fails with [`FailureKind::ReadOnly`].
    ///
    /// Several handles may read one file, and none while a handle of [`open`](Self::open) exists.
    pub fn open_read_only(path: impl AsRef<Path>, check: Check) -> Result<Self, Failure> {
        let path = path.as_ref();
        let file = file::open_read_only(path).map_err(|failure| failure.with_path(path))?;
        let medium = Overlay::new(file).map_err(|error| Failure::from_io(error).with_path(path))?;
        let mut store = Self::start(medium, path, Content::Complete(check))?;
        store.is_read_only = true;
        Ok(store)
    }

    /// Creates a store on a medium other than a file, and erases the medium. Failures name `path`.
    /// The medium is not locked.
    pub fn create_on(medium: impl Medium, path: impl AsRef<Path>) -> Result<Self, Failure> {
        let path = path.as_ref();
        medium.set_length(0).map_err(|error| Failure::from_io(error).with_path(path))?;
        Self::start(medium, path, Content::Empty)
    }

    /// Opens a store that [`create_on`](Self::create_on) created.
    pub fn open_on(
        medium: impl Medium,
        path: impl AsRef<Path>,
        check: Check,
    ) -> Result<Self, Failure> {
        Self::start(medium, path.as_ref(), Content::Complete(check))
    }

    fn start(medium: impl Medium, path: &Path, content: Content) -> Result<Self, Failure> {
        let database = catch_panic(|| open_database(medium, content));
        let database = database.map_err(|failure| failure.with_path(path))?;
        // Made before the checks below, so that its `drop` closes the file if they fail.
        let (path, database, stored) = (path.to_path_buf(), Some(database), Vec::new());
        let store = Self { path, database, failed: None, is_read_only: false, stored };
        store.with_database(|database| match content {
            Content::Empty => create_tables(database),
            Content::Complete(_) => check_format(database),
        })?;
        Ok(store)
    }

    /// Runs a read of the engine, unless the store is closed.
    fn with_database<T>(
        &self,
        call: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(database) = &self.database else {
            return Err(Failure::closed(self.failed).with_path(&self.path));
        };
        catch_panic(|| call(database)).map_err(|failure| failure.with_path(&self.path))
    }
}

impl Store for DiskStore {
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure> {
        self.with_database(|database| {
            let entries = database.begin_read().map_err(engine_failure)?;
            let entries = entries.open_table(ENTRIES).map_err(engine_failure)?;
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                let stored = entries.get(key.as_bytes()).map_err(engine_failure)?;
                values.push(stored.map(|stored| checksum::decode(key, stored.value())));
            }
            Ok(values)
        })
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure> {
        self.with_database(|database| {
            if scan.is_empty() {
                return Ok(Vec::new());
            }
            let entries = database.begin_read().map_err(engine_failure)?;
            let entries = entries.open_table(ENTRIES).map_err(engine_failure)?;
            let range = entries.range::<&[u8; 13]>(scan.from.as_bytes()..scan.until.as_bytes());
            scan.collect(range.map_err(engine_failure)?.map(|entry| {
                let (key, stored) = entry.map_err(engine_failure)?;
                let key = StoreKey::from_bytes(*key.value());
                // A corrupt page can contain any key. The core must get only keys that it asked
                // for.
                if !scan.contains(key) {
                    return Err(Failure::new(FailureKind::Damaged));
                }
                Ok((key, checksum::decode(&key, stored.value())))
            }))
        })
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        if self.is_read_only {
            return Err(Failure::new(FailureKind::ReadOnly).with_path(&self.path));
        }
        let Some(database) = self.database.take() else {
            return Err(Failure::closed(self.failed).with_path(&self.path));
        };
        let written = catch_panic(|| write(&database, commits, &mut self.stored));
        match &written {
            Ok(()) => self.database = Some(database),
            // After a failed sync the file's contents are unknown: the kernel may have dropped the
            // dirty pages and marked them clean (LWN, "PostgreSQL's fsync() surprise",
            // https://lwn.net/Articles/752063/). So the file must be closed and read again.
            Err(failure) => {
                self.failed = Some(failure.kind());
                engine::close(database);
            }
        }
        written.map_err(|failure| failure.with_path(&self.path))
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        if let Some(database) = self.database.take() {
            engine::close(database);
        }
    }
}

/// What a file is expected to contain.
#[derive(Clone, Copy)]
enum Content {
    Empty,
    Complete(Check),
}

/// Opens the engine on a medium.
fn open_database(medium: impl Medium, content: Content) -> Result<Database, Failure> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    if let Content::Complete(check) = content {
        // The engine would create a new database in an empty file. A complete file is never empty,
        // so this one has lost its contents.
        if medium.length().map_err(Failure::from_io)? == 0 {
            return Err(Failure::new(FailureKind::Damaged));
        }
        builder.set_check_integrity_on_open(check == Check::Full);
    }
    builder.create_with_backend(Backend(medium)).map_err(engine_failure)
}

/// Checks that the file has our format.
fn check_format(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_read().map_err(engine_failure)?;
    let format = transaction.open_table(FORMAT).map_err(engine_failure)?;
    let version = format.get("version").map_err(engine_failure)?.map(|version| version.value());
    match version {
        Some(FORMAT_VERSION) => Ok(()),
        Some(found) if found > FORMAT_VERSION => Err(Failure::new(FailureKind::TooNew { found })),
        _ => Err(Failure::new(FailureKind::Damaged)),
    }
}

fn create_tables(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_write().map_err(engine_failure)?;
    transaction.open_table(ENTRIES).map_err(engine_failure)?;
    let mut format = transaction.open_table(FORMAT).map_err(engine_failure)?;
    format.insert("version", FORMAT_VERSION).map_err(engine_failure)?;
    drop(format);
    transaction.commit().map_err(engine_failure)
}

/// Writes a group in one transaction with one sync.
///
/// The engine's two-phase commit and quick repair stay off: each costs a second sync per commit,
/// and together they save only one read of the whole file after a crash (README, "Why redb").
fn write(database: &Database, commits: &[&[Write]], stored: &mut Vec<u8>) -> Result<(), Failure> {
    if commits.iter().all(|writes| writes.is_empty()) {
        return Ok(());
    }
    let transaction = database.begin_write().map_err(engine_failure)?;
    let mut entries = transaction.open_table(ENTRIES).map_err(engine_failure)?;
    for write in commits.iter().copied().flatten() {
        match write {
            Write::Put(key, value) => {
                checksum::encode(key, value, stored);
                entries.insert(key.as_bytes(), stored.as_slice()).map_err(engine_failure)?;
            }
            Write::Delete(key) => {
                entries.remove(key.as_bytes()).map_err(engine_failure)?;
            }
        }
    }
    drop(entries);
    transaction.commit().map_err(engine_failure)
}
