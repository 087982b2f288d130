//! JSON lines, schema 1: what programs read from multichat, one object a line.
//!
//! Rule: a field that is here keeps its name and meaning while `v` is 1; fields may be added.
//! What a peer said comes as [`Clean`] only.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::ids::{MessageId, hex};
use crate::message::{self, Content, Unreadable};
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::sanitize::{self, Clean};

/// The schema's version.
pub const VERSION: u32 = 1;

/// One line; [`crate::output::Output::json`] prints it. Errors are lines too, and are made by
/// [`crate::report::Report::json`].
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

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// A room was made, joined, or is one of those here.
    Room {
        /// Its id, fixed for ever.
        id: String,
        /// What it is called here.
        name: Clean,
        /// The invite, where one was asked for.
        #[serde(rename = "ticket", skip_serializing_if = "Option::is_none")]
        invite: Option<String>,
        /// Whether it is kept for others, and cannot be read here.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        kept: bool,
    },
    /// Others are let in.
    Listening {
        /// Where, with the port that the system chose.
        addr: SocketAddr,
    },
    /// The page of metrics is there.
    Metrics {
        /// Where, with the port that the system chose.
        addr: SocketAddr,
        /// Whether other machines may read it.
        public: bool,
    },
    /// How far the search for others is.
    Net {
        /// How they are found: `lan`, `dht`, or `tcp` for what is dialled.
        via: String,
        /// The rung: `bootstrapped`, `announced`, `looking`, `found`, `failed`; `dialling`,
        /// `connected`, `unreachable`, `ended`.
        step: &'static str,
        /// How many nodes, addresses, peers or attempts.
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<u64>,
        /// Whom it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        addr: Option<SocketAddr>,
        /// What went wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Which program this is.
    Version {
        /// Its version.
        version: &'static str,
        /// The version of these lines.
        schema: u32,
        /// The system that it was built for.
        os: &'static str,
        /// The processor that it was built for.
        arch: &'static str,
    },
    /// A channel of a room.
    Channel {
        /// The room.
        room: Clean,
        /// Its name.
        name: Clean,
        /// Messages in it that are here.
        messages: u64,
        /// When the last of them was written, as its author says.
        #[serde(serialize_with = "optional_iso")]
        last: Option<Timestamp>,
        /// What it is about, if somebody says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        topic: Option<Clean>,
    },
    /// A feed of a room.
    Feed {
        /// Its key.
        key: String,
        /// Messages that are here.
        length: u64,
        /// Their bytes.
        bytes: u64,
        /// Whether it is ours.
        own: bool,
    },
    /// Who the user is in a room.
    Whoami {
        /// The name of the profile.
        profile: String,
        /// What he is called.
        nick: Clean,
        /// The room.
        room: Clean,
        /// The key of his feed in it.
        key: String,
    },
    /// A setting, as it holds where no flag says otherwise.
    Setting {
        /// Its name.
        key: &'static str,
        /// What it is: nothing, one text or several.
        values: Vec<Clean>,
        /// Who says so: `file` or `default`.
        from: &'static str,
    },
    /// What the user decided about an author.
    Decided {
        /// The key of the author's feed.
        key: String,
        /// What the author was called last.
        nick: Clean,
        /// Whether nothing of it is shown.
        hidden: bool,
        /// Whether nothing of it is taken or given.
        blocked: bool,
    },
    /// Nothing more is taken of an author.
    Author {
        /// The key of the author's feed.
        key: String,
        /// What the author was called last, with a part of the key.
        nick: Clean,
        /// Whether it is the user.
        own: bool,
        /// Why: `forked`, two histories are signed; `full`, there is no room for more.
        state: &'static str,
    },
    /// A connection came or went.
    Peer {
        /// Which of the two.
        state: PeerState,
        /// The key of the connection.
        key: String,
        /// How it was found, such as `tcp`.
        via: &'static str,
        /// The round trip, if one was measured.
        #[serde(skip_serializing_if = "Option::is_none")]
        rtt_ms: Option<u64>,
    },
    /// How far the room has come.
    Sync {
        /// The room.
        room: Clean,
        /// Blocks that are here and verified.
        have: u64,
        /// Blocks that the connected peers claim.
        want: u64,
        /// Feeds known.
        feeds: u64,
        /// Peers connected.
        peers: u64,
        /// Where it stands, such as `syncing` or `idle`.
        state: &'static str,
    },
    /// A message.
    Message(Message),
    /// Another topic of a channel, with the fields of a message; no text takes it away.
    Topic(Message),
    /// A message of ours is stored.
    Ack {
        /// What the command called it.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Clean>,
        /// Its place.
        id: MessageId,
        /// How far it got.
        state: &'static str,
    },
    /// `send` has done what it was asked to wait for.
    Sent {
        /// Its place.
        id: MessageId,
        /// Peers that have stored it.
        holders: u64,
        /// Peers that are known.
        of: u64,
    },
    /// A message of ours got onto more peers.
    Status {
        /// Its place.
        id: MessageId,
        /// Peers that have stored it.
        holders: u64,
        /// Peers that are known.
        of: u64,
    },
    /// The first line of a pipe.
    Hello {
        /// The program with its version.
        app: &'static str,
        /// The name of the profile.
        profile: String,
        /// The key of the user's feed in the room that is open.
        key: String,
        /// All rooms by name.
        rooms: Vec<Clean>,
    },
    /// A command that was not done.
    Error {
        /// What the command called it.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Clean>,
        /// The stable code.
        code: &'static str,
        /// What is wrong.
        message: Clean,
        /// What to do about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<Clean>,
    },
    /// A feed that was read as a whole.
    Inspected {
        /// Its key.
        key: String,
        /// Messages that are here.
        length: u64,
        /// Their bytes.
        bytes: u64,
        /// How many of them cannot be read as messages.
        unreadable: u64,
        /// The digest of all of them, as messages name it.
        digest: String,
        /// Whether it is ours.
        own: bool,
    },
    /// One thing that the doctor looked at.
    Check(Check),
    /// What a simulated room came to.
    Demo(Demo),
    /// The last line.
    Bye {
        /// Why it is.
        reason: &'static str,
    },
}

/// One thing that the doctor looked at. Nothing in it is a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about, such as `loop`.
    pub name: &'static str,
    /// Whether it works.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'static str>,
}

/// Whether something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It does.
    Ok,
    /// It may be what is missing.
    Warn,
    /// It does not.
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

/// What a simulated room came to: the same seed gives the same line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Demo {
    /// The seed.
    pub seed: u64,
    /// Whether all members ended up with the same messages, all of them.
    pub converged: bool,
    /// Members.
    pub peers: u64,
    /// Messages that each of them has.
    pub messages: u64,
    /// Hash of everything that happened, in hex.
    pub trace: String,
    /// Simulated time.
    pub elapsed_ms: u64,
    /// Bytes that went over all links.
    pub bytes: u64,
}

/// Whether a peer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// It is.
    Up,
    /// It was.
    Down,
}

/// A message as programs see it.
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
    text: Clean,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'static str>,
    backfill: bool,
    hidden: bool,
}

/// Whether a message was there before we looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is of the history.
    Backfill,
    /// It came now.
    Live,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Author {
    key: String,
    nick: Clean,
}

impl Message {
    /// The line of a block; what cannot be read has its marker for a text.
    pub fn new(id: MessageId, room: &str, content: &Content, arrival: Arrival) -> Self {
        let (nick, time, text, unreadable) = match content {
            Content::Chat(chat) => {
                let nick = sanitize::nick(chat.nickname.as_deref().unwrap_or_default());
                (nick, chat.time, sanitize::json(&chat.text), None)
            }
            Content::Topic(set) => {
                let nick = sanitize::nick(set.nickname.as_deref().unwrap_or_default());
                (nick, set.time, message::topic(&set.text), None)
            }
            Content::Unreadable(why) => {
                (sanitize::nick(""), None, sanitize::json(""), Some(why.marker()))
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
