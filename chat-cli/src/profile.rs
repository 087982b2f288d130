//! The folder of one identity: its key, its lock and its rooms.
//!
//! Rule: a path below this folder is made of fixed words, the checked name of the profile and
//! room ids, which are hashes in z-base-32. No string of a peer is ever part of a path. Folders
//! are 0700 and files 0600, whatever the umask.
//!
//! ```text
//! <data>/<profile>/LOCK  identity.key  nick  rooms/<room id>/{room.toml, feeds}
//! <state>/<profile>/last-room  log/
//! ```
//!
//! With `--data-dir DIR` both `<data>` and `<state>` are DIR. With `--ephemeral` there is no file
//! at all.

pub mod access;
pub mod backup;
mod files;
pub mod identity;
pub mod invites;
pub mod lock;
pub mod room;

use std::fs::File;
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

const APP: &str = "multichat";
const ROOMS: &str = "rooms";
const LAST_ROOM: &str = "last-room";
const NICK: &str = "nick";
/// The folder of the logs of interactive sessions.
const CRASH: &str = "crash";
const LOG: &str = "log";
const LOG_FILE: &str = "multichat.log";
/// The file in a room's folder that says what the room is.
const ROOM_FILE: &str = "room.toml";
/// The folder in a room's folder that holds all of its feeds.
const FEEDS: &str = "feeds";
/// The index of a room; it holds nothing that its feeds do not.
const INDEX: &str = "view.redb";
/// The fewest characters of an id that name a room.
const ID_PREFIX_CHARS_MIN: usize = 3;

/// An open profile. While it lives, no other process can open it.
#[derive(Debug)]
pub struct Profile {
    name: String,
    identity: Identity,
    storage: Storage,
}

/// Where a profile keeps what it knows.
#[derive(Debug)]
enum Storage {
    Disk { data: PathBuf, state: PathBuf, _lock: Lock },
    Memory { rooms: Vec<Room>, last: Option<RoomId>, nick: Option<Clean> },
}

/// The rooms of a profile: those that can be read, and why the others cannot.
#[derive(Debug, Default)]
pub struct Rooms {
    /// Sorted by name, then by id.
    pub rooms: Vec<Room>,
    /// One for each damaged room. It hides no other room.
    pub damaged: Vec<Failure>,
}

impl Profile {
    /// Opens the profile of the global flags, and makes it if it is new.
    ///
    /// # Errors
    /// Exit 5 if another process has it, 6 if a file in it is damaged or readable by others.
    pub fn open(global: &Global) -> Result<Self, Failure> {
        let name = global.profile.clone();
        if global.ephemeral {
            let storage = Storage::Memory { rooms: Vec::new(), last: None, nick: None };
            return Ok(Self { name, identity: Identity::generate()?, storage });
        }
        let (data, state) = folders(global)?;
        Self::open_in(&data, &state, name)
    }

    /// The folder of the profile of the global flags; `None` when nothing goes to disk.
    ///
    /// # Errors
    /// If there is no home folder.
    pub fn folder(global: &Global) -> Result<Option<PathBuf>, Failure> {
        if global.ephemeral {
            return Ok(None);
        }
        folders(global).map(|(data, _)| Some(data.join(&global.profile)))
    }

    /// Where crashes are written down; `None` when nothing goes to disk.
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
        let has_rooms = !files::names(&rooms)?.is_empty();
        let identity = Identity::load_or_create(&data, has_rooms)?;
        Ok(Self { name, identity, storage: Storage::Disk { data, state, _lock: lock } })
    }

    /// The name of the profile.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who the user is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the user is called: by the `given` name, or as he was before, or else as the
    /// `system` has it. The first name that is given is kept.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn nick(&mut self, given: Option<&str>, system: Option<&str>) -> Result<Clean, Failure> {
        let kept = match &self.storage {
            Storage::Memory { nick, .. } => nick.clone(),
            // A nick that cannot be read is no reason to stop: it is only a name.
            Storage::Disk { data, .. } => files::read(&data.join(NICK))
                .ok()
                .flatten()
                .and_then(|text| Some(sanitize::nick(std::str::from_utf8(&text).ok()?))),
        };
        match (given, kept) {
            (Some(given), None) => self.set_nick(given),
            (Some(given), Some(_)) => Ok(sanitize::nick(given)),
            (None, Some(kept)) => Ok(kept),
            (None, None) => Ok(sanitize::nick(system.unwrap_or_default())),
        }
    }

    /// Whether it was ever said what the user is called.
    pub fn has_nick(&self) -> bool {
        match &self.storage {
            Storage::Memory { nick, .. } => nick.is_some(),
            Storage::Disk { data, .. } => data.join(NICK).exists(),
        }
    }

    /// Keeps what the user is called.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set_nick(&mut self, given: &str) -> Result<Clean, Failure> {
        let given = sanitize::nick(given);
        match &mut self.storage {
            Storage::Memory { nick, .. } => *nick = Some(given.clone()),
            Storage::Disk { data, .. } => files::write(data, NICK, given.as_str().as_bytes())?,
        }
        Ok(given)
    }

    /// The log of interactive sessions, to be appended to; `None` when nothing goes to disk.
    ///
    /// # Errors
    /// If it cannot be opened.
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

    /// Where a room's feeds are stored; `None` when nothing goes to disk.
    pub fn feeds_path(&self, id: RoomId) -> Option<PathBuf> {
        match &self.storage {
            Storage::Disk { data, .. } => Some(room_folder(data, id).join(FEEDS)),
            Storage::Memory { .. } => None,
        }
    }

    /// The file of a room's index, which may be deleted at any time; `None` when nothing goes to
    /// disk.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn index_file(&self, id: RoomId) -> Result<Option<File>, Failure> {
        let Storage::Disk { data, .. } = &self.storage else { return Ok(None) };
        let path = room_folder(data, id).join(INDEX);
        let open = files::open_or_create(&path).map(Some);
        open.map_err(|error| files::failed("write", &path, &error))
    }

    /// All rooms.
    ///
    /// # Errors
    /// Only if the folder itself cannot be read.
    pub fn rooms(&self) -> Result<Rooms, Failure> {
        let mut found = Rooms::default();
        match &self.storage {
            Storage::Memory { rooms, .. } => found.rooms.clone_from(rooms),
            Storage::Disk { data, .. } => {
                for name in files::names(&data.join(ROOMS))? {
                    // What has another kind of name is not ours.
                    let Some(id) = name.to_str().and_then(RoomId::parse) else { continue };
                    match load(data, id) {
                        Ok(Some(room)) => found.rooms.push(room),
                        Ok(None) => {}
                        Err(failure) => found.damaged.push(failure),
                    }
                }
            }
        }
        found.rooms.sort_by(|a, b| (a.name(), a.id()).cmp(&(b.name(), b.id())));
        Ok(found)
    }

    /// Adds a room, or gives back the one of the same id that is here already. One that was only
    /// kept for others is opened by the secret of a room that is added.
    ///
    /// # Errors
    /// Exit 6 if that one is damaged: it is never overwritten.
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

    /// Stores a changed room, with the fields that this version does not know.
    ///
    /// # Errors
    /// Exit 6 if what is on disk is damaged: it is never overwritten.
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

    /// Remembers which room a command without `--room` means.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set_last(&mut self, id: RoomId) -> Result<(), Failure> {
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

    /// The room that was used last, or the only one. `None` when there is none to open.
    ///
    /// # Errors
    /// Exit 6 if that room is damaged.
    pub fn last(&self) -> Result<Option<Room>, Failure> {
        let last = match &self.storage {
            Storage::Memory { last, .. } => *last,
            // A pointer that cannot be read is no reason to stop: it is only a convenience.
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

    /// The room that the user names by name or by the start of its id, or else the last one.
    ///
    /// # Errors
    /// Exit 3 if there is none or more than one, with the nearest names.
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
        // Each way is asked only if the stricter ones found nothing.
        let mut found = by_name(str::to_string);
        if found.is_empty() {
            found = by_name(str::to_lowercase);
        }
        if found.is_empty() {
            found = by_id();
        }
        match (&found[..], damaged.into_iter().next()) {
            ([room], _) => Ok((*room).clone()),
            // The one that was meant may be the damaged one.
            ([], Some(failure)) => Err(failure),
            ([], None) => Err(unknown(query, &rooms)),
            (found, _) => Err(ambiguous(query, found)),
        }
    }

    /// The same, if its messages can be read and written here.
    ///
    /// # Errors
    /// As [`find`](Self::find), and exit 10 if it is only kept for others.
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
        Failure::new(ExitCode::NotFound, "room.unnamed", "which room?")
            .help(format!("use  --room NAME  with one of: {}", names.join(", ")))
    }
}

fn folders(global: &Global) -> Result<(PathBuf, PathBuf), Failure> {
    match &global.data_dir {
        Some(folder) => Ok((folder.clone(), folder.clone())),
        None => default_folders(),
    }
}

/// XDG on every system: what people of the command line expect.
fn default_folders() -> Result<(PathBuf, PathBuf), Failure> {
    let base = etcetera::base_strategy::Xdg::new().map_err(|_| {
        Failure::new(ExitCode::Failed, "profile.home", "there is no home folder")
            .help("say where to keep things:  --data-dir DIR   or keep nothing:  --ephemeral")
    })?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok((base.data_dir().join(APP), state.join(APP)))
}

fn room_folder(data: &Path, id: RoomId) -> PathBuf {
    data.join(ROOMS).join(id.as_str())
}

/// The room in a folder; `None` if it was never finished, so that nothing is lost.
fn load(data: &Path, id: RoomId) -> Result<Option<Room>, Failure> {
    let path = room_folder(data, id).join(ROOM_FILE);
    match files::read(&path)? {
        Some(text) => Room::from_toml(id, &text, &path).map(Some),
        None => Ok(None),
    }
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
    let message = format!("'{query}' names {} rooms", rooms.len());
    Failure::new(ExitCode::NotFound, "room.ambiguous", message)
        .help(format!("use the id of one: {}", names.join(", ")))
}

#[cfg(test)]
mod tests;
