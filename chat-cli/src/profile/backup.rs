//! Selects the files of a backup and restores them.
//!
//! Rule: a name from a backup becomes a path only if it is a name that a backup contains.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::access::RoomId;
use super::{FEEDS, NICK, Profile, ROOM_FILE, ROOMS, Storage, files};
use crate::exit::ExitCode;
use crate::report::Failure;

/// The longest file name in a store. Chosen: longer than any name that the store uses.
const STORE_NAME_BYTES_MAX: usize = 64;

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

    /// Restores one entry of a backup.
    ///
    /// # Errors
    /// Fails if a backup has no such entry, or the file exists.
    pub fn restore(&self, name: &Path, from: &mut impl Read) -> Result<(), RestoreError> {
        if !is_backup_path(name) {
            return Err(RestoreError::Foreign);
        }
        let path = self.data().map_err(RestoreError::Failed)?.join(name);
        let folder = path.parent().ok_or(RestoreError::Foreign)?;
        files::private_folder(folder).map_err(RestoreError::Failed)?;
        let failed = |error| RestoreError::Failed(files::failed("write", &path, &error));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed)?;
        io::copy(from, &mut file).map_err(RestoreError::Io)?;
        file.sync_all().map_err(failed)
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

/// Returns whether a backup contains a file of this name: the user's name, a room's description,
/// or its store.
fn is_backup_path(name: &Path) -> bool {
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
