//! Holds a room of a profile, and reads and writes its file.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use multifeed_core::Group;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::access::{Access, Key, RoomId};
use super::{files, identity};
use crate::envelope::{self, Envelope};
use crate::exit::ExitCode;
use crate::invite::hints::Hints;
use crate::invite::{Invite, Right, decode_symbols, encode_symbols};
use crate::report::Failure;
use crate::sanitize::{self, Clean};

/// The widest room name, in terminal columns. Chosen: it fits a list beside the messages.
pub const ROOM_NAME_COLUMNS_MAX: usize = 40;
/// The columns of an id with a space and brackets.
const ID_COLUMNS: usize = 11;
/// The version of the file format that is written, and the newest that is read.
const FILE_VERSION: u32 = 1;
/// The most addresses saved per room. Chosen: more than a person dials, and bounds the file.
const HINTS_MAX: usize = 16;
/// The most hidden authors per room: as many as the core can refuse (`Limits::rulings`), because
/// anyone can create feeds for free. Bounds the file at 4 MB.
const HIDDEN_MAX: usize = 65_536;

/// A room of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    id: RoomId,
    name: String,
    access: Access,
    created: Timestamp,
    /// Whether it existed before it came into this profile.
    is_joined: bool,
    hints: Vec<SocketAddr>,
    /// The hidden authors.
    hidden: BTreeSet<[u8; 32]>,
    /// Fields of newer versions, which are written back unchanged.
    unknown: toml::Table,
}

impl Room {
    /// Creates a room with a new secret.
    ///
    /// # Errors
    /// Fails if the name is empty or the system has no randomness.
    pub fn create(name: &str, now: Timestamp) -> Result<Self, Failure> {
        Self::of(Access::Secret(identity::random()?), checked_name(name)?, now)
    }

    /// Creates the room of an invite, with the user's name for it or else the inviter's.
    ///
    /// # Errors
    /// Fails if the user's name for it is empty.
    pub fn from_invite(
        invite: &Invite,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let access = Access::of(invite.right(), invite.key());
        let name = match name {
            Some(name) => checked_name(name)?,
            None => invite
                .hints()
                .name()
                .and_then(|name| checked_name(name).ok())
                .unwrap_or_else(|| RoomId::of(&access).to_string()),
        };
        let mut room = Self { is_joined: true, ..Self::of(access, name, now)? };
        room.add_hints(invite.hints().addresses());
        Ok(room)
    }

    /// Creates the open room of a name.
    ///
    /// # Errors
    /// Fails if the name is empty.
    pub fn open(name: &str, alias: Option<&str>, now: Timestamp) -> Result<Self, Failure> {
        let shown = checked_name(alias.unwrap_or(name))?;
        let room = Self::of(Access::Open { name: name.to_string() }, shown, now)?;
        Ok(Self { is_joined: true, ..room })
    }

    fn of(access: Access, name: String, created: Timestamp) -> Result<Self, Failure> {
        let (id, hints, unknown) = (RoomId::of(&access), Vec::new(), toml::Table::new());
        let (is_joined, hidden) = (false, BTreeSet::new());
        Ok(Self { id, name, access, created, is_joined, hints, hidden, unknown })
    }

    /// Returns the name of its folder.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// Returns its name in this profile: sanitised, not empty, and not necessarily unique.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its name, with its id if another of these rooms has the same name.
    pub fn label(&self, rooms: &[Room]) -> Clean {
        let is_same = |other: &Room| other.id != self.id && other.name == self.name;
        if rooms.iter().any(is_same) {
            let label = format!("{} ({})", self.name, self.id);
            return sanitize::line(&label, ROOM_NAME_COLUMNS_MAX + ID_COLUMNS);
        }
        sanitize::line(&self.name, ROOM_NAME_COLUMNS_MAX)
    }

    /// Changes its name in this profile.
    ///
    /// # Errors
    /// Fails if the name is empty.
    pub fn rename(&mut self, name: &str) -> Result<(), Failure> {
        self.name = checked_name(name)?;
        Ok(())
    }

    /// Returns the right to it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Returns the group of its feeds.
    pub fn group(&self) -> Group {
        self.access.group()
    }

    /// Returns the envelope of its messages.
    pub fn envelope(&self) -> Envelope {
        self.access.envelope()
    }

    /// Returns whether this is a relay, which cannot read the room.
    pub fn is_sealed(&self) -> bool {
        matches!(self.access, Access::Seed(_))
    }

    /// Returns the room if it can be read and written here.
    ///
    /// # Errors
    /// Exit 10 if it was joined with a relay invite.
    pub fn readable(self) -> Result<Self, Failure> {
        if self.is_sealed() { Err(envelope::sealed_room_failure()) } else { Ok(self) }
    }

    /// Copies the secret from the same room, joined with a member's invite; returns whether that
    /// changed anything. All else stays.
    pub(super) fn upgrade_access(&mut self, other: &Self) -> bool {
        let is_news = other.access.unlocks(&self.access);
        if is_news {
            self.access = other.access.clone();
        }
        is_news
    }

    /// Returns when it was created or joined here.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Returns whether it existed before it came into this profile. A room of an earlier version
    /// counts as created here.
    pub fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Returns addresses at which members were reachable.
    pub fn hints(&self) -> &[SocketAddr] {
        &self.hints
    }

    /// Saves addresses, the newest first, and drops the oldest above the limit.
    pub fn add_hints(&mut self, addresses: &[SocketAddr]) {
        for address in addresses.iter().rev() {
            self.hints.retain(|known| known != address);
            self.hints.insert(0, *address);
        }
        self.hints.truncate(HINTS_MAX);
    }

    /// Returns the hidden authors, by the keys of their feeds.
    pub fn hidden(&self) -> &BTreeSet<[u8; 32]> {
        &self.hidden
    }

    /// Hides an author.
    ///
    /// # Errors
    /// Fails if the limit is reached.
    pub fn hide(&mut self, author: [u8; 32]) -> Result<(), Failure> {
        if self.hidden.len() >= HIDDEN_MAX && !self.hidden.contains(&author) {
            let message = format!("{HIDDEN_MAX} authors are already hidden in this room");
            return Err(Failure::new(ExitCode::Refused, "mod.many", message)
                .help("unhide some of them, see  multichat mod log"));
        }
        self.hidden.insert(author);
        Ok(())
    }

    /// Shows an author again.
    pub fn unhide(&mut self, author: &[u8; 32]) {
        self.hidden.remove(author);
    }

    /// Returns an invite; `None` if there is none: for an open room, and for reading a room that
    /// cannot be read here. A relay invite does not contain the room's name.
    pub fn invite(&self, right: Right, hints: Hints) -> Option<Invite> {
        let hints = match right {
            Right::Member => hints.with_name(&self.name),
            Right::Seeder => hints,
        };
        self.access.key_for(right).map(|key| Invite::of(right, *key, hints))
    }

    /// Returns an invite without hints.
    pub fn invite_without_hints(&self, right: Right) -> Option<Invite> {
        self.access.key_for(right).map(|key| Invite::of(right, *key, Hints::default()))
    }

    pub(super) fn to_toml(&self) -> Result<Zeroizing<String>, Failure> {
        let symbols = |key: &Key| Some(Zeroizing::new(encode_symbols(&key[..])));
        let (secret, group_key, open_name) = match &self.access {
            Access::Secret(secret) => (symbols(secret), None, None),
            Access::Seed(group) => (None, symbols(group), None),
            Access::Open { name } => (None, None, Some(name.clone())),
        };
        let file = RoomFile {
            version: FILE_VERSION,
            name: self.name.clone(),
            created: self.created.to_string(),
            joined: self.is_joined,
            secret,
            group_key,
            open_name,
            hints: self.hints.clone(),
            hidden: self.hidden.iter().map(|author| encode_symbols(author)).collect(),
            unknown: self.unknown.clone(),
        };
        toml::to_string(&file).map(Zeroizing::new).map_err(|error| {
            Failure::new(ExitCode::Failed, "room.write", format!("cannot write a room: {error}"))
        })
    }

    /// Parses a room's file. `path` is for the error, which never shows the content.
    pub(super) fn from_toml(id: RoomId, bytes: &[u8], path: &Path) -> Result<Self, Failure> {
        let damaged = |what: &str| files::damaged("room.damaged", path, what);
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("is not text"))?;
        let file: RoomFile = toml::from_str(text).map_err(|error| {
            // The parser's message would quote the line, which may contain the key.
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            damaged(&format!("does not parse at line {line}"))
        })?;
        if file.version > FILE_VERSION {
            let message = format!("{} was written by a newer multichat", path.display());
            return Err(Failure::new(ExitCode::Failed, "room.newer", message)
                .help("use that version, or another  --profile NAME"));
        }
        let key = |symbols: &str| -> Result<Key, Failure> {
            let bytes = decode_symbols(symbols).ok_or_else(|| damaged("has no valid key"))?;
            let key = bytes[..].try_into().map_err(|_| damaged("has no valid key"))?;
            Ok(Zeroizing::new(key))
        };
        let access = match (&file.secret, &file.group_key, file.open_name) {
            (Some(secret), None, None) => Access::Secret(key(secret)?),
            (None, Some(group), None) => Access::Seed(key(group)?),
            (None, None, Some(name)) => Access::Open { name },
            _ => return Err(damaged("needs either a secret, a group key or an open name")),
        };
        if RoomId::of(&access) != id {
            return Err(damaged("belongs in another folder"));
        }
        let created = file.created.parse().map_err(|_| damaged("has no valid time"))?;
        let name = checked_name(&file.name).map_err(|_| damaged("has no name"))?;
        let hints = file.hints.into_iter().take(HINTS_MAX).collect();
        let hidden = file.hidden.iter().take(HIDDEN_MAX).map(|author| {
            let key = decode_symbols(author).and_then(|key| key[..].try_into().ok());
            key.ok_or_else(|| damaged("has an invalid hidden author"))
        });
        let hidden = hidden.collect::<Result<_, _>>()?;
        let (is_joined, unknown) = (file.joined, file.unknown);
        Ok(Self { id, name, access, created, is_joined, hints, hidden, unknown })
    }
}

/// Sanitises a room's name, which may come from an invite.
fn checked_name(name: &str) -> Result<String, Failure> {
    let name = sanitize::line(name.trim(), ROOM_NAME_COLUMNS_MAX).to_string();
    if name.trim().is_empty() {
        return Err(Failure::new(ExitCode::BadInput, "room.name", "a room needs a name"));
    }
    Ok(name)
}

#[derive(Serialize, Deserialize)]
struct RoomFile {
    version: u32,
    name: String,
    created: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    joined: bool,
    /// The secret, on a member's machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Zeroizing<String>>,
    /// The group key, on a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_key: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_name: Option<String>,
    #[serde(default)]
    hints: Vec<SocketAddr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<String>,
    #[serde(flatten)]
    unknown: toml::Table,
}
