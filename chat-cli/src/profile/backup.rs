//! Selects the files of a backup and restores them.
//!
//! Rule: a name from a backup becomes a path only if it is a name that a backup contains.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::access::RoomId;
use super::{FEEDS, NICK, Profile, ROOM_FILE, ROOMS, Storage, files};
use crate::exit::ExitCode;
use crate::report::Failure;

/// The longest file name in a store. Chosen: longer than any name that the store uses.
const STORE_NAME_BYTES_MAX: usize = 64;

/// The folder of a restore in progress.
const DRAFT: &str = ".restore";

/// Why an entry of a backup is refused.
#[derive(Debug)]
pub enum RestoreError {
    /// A backup has no entry of this name.
    Foreign,
    /// The backup cannot be read.
    Io(io::Error),
    /// The profile cannot be written.
    Failed(Failure),
}

impl Profile {
    /// Returns the files of a backup with their names in it. The profile is locked, so they do
    /// not change meanwhile.
    ///
    /// # Errors
    /// Fails if a folder cannot be read, or the profile is not on disk.
    pub fn backup_files(&self) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
        let data = self.data()?;
        let mut names = vec![PathBuf::from(NICK)];
        for room in self.rooms()?.rooms {
            let folder = Path::new(ROOMS).join(room.id().as_str());
            names.push(folder.join(ROOM_FILE));
            let feeds = folder.join(FEEDS);
            if data.join(&feeds).is_dir() {
                let stored = files::names(&data.join(&feeds))?;
                names.extend(stored.into_iter().map(|name| feeds.join(name)));
            }
        }
        let files = names.into_iter().map(|name| (name.clone(), data.join(name)));
        Ok(files.filter(|(name, path)| path.is_file() && is_backup_path(name)).collect())
    }

    /// Begins to restore a backup into this profile, which has no rooms.
    ///
    /// # Errors
    /// Fails if the profile cannot be written, or is not on disk.
    pub fn begin_restore(&mut self) -> Result<Restore<'_>, Failure> {
        let folder = self.data()?.join(DRAFT);
        let restore = Restore { profile: self, folder };
        // It may be left from a crash.
        restore.remove();
        files::private_folder(&restore.folder)?;
        Ok(restore)
    }

    fn data(&self) -> Result<&Path, Failure> {
        match &self.storage {
            Storage::Disk { data, .. } => Ok(data),
            Storage::Memory { .. } => {
                let message = "this profile is not stored on disk";
                Err(Failure::new(ExitCode::BadInput, "backup.memory", message)
                    .help("run it without  --ephemeral"))
            }
        }
    }
}

/// A restore in progress. Nothing is visible before it is finished, and a dropped one leaves
/// nothing behind.
#[derive(Debug)]
pub struct Restore<'a> {
    profile: &'a mut Profile,
    /// The folder with the entries so far.
    folder: PathBuf,
}

impl Restore<'_> {
    /// Adds one entry of a backup.
    ///
    /// # Errors
    /// Fails if a backup has no such entry, or the file exists.
    pub fn add(&mut self, name: &Path, from: &mut dyn Read) -> Result<(), RestoreError> {
        if !is_backup_path(name) {
            return Err(RestoreError::Foreign);
        }
        let path = self.folder.join(name);
        let folder = path.parent().ok_or(RestoreError::Foreign)?;
        files::private_folder(folder).map_err(RestoreError::Failed)?;
        let failed = |error| RestoreError::Failed(files::failed("write", &path, &error));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed)?;
        io::copy(from, &mut file).map_err(|error| match error.kind() {
            // The archive was read before, so the disk is at fault.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => failed(error),
            _ => RestoreError::Io(error),
        })?;
        file.sync_all().map_err(failed)
    }

    /// Checks the rooms, and moves all entries to their places.
    ///
    /// # Errors
    /// Exit 6 if a room is damaged; fails if the profile cannot be written.
    pub fn finish(self) -> Result<(), Failure> {
        let data = self.profile.data()?;
        let rooms = self.folder.join(ROOMS);
        let names = if rooms.is_dir() { files::names(&rooms)? } else { Vec::new() };
        for name in &names {
            let id = name.to_str().and_then(RoomId::parse);
            let room = match id {
                Some(id) => super::load(&self.folder, id)?,
                None => None,
            };
            if room.is_none() {
                let path = rooms.join(name);
                return Err(files::damaged("room.missing", &path, "has no description"));
            }
        }
        let moved = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| files::failed("write", to, &error))
        };
        for name in &names {
            moved(&rooms.join(name), &data.join(ROOMS).join(name))?;
        }
        let nick = self.folder.join(NICK);
        if nick.exists() {
            moved(&nick, &data.join(NICK))?;
        }
        let synced = files::sync_folder(&data.join(ROOMS));
        synced.map_err(|error| files::failed("write", data, &error))
    }

    fn remove(&self) {
        // The next restore tries it again.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Returns whether a backup contains a file of this name: the user's name, a room's description,
/// or its store.
pub fn is_backup_path(name: &Path) -> bool {
    let parts = name.components().map(|part| match part {
        Component::Normal(word) => word.to_str(),
        _ => None,
    });
    let Some(parts) = parts.collect::<Option<Vec<_>>>() else { return false };
    let is_room = |id: &str| RoomId::parse(id).is_some();
    match parts[..] {
        [NICK] => true,
        [ROOMS, id, ROOM_FILE] => is_room(id),
        [ROOMS, id, FEEDS, file] => {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            is_room(id) && file.len() <= STORE_NAME_BYTES_MAX && file.chars().all(is_plain)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
