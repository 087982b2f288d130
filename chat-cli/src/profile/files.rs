//! Private folders and files, written whole or not at all.
//!
//! Rule: a file here is opened without following a link, so nobody who can write beside it makes
//! us read or write another one.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::ExitCode;
use crate::report::Failure;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The largest file that is read whole; ours have a few hundred bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Makes a folder that only its owner can enter, and closes it to others if they could.
pub(super) fn private_folder(path: &Path) -> Result<(), Failure> {
    create_folder(path).map_err(|error| failed("make", path, &error))
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
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    builder.mode(FOLDER_MODE);
    match builder.create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // The umask may have taken bits that we need ourselves.
    set_mode(path, FOLDER_MODE)?;
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// The names in a folder, sorted.
pub(super) fn names(folder: &Path) -> Result<Vec<OsString>, Failure> {
    let read = || -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    };
    let mut names = read().map_err(|error| failed("read", folder, &error))?;
    names.sort();
    Ok(names)
}

/// The whole of a small file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    match open_existing(path) {
        Ok(file) => read_open(&file, path).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// Opens a file for reading, if it is one and no link.
pub(super) fn open_existing(path: &Path) -> io::Result<File> {
    let file = no_follow(OpenOptions::new().read(true)).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    Ok(file)
}

/// Reads an open file to its end, within the bound.
pub(super) fn read_open(file: &File, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut limited = file.take(FILE_BYTES_MAX + 1);
    limited.read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(damaged("file.size", path, "is larger than any file that multichat writes"));
    }
    Ok(bytes)
}

/// Opens a file that is kept open, and makes it if it is new.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    let file = no_follow(OpenOptions::new().read(true).write(true).create(true).truncate(false))
        .open(path)?;
    set_file_mode(&file)?;
    Ok(file)
}

/// Puts a file in place: after a crash it is the old one or the new one, never a part.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    replace(folder, name, bytes).map_err(|error| failed("write", &path, &error))
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!(".{name}.new"));
    // The lock of the profile says that a draft found here is left over from a crash.
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

/// Whether anybody but the owner may do anything with a file.
pub(super) fn is_exposed(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    return Ok(file.metadata()?.permissions().mode() & 0o077 != 0);
    #[cfg(not(unix))]
    return file.metadata().map(|_| false);
}

/// A failure of the disk, with the words of the system.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot {what} {}: {error}", path.display());
    let failure = Failure::new(ExitCode::Failed, "profile.io", message);
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            failure.help("what was stored before is safe: make room, then go on")
        }
        _ => failure.help("use another folder:  --data-dir DIR   or keep nothing:  --ephemeral"),
    }
}

/// A file that is not what we wrote. It stays as it is: somebody may still read it.
pub(super) fn damaged(code: &'static str, path: &Path, what: &str) -> Failure {
    Failure::new(ExitCode::Damaged, code, format!("{} {what}", path.display()))
        .help("nothing was changed: put a good copy there, or move it away")
}

fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    options.mode(FILE_MODE).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

fn set_file_mode(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    let _ = file;
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    let _ = (path, mode);
    Ok(())
}

/// A rename is durable only when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    let _ = folder;
    Ok(())
}
