//! Reads and writes private folders and files; a write replaces the whole file or nothing.
//!
//! Rule: no file is opened through a link. Otherwise a user who can write to the same folder
//! could make multichat read or write another file.

use std::ffi::OsString;
#[cfg(unix)]
use std::fs::Permissions;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::ExitCode;
use crate::report::Failure;

const FOLDER_MODE: u32 = 0o700;
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;
/// The largest file that is read whole. Derived: 65,536 hidden authors (`HIDDEN_MAX` in room.rs)
/// with 56 bytes each are 3.5 MiB; other files of ours have a few hundred bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Creates a folder that only its owner can enter, and removes other users' access if it exists.
pub(super) fn private_folder(path: &Path) -> Result<(), Failure> {
    create_folder(path).map_err(|error| failed("create", path, &error))
}

fn create_folder(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return set_mode(path, FOLDER_MODE),
        Ok(_) => return Err(ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent
        && !parent.exists()
    {
        create_folder(parent)?;
    }
    // Only Unix sets a mode.
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    builder.mode(FOLDER_MODE);
    match builder.create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // The umask may have removed our own permissions.
    set_mode(path, FOLDER_MODE)?;
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Returns the names in a folder, sorted.
pub(super) fn names(folder: &Path) -> Result<Vec<OsString>, Failure> {
    let read = || -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    };
    let mut names = read().map_err(|error| failed("read", folder, &error))?;
    names.sort();
    Ok(names)
}

/// Reads a small file; `None` if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    match open_existing(path) {
        Ok(file) => read_open(&file, path).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// Opens a regular file for reading; refuses links.
pub(super) fn open_existing(path: &Path) -> io::Result<File> {
    let file = no_follow(OpenOptions::new().read(true)).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    Ok(file)
}

/// Reads an open file up to the size limit.
pub(super) fn read_open(file: &File, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut bounded_resize = file.take(FILE_BYTES_MAX + 1);
    bounded_resize.read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(damaged("file.size", path, "is larger than any file that multichat writes"));
    }
    Ok(bytes)
}

/// Opens a file for reading and writing; creates it if it does not exist.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    let file = no_follow(OpenOptions::new().read(true).write(true).create(true).truncate(false))
        .open(path)?;
    set_file_mode(&file)?;
    Ok(file)
}

/// Replaces a file. After a crash it has the old or the new content, never a part.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    replace(folder, name, bytes).map_err(|error| failed("write", &path, &error))
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!(".{name}.new"));
    // The profile is locked, so an existing draft is left over from a crash.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = no_follow(OpenOptions::new().write(true).create_new(true)).open(&draft)?;
    set_file_mode(&file)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(name))?;
    sync_folder(folder)
}

/// Returns whether other users have any access to a file.
pub(super) fn is_exposed(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    return Ok(file.metadata()?.permissions().mode() & 0o077 != 0);
    #[cfg(not(unix))]
    return file.metadata().map(|_| false);
}

/// Converts a disk error to a failure.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot {what} {}: {error}", path.display());
    let failure = Failure::new(ExitCode::Failed, "profile.io", message);
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            failure.help("what was stored before is safe: free some space, then start again")
        }
        ErrorKind::ReadOnlyFilesystem => {
            failure.help("this file system can only be read: messages can be shown and exported")
        }
        _ => failure.help("use another folder:  --data-dir DIR   or store nothing:  --ephemeral"),
    }
}

/// Returns the failure of an invalid file. The file is not changed, so it can still be repaired.
pub(super) fn damaged(code: &'static str, path: &Path, what: &str) -> Failure {
    Failure::new(ExitCode::Damaged, code, format!("{} {what}", path.display()))
        .help("nothing was changed: restore a good copy, or move it away")
}

fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    options.mode(FILE_MODE).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Sets the mode of a file. A mode that is right already is not set again, so that a read-only
/// file system gives no error.
fn set_file_mode(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    if file.metadata()?.permissions().mode() & 0o7777 != FILE_MODE {
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    }
    let _ = file;
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    if fs::metadata(path)?.permissions().mode() & 0o7777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    let _ = (path, mode);
    Ok(())
}

/// Returns whether an error says that files here can be read but not written.
pub(super) fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}

/// Syncs a folder: a rename is durable only after that.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    let _ = folder;
    Ok(())
}
