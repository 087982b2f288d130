//! The store's file: how it comes to be, who may read it, and who holds it.
//!
//! Rule: a file under its final name is complete, and locked by whoever uses it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::{Failure, FailureKind, Medium};

/// How often opening starts again when others make or remove the file meanwhile.
const RACES_MAX: usize = 8;

/// A locked file.
pub(super) enum Opened {
    /// It was there.
    Existing(LockedFile),
    /// It is empty, and has another name until it is published.
    Fresh(LockedFile, Unpublished),
}

/// A file that is not yet under its final name.
pub(super) struct Unpublished {
    from: PathBuf,
    to: PathBuf,
}

impl Unpublished {
    /// Gives the file its final name, durably.
    pub(super) fn publish(self) -> io::Result<()> {
        fs::rename(&self.from, &self.to)?;
        sync_folder(parent(&self.to))
    }
}

/// Opens the file and locks it; makes an empty one where there is none.
pub(super) fn open(path: &Path) -> Result<Opened, Failure> {
    make_folders(parent(path)).map_err(Failure::from_io)?;
    let mut new_name = OsString::from(path);
    new_name.push(".new");
    let new_path = PathBuf::from(new_name);
    for _ in 0..RACES_MAX {
        match options().open(path) {
            Ok(file) => return Ok(Opened::Existing(LockedFile::lock(file)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::from_io(error)),
        }
        let file = options().create(true).open(&new_path).map_err(Failure::from_io)?;
        let locked = LockedFile::lock(file)?;
        // Under the lock: either nobody has published a file, or somebody did just now, and what
        // we hold is their file under its old name, or a new one that nobody needs.
        if fs::symlink_metadata(path).is_ok() {
            // While `path` is there nobody publishes, so this takes nothing from anybody.
            let _ = fs::remove_file(&new_path);
            continue;
        }
        restrict(&new_path, 0o600).map_err(Failure::from_io)?;
        // A leftover of a crash before publishing: nothing in it was ever acknowledged.
        locked.set_length(0).map_err(Failure::from_io)?;
        let unpublished = Unpublished { from: new_path, to: path.to_path_buf() };
        return Ok(Opened::Fresh(locked, unpublished));
    }
    Err(Failure::new(FailureKind::Locked))
}

/// A file that no other handle can lock.
#[derive(Debug)]
pub(super) struct LockedFile {
    inner: FileBackend,
}

impl LockedFile {
    fn lock(file: File) -> Result<Self, Failure> {
        if !file.metadata().map_err(Failure::from_io)?.is_file() {
            return Err(Failure::from_io(io::ErrorKind::InvalidInput.into()));
        }
        let inner = FileBackend::new(file).map_err(super::engine)?;
        match inner.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
            Ok(true) => {}
            Ok(false) => return Err(Failure::new(FailureKind::Locked)),
            Err(error) => return Err(Failure::from_io(error.into())),
        }
        Ok(Self { inner })
    }
}

/// The engine would lock the file only after it was found empty or not, which is too late to make
/// one safely; so it is locked before.
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
        // Lets go of the lock even while a process that was forked meanwhile has the descriptor.
        self.inner.close()
    }
}

/// The folder a file lies in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the folders that are missing, for their owner alone, durably.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    make_folders(parent(folder))?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // The umask may have taken bits that the owner needs.
        Ok(()) => restrict(folder, 0o700)?,
        // Somebody else made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        Err(error) => return Err(error),
    }
    sync_folder(parent(folder))
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

/// Sets the access mode of something that we made, whatever the umask was.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Elsewhere a file inherits who may read it from its folder.
#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Makes a name in a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere folders cannot be synced.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
