//! Defines the JSON lines of schema 1, which programs read: one object per line.
//!
//! Rule: a field keeps its name and meaning while `v` is 1; fields may be added. The text of a
//! message is as its author wrote it; all other peer text appears only as [`Clean`].

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::ids::{MessageId, hex};
use crate::message::{self, Content, Unreadable};
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::sanitize::{self, Clean};

/// The version of the schema.
pub const VERSION: u32 = 1;

/// A line; [`crate::output::Output::json`] prints it. Errors are lines too;
/// [`crate::report::Report::json`] creates them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    v: u32,
    #[serde(flatten)]
    event: Event,
}

impl From<Event> for Line {
    fn from(event: Event) -> Self {
        Self { v: VERSION, event }
    }
}

/// The content of a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// A room that was created or joined, or is listed.
    Room {
        /// The id, which never changes.
        id: String,
        /// The name in this profile.
        name: Clean,
        /// The invite, if requested.
        #[serde(rename = "ticket", skip_serializing_if = "Option::is_none")]
        invite: Option<String>,
        /// Whether this is a relay that cannot read the room.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        kept: bool,
    },
    /// Incoming connections are accepted.
    Listening {
        /// The address, with the port chosen by the system.
        addr: SocketAddr,
    },
    /// The metrics page is open.
    Metrics {
        /// The address, with the port chosen by the system.
        addr: SocketAddr,
        /// Whether other machines may read it.
        public: bool,
    },
    /// A discovery step.
    Net {
        /// The kind of discovery: `lan`, `dht`, or `tcp` for dialled addresses.
        via: String,
        /// The step: `bootstrapped`, `announced`, `looking`, `found`, `failed`; `dialling`,
        /// `connected`, `unreachable`, `ended`.
        step: &'static str,
        /// The number of nodes, addresses, peers or attempts.
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<u64>,
        /// The address that is dialled.
        #[serde(skip_serializing_if = "Option::is_none")]
        addr: Option<SocketAddr>,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The version of the program.
    Version {
        /// The version.
        version: &'static str,
        /// The version of this schema.
        schema: u32,
        /// The operating system it was built for.
        os: &'static str,
        /// The processor architecture it was built for.
        arch: &'static str,
    },
    /// A channel of a room.
    Channel {
        /// The room.
        room: Clean,
        /// Its name.
        name: Clean,
        /// The number of its messages stored here.
        messages: u64,
        /// The time of the last message, as its author gives it.
        #[serde(serialize_with = "optional_iso")]
        last: Option<Timestamp>,
        /// The topic, if one is set.
        #[serde(skip_serializing_if = "Option::is_none")]
        topic: Option<Clean>,
    },
    /// A feed of a room.
    Feed {
        /// Its key.
        key: String,
        /// The number of messages stored here.
        length: u64,
        /// Their size in bytes.
        bytes: u64,
        /// Whether it is the user's feed.
        own: bool,
    },
    /// The user's identity in a room.
    Whoami {
        /// The name of the profile.
        profile: String,
        /// The user's name.
        nick: Clean,
        /// The room.
        room: Clean,
        /// The key of the user's feed in it.
        key: String,
    },
    /// A setting, without flags.
    Setting {
        /// Its name.
        key: &'static str,
        /// The values: none, one or several.
        values: Vec<Clean>,
        /// Its source: `file` or `default`.
        from: &'static str,
    },
    /// A moderation decision about an author.
    Decided {
        /// The key of the author's feed.
        key: String,
        /// The author's last name.
        nick: Clean,
        /// Whether their messages are hidden.
        hidden: bool,
        /// Whether their feed is neither received nor sent.
        blocked: bool,
    },
    /// No more messages of an author are received.
    Author {
        /// The key of the author's feed.
        key: String,
        /// The author's last name, with part of the key.
        nick: Clean,
        /// Whether the author is the user.
        own: bool,
        /// Why: `forked` for two signed histories, `contested` if a peer has another one, `full`
        /// for a storage limit.
        state: &'static str,
    },
    /// A peer connected or disconnected.
    Peer {
        /// Which of the two.
        state: PeerState,
        /// The key of the connection.
        key: String,
        /// How it was found, such as `tcp`.
        via: &'static str,
        /// The round-trip time, if measured.
        #[serde(skip_serializing_if = "Option::is_none")]
        rtt_ms: Option<u64>,
    },
    /// The progress of synchronisation.
    Sync {
        /// The room.
        room: Clean,
        /// Blocks stored here and verified.
        have: u64,
        /// Blocks that the connected peers claim to have.
        want: u64,
        /// The number of known feeds.
        feeds: u64,
        /// The number of connected peers.
        peers: u64,
        /// The state, such as `syncing` or `idle`.
        state: &'static str,
    },
    /// A message.
    Message(Message),
    /// A new topic of a channel, with the fields of a message; an empty text clears it.
    Topic(Message),
    /// A message of ours is stored.
    Ack {
        /// The `ref` of the command.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Clean>,
        /// The id of the message.
        id: MessageId,
        /// The state, such as `stored`.
        state: &'static str,
    },
    /// `send` reached the requested delivery.
    Sent {
        /// The id of the message.
        id: MessageId,
        /// The number of peers that have stored it.
        holders: u64,
        /// The number of known peers.
        of: u64,
    },
    /// A message of ours reached more peers.
    Status {
        /// The id of the message.
        id: MessageId,
        /// The number of peers that have stored it.
        holders: u64,
        /// The number of known peers.
        of: u64,
    },
    /// The first line of a pipe.
    Hello {
        /// The program and its version.
        app: &'static str,
        /// The name of the profile.
        profile: String,
        /// The key of the user's feed in the open room.
        key: String,
        /// The names of all rooms.
        rooms: Vec<Clean>,
    },
    /// A command failed.
    Error {
        /// The `ref` of the command.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Clean>,
        /// The stable code.
        code: &'static str,
        /// What happened.
        message: Clean,
        /// What to do about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<Clean>,
    },
    /// The result of checking a whole feed.
    Inspected {
        /// Its key.
        key: String,
        /// The number of messages stored here.
        length: u64,
        /// Their size in bytes.
        bytes: u64,
        /// How many of them cannot be read as messages.
        unreadable: u64,
        /// The digest of all of them, as messages refer to it.
        digest: String,
        /// Whether it is the user's feed.
        own: bool,
    },
    /// A result of the doctor.
    Check(Check),
    /// The result of a simulated room.
    Demo(Demo),
    /// The last line.
    Bye {
        /// Why the command ended.
        reason: &'static str,
    },
}

/// A result of the doctor. It contains no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The name of the check, such as `loop`.
    pub name: &'static str,
    /// Whether it passed.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'static str>,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It passed.
    Ok,
    /// It may cause a problem.
    Warn,
    /// It failed.
    Fail,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// The result of a simulated room: the same seed gives the same result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Demo {
    /// The seed.
    pub seed: u64,
    /// Whether all members ended with all messages.
    pub converged: bool,
    /// The number of members.
    pub peers: u64,
    /// The number of messages that each of them has.
    pub messages: u64,
    /// The hash of all simulated events, in hex.
    pub trace: String,
    /// The virtual time.
    pub elapsed_ms: u64,
    /// The bytes sent over all links.
    pub bytes: u64,
}

/// Whether a peer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// Connected.
    Up,
    /// Disconnected.
    Down,
}

/// A message as shown to programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    id: MessageId,
    room: Clean,
    channel: Clean,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    clock: BTreeMap<String, u64>,
    author: Author,
    #[serde(serialize_with = "optional_iso")]
    time: Option<Timestamp>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'static str>,
    backfill: bool,
    hidden: bool,
}

/// Whether a message was stored before the command started, or written before the user joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is part of the history.
    Backfill,
    /// It is new.
    Live,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Author {
    key: String,
    nick: Clean,
}

impl Message {
    /// Creates the line of a block. An unreadable block has a marker instead of a text.
    pub fn new(id: MessageId, room: &str, content: &Content, arrival: Arrival) -> Self {
        let (nick, time, text, unreadable) = match content {
            Content::Chat(chat) => {
                let nick = sanitize::nick(chat.nickname.as_deref().unwrap_or_default());
                (nick, chat.time, chat.text.clone(), None)
            }
            Content::Topic(set) => {
                let nick = sanitize::nick(set.nickname.as_deref().unwrap_or_default());
                (nick, set.time, set.text.clone(), None)
            }
            Content::Unreadable(why) => {
                (sanitize::nick(""), None, String::new(), Some(why.marker()))
            }
        };
        Self {
            author: Author { key: hex(&id.feed), nick },
            id,
            room: sanitize::line(room, ROOM_NAME_COLUMNS_MAX),
            channel: content.channel(),
            clock: content.seen().iter().map(|head| (hex(&head.feed), head.index)).collect(),
            time,
            text,
            unreadable,
            backfill: arrival == Arrival::Backfill,
            hidden: *content == Content::Unreadable(Unreadable::Hidden),
        }
    }
}

fn optional_iso<S: Serializer>(time: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => s.serialize_str(&message::iso(*time)),
        None => s.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
