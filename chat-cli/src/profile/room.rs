//! A room as this profile knows it, and its file.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{FixedOutput, KeyInit, Update};
use jiff::Timestamp;
use multifeed_core::Group;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{files, identity};
use crate::exit::ExitCode;
use crate::report::Failure;
use crate::sanitize;
use crate::ticket::{Hints, Ticket, decode_symbols, encode_symbols};

/// The widest room name, in terminal columns.
pub const ROOM_NAME_COLUMNS_MAX: usize = 40;
/// The version of the file that this program writes, and the newest that it reads.
const FILE_VERSION: u32 = 1;
const ID_CHARS: usize = 8;
const SECRET_DOMAIN: &[u8] = b"multichat/1/room-id/secret";
const OPEN_DOMAIN: &[u8] = b"multichat/1/room-id/open\0\0";
/// The most addresses that are kept for a room.
const HINTS_MAX: usize = 16;
/// The most authors that are hidden in a room. Feeds cost nothing to make: who is flooded with
/// them needs another room.
const HIDDEN_MAX: usize = 500;

/// The name of a room's folder: 40 bits of a hash in z-base-32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId([u8; ID_CHARS]);

impl RoomId {
    /// Reads an id; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        decode_symbols(text).filter(|bytes| bytes.len() == 5)?;
        text.as_bytes().try_into().ok().map(Self)
    }

    /// The eight characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an id is made of z-base-32 symbols")
    }

    /// The hash hides the key: ids are shown, and are names of folders.
    fn of(access: &Access) -> Self {
        let hash = match access {
            Access::Secret(key) => keyed_hash(SECRET_DOMAIN, &key[..]),
            Access::Open { name } => keyed_hash(OPEN_DOMAIN, name.as_bytes()),
        };
        let text = encode_symbols(&hash[..5]);
        Self(text.as_bytes().try_into().expect("five bytes are eight symbols"))
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn keyed_hash(domain: &[u8], data: &[u8]) -> [u8; 32] {
    let mut hash = Blake2bMac::<U32>::new_from_slice(domain).expect("domains are short keys");
    hash.update(data);
    hash.finalize_fixed().into()
}

/// What lets somebody into a room.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// The group key, which only invites carry.
    Secret(Zeroizing<[u8; 32]>),
    /// The name, which anybody may know. It is exactly as typed: the topic is its hash.
    Open {
        /// The name that the topic is made of.
        name: String,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::Open { .. } => "Open",
        })
    }
}

/// A room of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    id: RoomId,
    name: String,
    access: Access,
    created: Timestamp,
    hints: Vec<SocketAddr>,
    /// Authors of whom the user wants to read nothing.
    hidden: BTreeSet<[u8; 32]>,
    /// What a newer version wrote; it goes back as it came.
    unknown: toml::Table,
}

impl Room {
    /// A new room with a key that nobody has yet.
    ///
    /// # Errors
    /// If the name is empty or the system gives no random bytes.
    pub fn create(name: &str, now: Timestamp) -> Result<Self, Failure> {
        Self::of(Access::Secret(identity::random()?), shown_name(name)?, now)
    }

    /// The room of an invite, under the name that the user or the inviter gives it.
    ///
    /// # Errors
    /// If the user's name is empty.
    pub fn of_ticket(ticket: &Ticket, name: Option<&str>, now: Timestamp) -> Result<Self, Failure> {
        let access = Access::Secret(Zeroizing::new(*ticket.group_key()));
        let name = match name {
            Some(name) => shown_name(name)?,
            None => ticket
                .hints()
                .name()
                .and_then(|name| shown_name(name).ok())
                .unwrap_or_else(|| RoomId::of(&access).to_string()),
        };
        let mut room = Self::of(access, name, now)?;
        room.add_hints(ticket.hints().addresses());
        Ok(room)
    }

    /// The open room of a name.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn open(name: &str, alias: Option<&str>, now: Timestamp) -> Result<Self, Failure> {
        let shown = shown_name(alias.unwrap_or(name))?;
        Self::of(Access::Open { name: name.to_string() }, shown, now)
    }

    fn of(access: Access, name: String, created: Timestamp) -> Result<Self, Failure> {
        let (id, hints, unknown) = (RoomId::of(&access), Vec::new(), toml::Table::new());
        Ok(Self { id, name, access, created, hints, hidden: BTreeSet::new(), unknown })
    }

    /// The name of its folder.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// What it is called here: sanitised, not empty, and no promise to be the only one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What lets somebody in.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The feeds that belong together in it.
    pub fn group(&self) -> Group {
        match &self.access {
            Access::Secret(key) => Group::keyed(**key),
            Access::Open { name } => Group::open(name),
        }
    }

    /// When it was made or joined here.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Addresses where members were once met.
    pub fn hints(&self) -> &[SocketAddr] {
        &self.hints
    }

    /// Remembers addresses, the newest first, and forgets the oldest of too many.
    pub fn add_hints(&mut self, addresses: &[SocketAddr]) {
        for address in addresses.iter().rev() {
            self.hints.retain(|known| known != address);
            self.hints.insert(0, *address);
        }
        self.hints.truncate(HINTS_MAX);
    }

    /// Authors of whom the user wants to read nothing, by the keys of their feeds.
    pub fn hidden(&self) -> &BTreeSet<[u8; 32]> {
        &self.hidden
    }

    /// Hides an author.
    ///
    /// # Errors
    /// If as many are hidden as can be.
    pub fn hide(&mut self, author: [u8; 32]) -> Result<(), Failure> {
        if self.hidden.len() >= HIDDEN_MAX && !self.hidden.contains(&author) {
            let message = format!("{HIDDEN_MAX} authors are hidden in this room already");
            return Err(Failure::new(ExitCode::Refused, "mod.many", message)
                .help("show some of them again:  multichat mod log"));
        }
        self.hidden.insert(author);
        Ok(())
    }

    /// Shows an author again.
    pub fn unhide(&mut self, author: &[u8; 32]) {
        self.hidden.remove(author);
    }

    /// An invite to it; `None` for an open room, which needs none.
    pub fn ticket(&self, hints: Hints) -> Option<Ticket> {
        match &self.access {
            Access::Secret(key) => Some(Ticket::new(**key, hints.with_name(&self.name))),
            Access::Open { .. } => None,
        }
    }

    pub(super) fn to_toml(&self) -> Result<Zeroizing<String>, Failure> {
        let (group_key, open_name) = match &self.access {
            Access::Secret(key) => (Some(Zeroizing::new(encode_symbols(&key[..]))), None),
            Access::Open { name } => (None, Some(name.clone())),
        };
        let file = RoomFile {
            version: FILE_VERSION,
            name: self.name.clone(),
            created: self.created.to_string(),
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

    /// Reads a room's file; `path` is for the error, which never shows what is in the file.
    pub(super) fn from_toml(id: RoomId, bytes: &[u8], path: &Path) -> Result<Self, Failure> {
        let damaged = |what: &str| files::damaged("room.damaged", path, what);
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("is not text"))?;
        let file: RoomFile = toml::from_str(text).map_err(|error| {
            // The message of the parser would quote the line, and a line here holds the key.
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            damaged(&format!("does not parse at line {line}"))
        })?;
        if file.version > FILE_VERSION {
            let message = format!("{} was written by a newer multichat", path.display());
            return Err(Failure::new(ExitCode::Failed, "room.newer", message)
                .help("use that version, or another  --profile NAME"));
        }
        let access = match (&file.group_key, file.open_name) {
            (Some(key), None) => {
                let key = decode_symbols(key).ok_or_else(|| damaged("has no valid key"))?;
                let key = key[..].try_into().map_err(|_| damaged("has no valid key"))?;
                Access::Secret(Zeroizing::new(key))
            }
            (None, Some(name)) => Access::Open { name },
            _ => return Err(damaged("needs either a key or an open name")),
        };
        if RoomId::of(&access) != id {
            return Err(damaged("belongs into another folder"));
        }
        let created = file.created.parse().map_err(|_| damaged("has no valid time"))?;
        let name = shown_name(&file.name).map_err(|_| damaged("has no name"))?;
        let hints = file.hints.into_iter().take(HINTS_MAX).collect();
        let hidden = file.hidden.iter().take(HIDDEN_MAX).map(|author| {
            let key = decode_symbols(author).and_then(|key| key[..].try_into().ok());
            key.ok_or_else(|| damaged("hides somebody who has no key"))
        });
        let hidden = hidden.collect::<Result<_, _>>()?;
        Ok(Self { id, name, access, created, hints, hidden, unknown: file.unknown })
    }
}

/// The name as it is kept: it comes from an invite as often as from the user.
fn shown_name(name: &str) -> Result<String, Failure> {
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
