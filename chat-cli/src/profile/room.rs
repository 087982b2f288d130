//! A room as this profile knows it, and its file.

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
use crate::sanitize;

/// The widest room name, in terminal columns.
pub const ROOM_NAME_COLUMNS_MAX: usize = 40;
/// The version of the file that this program writes, and the newest that it reads.
const FILE_VERSION: u32 = 1;
/// The most addresses that are kept for a room.
const HINTS_MAX: usize = 16;
/// The most authors that are hidden in a room. Feeds cost nothing to make: who is flooded with
/// them needs another room.
const HIDDEN_MAX: usize = 500;

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
    /// A new room with a secret that nobody has yet.
    ///
    /// # Errors
    /// If the name is empty or the system gives no random bytes.
    pub fn create(name: &str, now: Timestamp) -> Result<Self, Failure> {
        Self::of(Access::Secret(identity::random()?), checked_name(name)?, now)
    }

    /// The room of an invite, under the name that the user or the inviter gives it.
    ///
    /// # Errors
    /// If the user's name is empty.
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
        let mut room = Self::of(access, name, now)?;
        room.add_hints(invite.hints().addresses());
        Ok(room)
    }

    /// The open room of a name.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn open(name: &str, alias: Option<&str>, now: Timestamp) -> Result<Self, Failure> {
        let shown = checked_name(alias.unwrap_or(name))?;
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
        self.access.group()
    }

    /// How messages become blocks in it, and back.
    pub fn envelope(&self) -> Envelope {
        self.access.envelope()
    }

    /// Whether it is kept for others, by somebody who cannot read it.
    pub fn is_sealed(&self) -> bool {
        matches!(self.access, Access::Seed(_))
    }

    /// The room itself, if its messages can be read and written here.
    ///
    /// # Errors
    /// Exit 10 if it was joined with a seeder's invite.
    pub fn readable(self) -> Result<Self, Failure> {
        if self.is_sealed() { Err(envelope::sealed_room_failure()) } else { Ok(self) }
    }

    /// Takes the secret of the same room, joined anew with a member's invite; whether there is a
    /// difference. All else stays as it was.
    pub(super) fn upgrade_access(&mut self, other: &Self) -> bool {
        let is_news = other.access.unlocks(&self.access);
        if is_news {
            self.access = other.access.clone();
        }
        is_news
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

    /// An invite to it; `None` where there is none to give: to an open room, which needs none, and
    /// to read what cannot be read here. A seeder is not told what the room is called.
    pub fn invite(&self, right: Right, hints: Hints) -> Option<Invite> {
        let hints = match right {
            Right::Member => hints.with_name(&self.name),
            Right::Seeder => hints,
        };
        self.access.key_for(right).map(|key| Invite::of(right, *key, hints))
    }

    /// The same without hints.
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
            return Err(damaged("belongs into another folder"));
        }
        let created = file.created.parse().map_err(|_| damaged("has no valid time"))?;
        let name = checked_name(&file.name).map_err(|_| damaged("has no name"))?;
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
    /// Of a member: what opens all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Zeroizing<String>>,
    /// Of a seeder, who has no more.
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
