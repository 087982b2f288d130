//! Manages the folder of one identity: its key, its lock and its rooms.
//!
//! Rule: a path in this folder consists of constant words, the checked profile name and room ids,
//! which are hashes in z-base-32. No peer text is ever part of a path. Folders have mode 0700 and
//! files 0600, regardless of the umask.
//!
//! ```text
//! <data>/<profile>/LOCK  identity.key  identity.pub  nick
//!                  signed/<room id>  rooms/<room id>/{room.toml, feeds}
//! <state>/<profile>/last-room  log/
//! ```
//!
//! With `--data-dir DIR` both `<data>` and `<state>` are DIR. With `--ephemeral` there are no
//! files.

pub mod access;
pub mod backup;
mod files;
pub mod identity;
pub mod invites;
pub mod lock;
pub mod room;
pub mod signed;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::args::Global;
use crate::args::suggest::nearest_command;
use crate::exit::ExitCode;
use crate::report::Failure;
use crate::sanitize::{self, Clean};
use crate::similar::closest;

use self::access::RoomId;
use self::identity::Identity;
use self::lock::Lock;
use self::room::Room;
use self::signed::SignedMark;

const APP: &str = "multichat";
const ROOMS: &str = "rooms";
/// The folder of the lengths that the user has signed, one file per room. It is kept when a room
/// is removed.
const SIGNED: &str = "signed";
const LAST_ROOM: &str = "last-room";
const NICK: &str = "nick";
/// The folder of crash reports. `LOG` is the folder of the logs of interactive sessions.
const CRASH: &str = "crash";
const LOG: &str = "log";
const LOG_FILE: &str = "multichat.log";
/// The file in a room's folder that describes the room.
const ROOM_FILE: &str = "room.toml";
/// The folder in a room's folder that contains its feeds.
const FEEDS: &str = "feeds";
/// The index of a room; all of it can be rebuilt from the feeds.
const INDEX: &str = "view.redb";
/// The shortest id prefix that names a room. Chosen: short to type; a profile has few rooms.
const ID_PREFIX_CHARS_MIN: usize = 3;

/// An open profile. No other process can open it meanwhile.
#[derive(Debug)]
pub struct Profile {
    name: String,
    identity: Identity,
    storage: Storage,
}

/// Where a profile is stored.
#[derive(Debug)]
enum Storage {
    Disk { data: PathBuf, state: PathBuf, lock: Lock },
    Memory { rooms: Vec<Room>, last: Option<RoomId>, nick: Option<Clean> },
}

/// The rooms of a profile, and why some of them cannot be loaded.
#[derive(Debug, Default)]
pub struct Rooms {
    /// The rooms, sorted by name, then by id.
    pub rooms: Vec<Room>,
    /// One failure per damaged room. Other rooms still load.
    pub damaged: Vec<Failure>,
}

impl Profile {
    /// Opens the profile of the global flags; creates it if it does not exist.
    ///
    /// # Errors
    /// Exit 5 if another process has it open, 6 if a file is damaged or readable by other users.
    pub fn open(global: &Global) -> Result<Self, Failure> {
        let name = global.profile.clone();
        if global.ephemeral {
            let storage = Storage::Memory { rooms: Vec::new(), last: None, nick: None };
            return Ok(Self { name, identity: Identity::generate()?, storage });
        }
        let (data, state) = folders(global)?;
        Self::open_in(&data, &state, name)
    }

    /// Returns the folder of the profile of the global flags; `None` if it is not on disk.
    ///
    /// # Errors
    /// Fails if there is no home folder.
    pub fn folder(global: &Global) -> Result<Option<PathBuf>, Failure> {
        if global.ephemeral {
            return Ok(None);
        }
        folders(global).map(|(data, _)| Some(data.join(&global.profile)))
    }

    /// Returns the folder of crash reports; `None` if the profile is not on disk.
    pub fn crash_folder(global: &Global) -> Option<PathBuf> {
        let folders = folders(global).ok().filter(|_| !global.ephemeral);
        folders.map(|(_, state)| state.join(CRASH))
    }

    fn open_in(data: &Path, state: &Path, name: String) -> Result<Self, Failure> {
        let (data, state) = (data.join(&name), state.join(&name));
        files::private_folder(&data)?;
        files::private_folder(&state)?;
        let lock = Lock::acquire(&data, &name)?;
        let rooms = data.join(ROOMS);
        files::private_folder(&rooms)?;
        let signed = data.join(SIGNED);
        let has_signed = signed.is_dir() && !files::names(&signed)?.is_empty();
        let is_used = has_signed || !files::names(&rooms)?.is_empty();
        let identity = Identity::load_or_create(&data, is_used, lock.is_read_only())?;
        Ok(Self { name, identity, storage: Storage::Disk { data, state, lock } })
    }

    /// Notes for other processes that this one closes the profile soon, so that they wait for it.
    pub fn set_brief(&self) {
        if let Storage::Disk { lock, .. } = &self.storage {
            lock.set_brief();
        }
    }

    /// Returns whether the process that has the profile of the global flags open closes it soon.
    pub fn is_held_briefly(global: &Global) -> bool {
        let folder = Self::folder(global).ok().flatten();
        folder.is_some_and(|folder| Lock::is_brief(&folder))
    }

    /// Returns whether the profile can only be read, as on a read-only file system.
    pub fn is_read_only(&self) -> bool {
        matches!(&self.storage, Storage::Disk { lock, .. } if lock.is_read_only())
    }

    /// Opens the mark of how much of the user's feed in a room was signed. It is stored apart from
    /// the room, so it outlives it.
    ///
    /// # Errors
    /// Exit 6 if another identity has signed it.
    pub fn signed_mark(&self, room: &Room) -> Result<SignedMark, Failure> {
        let key = self.identity.feed_key(&room.group()).0;
        let Storage::Disk { data, lock, .. } = &self.storage else {
            return Ok(SignedMark::in_memory(key));
        };
        let folder = data.join(SIGNED);
        if lock.is_read_only() {
            return SignedMark::open_read_only(folder.join(room.id().as_str()), key);
        }
        SignedMark::open(&folder, room.id().as_str(), key)
    }

    /// Returns the name of the profile.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the user's identity.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the user's name: `given`, else the saved name, else the `system` name. The first
    /// given name is saved.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn nick(&mut self, given: Option<&str>, system: Option<&str>) -> Result<Clean, Failure> {
        let kept = match &self.storage {
            Storage::Memory { nick, .. } => nick.clone(),
            // An unreadable name is not worth a failure.
            Storage::Disk { data, .. } => files::read(&data.join(NICK))
                .ok()
                .flatten()
                .and_then(|text| Some(sanitize::nick(std::str::from_utf8(&text).ok()?))),
        };
        match (given, kept) {
            (Some(given), None) if !self.is_read_only() => self.set_nick(given),
            (Some(given), _) => Ok(sanitize::nick(given)),
            (None, Some(kept)) => Ok(kept),
            (None, None) => Ok(sanitize::nick(system.unwrap_or_default())),
        }
    }

    /// Returns whether a name is saved.
    pub fn has_nick(&self) -> bool {
        match &self.storage {
            Storage::Memory { nick, .. } => nick.is_some(),
            Storage::Disk { data, .. } => data.join(NICK).exists(),
        }
    }

    /// Saves the user's name.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn set_nick(&mut self, given: &str) -> Result<Clean, Failure> {
        let given = sanitize::nick(given);
        match &mut self.storage {
            Storage::Memory { nick, .. } => *nick = Some(given.clone()),
            Storage::Disk { data, .. } => files::write(data, NICK, given.as_str().as_bytes())?,
        }
        Ok(given)
    }

    /// Opens the log of interactive sessions for appending; `None` if the profile is not on disk.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub fn log_file(&self) -> Result<Option<File>, Failure> {
        let Storage::Disk { state, .. } = &self.storage else { return Ok(None) };
        let folder = state.join(LOG);
        files::private_folder(&folder)?;
        let path = folder.join(LOG_FILE);
        let open = files::open_or_create(&path).and_then(|mut file| {
            file.seek(SeekFrom::End(0))?;
            Ok(Some(file))
        });
        open.map_err(|error| files::failed("write", &path, &error))
    }

    /// Returns the folder of a room's feeds; `None` if the profile is not on disk.
    pub fn feeds_path(&self, id: RoomId) -> Option<PathBuf> {
        match &self.storage {
            Storage::Disk { data, .. } => Some(room_folder(data, id).join(FEEDS)),
            Storage::Memory { .. } => None,
        }
    }

    /// Opens the file of a room's index, which may be deleted at any time; `None` if the profile
    /// is not on disk, or can only be read.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub fn index_file(&self, id: RoomId) -> Result<Option<File>, Failure> {
        let Storage::Disk { data, .. } = &self.storage else { return Ok(None) };
        if self.is_read_only() {
            return Ok(None);
        }
        let path = room_folder(data, id).join(INDEX);
        let open = files::open_or_create(&path).map(Some);
        open.map_err(|error| files::failed("write", &path, &error))
    }

    /// Loads all rooms.
    ///
    /// # Errors
    /// Fails only if the folder itself cannot be read.
    pub fn rooms(&self) -> Result<Rooms, Failure> {
        let mut found = Rooms::default();
        match &self.storage {
            Storage::Memory { rooms, .. } => found.rooms.clone_from(rooms),
            Storage::Disk { data, .. } => {
                for name in files::names(&data.join(ROOMS))? {
                    // Other names do not belong to multichat.
                    let Some(id) = name.to_str().and_then(RoomId::parse) else { continue };
                    match load(data, id) {
                        Ok(Some(room)) => found.rooms.push(room),
                        Ok(None) => found.damaged.extend(lost_description(data, id)),
                        Err(failure) => found.damaged.push(failure),
                    }
                }
            }
        }
        found.rooms.sort_by(|a, b| (a.name(), a.id()).cmp(&(b.name(), b.id())));
        Ok(found)
    }

    /// Adds a room, or returns the existing room of the same id. If that is a relay and the new
    /// room has the secret, it becomes readable.
    ///
    /// # Errors
    /// Exit 6 if the existing room is damaged; it is never overwritten.
    pub fn add(&mut self, room: Room) -> Result<Room, Failure> {
        match &mut self.storage {
            Storage::Memory { rooms, .. } => {
                if let Some(known) = rooms.iter_mut().find(|known| known.id() == room.id()) {
                    known.upgrade_access(&room);
                    return Ok(known.clone());
                }
                rooms.push(room.clone());
            }
            Storage::Disk { data, .. } => {
                if let Some(mut known) = load(data, room.id())? {
                    if known.upgrade_access(&room) {
                        write(data, &known)?;
                    }
                    return Ok(known);
                }
                write(data, &room)?;
            }
        }
        Ok(room)
    }

    /// Saves a changed room, with the fields that this version does not know.
    ///
    /// # Errors
    /// Exit 6 if the saved room is damaged; it is never overwritten.
    pub fn update(&mut self, room: &Room) -> Result<(), Failure> {
        match &mut self.storage {
            Storage::Memory { rooms, .. } => {
                rooms.retain(|known| known.id() != room.id());
                rooms.push(room.clone());
                Ok(())
            }
            Storage::Disk { data, .. } => {
                load(data, room.id())?;
                write(data, room)
            }
        }
    }

    /// Deletes a room with its messages. The mark of what the user has signed in it stays, so that
    /// the user does not sign it again after coming back.
    ///
    /// # Errors
    /// Fails if it cannot be deleted.
    pub fn remove(&mut self, id: RoomId) -> Result<(), Failure> {
        match &mut self.storage {
            Storage::Memory { rooms, .. } => rooms.retain(|room| room.id() != id),
            Storage::Disk { data, .. } => {
                let folder = room_folder(data, id);
                // A name that is no id, so that a crash leaves no part of a room.
                let leaving = data.join(ROOMS).join(format!(".left-{id}"));
                let failed = |error| files::failed("delete", &folder, &error);
                if leaving.exists() {
                    fs::remove_dir_all(&leaving).map_err(failed)?;
                }
                fs::rename(&folder, &leaving).map_err(failed)?;
                fs::remove_dir_all(&leaving).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Saves which room a command without `--room` uses.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn set_last_room(&mut self, id: RoomId) -> Result<(), Failure> {
        match &mut self.storage {
            Storage::Memory { last, .. } => {
                *last = Some(id);
                Ok(())
            }
            Storage::Disk { state, .. } => {
                files::write(state, LAST_ROOM, format!("{id}\n").as_bytes())
            }
        }
    }

    /// Returns the last used room, or the only one; `None` if there is neither.
    ///
    /// # Errors
    /// Exit 6 if that room is damaged.
    pub fn last(&self) -> Result<Option<Room>, Failure> {
        let last = match &self.storage {
            Storage::Memory { last, .. } => *last,
            // An unreadable pointer is not worth a failure: it is only a convenience.
            Storage::Disk { state, .. } => files::read(&state.join(LAST_ROOM))
                .ok()
                .flatten()
                .and_then(|text| RoomId::parse(std::str::from_utf8(&text).ok()?.trim())),
        };
        let Rooms { mut rooms, damaged } = self.rooms()?;
        if let Some(at) = rooms.iter().position(|room| Some(room.id()) == last) {
            return Ok(Some(rooms.swap_remove(at)));
        }
        match (rooms.len(), damaged.into_iter().next()) {
            (1, None) => Ok(rooms.pop()),
            (_, Some(failure)) => Err(failure),
            (_, None) => Ok(None),
        }
    }

    /// Finds a room by name or id prefix; without a query, returns the last one.
    ///
    /// # Errors
    /// Exit 3 if no room or several rooms match, with similar names.
    pub fn find(&self, query: Option<&str>) -> Result<Room, Failure> {
        let Some(query) = query else {
            return self.last()?.ok_or_else(|| self.no_last_room());
        };
        let Rooms { rooms, damaged } = self.rooms()?;
        let by_name = |fold: fn(&str) -> String| {
            rooms.iter().filter(|room| fold(room.name()) == fold(query)).collect::<Vec<_>>()
        };
        let by_id = || {
            let long_enough = query.len() >= ID_PREFIX_CHARS_MIN;
            let starts = |room: &&Room| room.id().as_str().starts_with(&query.to_lowercase());
            rooms.iter().filter(|room| long_enough && starts(room)).collect::<Vec<_>>()
        };
        // Each looser match is tried only if the stricter ones found nothing.
        let mut found = by_name(str::to_string);
        if found.is_empty() {
            found = by_name(sanitize::fold);
        }
        if found.is_empty() {
            found = by_id();
        }
        match (&found[..], damaged.into_iter().next()) {
            ([room], _) => Ok((*room).clone()),
            // The damaged room may be the one that was meant.
            ([], Some(failure)) => Err(failure),
            ([], None) => Err(unknown(query, &rooms)),
            (found, _) => Err(ambiguous(query, found)),
        }
    }

    /// Finds a room that can be read and written here.
    ///
    /// # Errors
    /// As [`find`](Self::find), and exit 10 if it is a relay.
    pub fn find_readable(&self, query: Option<&str>) -> Result<Room, Failure> {
        self.find(query)?.readable()
    }

    fn no_last_room(&self) -> Failure {
        let rooms = self.rooms().map(|found| found.rooms).unwrap_or_default();
        if rooms.is_empty() {
            return Failure::new(ExitCode::NotFound, "room.none", "there is no room yet")
                .help("make one:  multichat new kitchen   or join:  multichat join INVITE");
        }
        let names: Vec<&str> = rooms.iter().map(Room::name).collect();
        Failure::new(ExitCode::NotFound, "room.unnamed", "several rooms, and none was used before")
            .help(format!("use  --room NAME  with one of: {}", names.join(", ")))
    }
}

fn folders(global: &Global) -> Result<(PathBuf, PathBuf), Failure> {
    match &global.data_dir {
        Some(folder) => Ok((folder.clone(), folder.clone())),
        None => default_folders(),
    }
}

/// Returns the XDG folders, on every system: command line users expect them.
fn default_folders() -> Result<(PathBuf, PathBuf), Failure> {
    let base = etcetera::base_strategy::Xdg::new().map_err(|_| {
        Failure::new(ExitCode::Failed, "profile.home", "there is no home folder")
            .help("name a folder:  --data-dir DIR   or store nothing:  --ephemeral")
    })?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok((base.data_dir().join(APP), state.join(APP)))
}

fn room_folder(data: &Path, id: RoomId) -> PathBuf {
    data.join(ROOMS).join(id.as_str())
}

/// Loads the room in a folder; `None` if its creation was interrupted.
fn load(data: &Path, id: RoomId) -> Result<Option<Room>, Failure> {
    let path = room_folder(data, id).join(ROOM_FILE);
    match files::read(&path)? {
        Some(text) => Room::from_toml(id, &text, &path).map(Some),
        None => Ok(None),
    }
}

/// Returns the failure of a room with messages that has lost its description, and so its key.
fn lost_description(data: &Path, id: RoomId) -> Option<Failure> {
    let folder = room_folder(data, id);
    folder.join(FEEDS).exists().then(|| {
        let message = format!("{} is gone", folder.join(ROOM_FILE).display());
        Failure::new(ExitCode::Damaged, "room.missing", message)
            .help("nothing was changed: restore a good copy of it, or join again with an invite")
    })
}

fn write(data: &Path, room: &Room) -> Result<(), Failure> {
    let folder = room_folder(data, room.id());
    files::private_folder(&folder)?;
    files::write(&folder, ROOM_FILE, room.to_toml()?.as_bytes())
}

fn unknown(query: &str, rooms: &[Room]) -> Failure {
    let mut failure =
        Failure::new(ExitCode::NotFound, "room.unknown", format!("there is no room '{query}'"));
    let suggestions = closest(query, rooms.iter().map(Room::name));
    if !suggestions.is_empty() {
        failure = failure.help(format!("did you mean: {} ?", suggestions.join(", ")));
    }
    if let Some(command) = nearest_command(query) {
        failure = failure.help(format!("did you mean:  multichat {command}"));
    }
    let names: Vec<&str> = rooms.iter().map(Room::name).collect();
    if names.is_empty() {
        return failure.help("make one:  multichat new kitchen");
    }
    failure.help(format!("rooms here: {}", names.join(", ")))
}

fn ambiguous(query: &str, rooms: &[&Room]) -> Failure {
    let names: Vec<String> =
        rooms.iter().map(|room| format!("{} ({})", room.name(), room.id())).collect();
    let message = format!("'{query}' matches {} rooms", rooms.len());
    Failure::new(ExitCode::NotFound, "room.ambiguous", message)
        .help(format!("use an id: {}", names.join(", ")))
}

#[cfg(test)]
mod tests;
