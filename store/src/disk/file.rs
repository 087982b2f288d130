//! The store's file: creation, access mode and lock.
//!
//! Rule: a file under its final name is complete, and the process that uses it holds its lock.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::engine;
use crate::failure::{Failure, FailureKind};
use crate::medium::Medium;

/// Attempts to open a file that other processes create or remove at the same time. One retry is
/// enough per competing process that publishes or removes; eight is a judgement, and the test
/// `concurrent_creators_make_one_file` runs eight competitors.
const OPEN_ATTEMPTS_MAX: usize = 8;

/// A locked file.
pub(super) enum Opened {
    /// The file existed.
    Existing(LockedFile),
    /// The file is new and empty. It has a temporary name until it is published.
    Created(LockedFile, Unpublished),
}

/// A file that still has its temporary name.
pub(super) struct Unpublished {
    from: PathBuf,
    to: PathBuf,
}

impl Unpublished {
    /// Renames the file to its final name, durably.
    pub(super) fn publish(self) -> io::Result<()> {
        fs::rename(&self.from, &self.to)?;
        sync_folder(parent(&self.to))
    }
}

/// Opens and locks the file; creates an empty one if there is none.
pub(super) fn open(path: &Path) -> Result<Opened, Failure> {
    create_folders(parent(path)).map_err(Failure::from_io)?;
    let mut new_name = OsString::from(path);
    new_name.push(".new");
    let new_path = PathBuf::from(new_name);
    for _ in 0..OPEN_ATTEMPTS_MAX {
        match options().open(path) {
            Ok(file) => return Ok(Opened::Existing(LockedFile::lock(file)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::from_io(error)),
        }
        let file = options().create(true).open(&new_path).map_err(Failure::from_io)?;
        let locked = LockedFile::lock(file)?;
        // We hold the lock. Either no process has published a file, or one just did. In the latter
        // case we hold its file under the temporary name, or a new file that nothing needs.
        if fs::symlink_metadata(path).is_ok() {
            // No process publishes while `path` exists, so no other process needs this file.
            let _ = fs::remove_file(&new_path);
            continue;
        }
        restrict(&new_path, 0o600).map_err(Failure::from_io)?;
        // It may be left from a crash before publishing: nothing in it was acknowledged.
        locked.set_length(0).map_err(Failure::from_io)?;
        let unpublished = Unpublished { from: new_path, to: path.to_path_buf() };
        return Ok(Opened::Created(locked, unpublished));
    }
    Err(Failure::new(FailureKind::Locked))
}

/// Opens and locks an existing file that cannot be written. Other readers may open it too.
pub(super) fn open_read_only(path: &Path) -> Result<LockedFile, Failure> {
    let file = options().write(false).open(path).map_err(Failure::from_io)?;
    LockedFile::lock_as(file, Share::Readers)
}

/// Who else may hold a file's lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Exclusive,
    Readers,
}

/// A file that this handle has locked.
#[derive(Debug)]
pub(super) struct LockedFile {
    inner: FileBackend,
}

impl LockedFile {
    fn lock(file: File) -> Result<Self, Failure> {
        Self::lock_as(file, Share::Exclusive)
    }

    fn lock_as(file: File, share: Share) -> Result<Self, Failure> {
        if !file.metadata().map_err(Failure::from_io)?.is_file() {
            return Err(Failure::from_io(io::ErrorKind::InvalidInput.into()));
        }
        let inner = FileBackend::new(file).map_err(engine::failure)?;
        // The system grants an exclusive lock only on a file that is open for writing.
        let locked = match share {
            Share::Exclusive => inner.try_lock_range(Bound::Unbounded, Bound::Unbounded),
            Share::Readers => inner.try_lock_shared_range(Bound::Unbounded, Bound::Unbounded),
        };
        match locked {
            Ok(true) => {}
            Ok(false) => return Err(Failure::new(FailureKind::Locked)),
            Err(error) => return Err(Failure::from_io(error.into())),
        }
        Ok(Self { inner })
    }
}

/// The engine locks a file only after it has checked whether the file is empty. That is too late to
/// create a file safely, so we lock it earlier.
impl Medium for LockedFile {
    fn length(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner.write(offset, bytes)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.inner.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn close(&self) -> io::Result<()> {
        // Releases the lock even if a forked process still has the descriptor.
        self.inner.close()
    }
}

/// Returns the folder of a file.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates the missing folders, private to their owner, durably.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    create_folders(parent(folder))?;
    match folder_builder().create(folder) {
        // The umask may have cleared bits that the owner needs.
        Ok(()) => restrict(folder, 0o700)?,
        // Another process created it at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        Err(error) => return Err(error),
    }
    sync_folder(parent(folder))
}

#[cfg(unix)]
fn folder_builder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(not(unix))]
fn folder_builder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

/// Sets the access mode of a file or folder that we created, regardless of the umask.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// On other systems a file inherits its access rights from its folder.
#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// On other systems a folder cannot be synced.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
