//! Encodes and decodes blocks: the JSON message of the Kappa workshop's multichat.
//!
//! Rule: it writes what that program writes, with two more fields that the program ignores
//! ([`Head`] and the channel). It reads arbitrary input: a peer's block is either shown or marked
//! as unreadable, and has no other effect. In a secret room an
//! [`Envelope`](crate::envelope::Envelope) encrypts the block.
//!
//! ```
//! use multichat::message::{self, Content, Draft};
//! let now = "2026-11-22T08:26:14.138Z".parse().unwrap();
//! let block = message::encode(&Draft::new("alice", "hi"), now).unwrap();
//! let Content::Chat(chat) = message::decode(&block) else { panic!() };
//! assert_eq!((chat.nickname.as_deref(), chat.text.as_str()), (Some("alice"), "hi"));
//! ```

pub mod seen;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::seen::Head;

use crate::exit::ExitCode;
use crate::report::Failure;
use crate::sanitize::{self, Clean};

/// The longest text that is sent, in bytes of UTF-8. Chosen: several pages of text.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// The longest block of a peer that is decoded. Derivation: a JSON escape such as `\u001b` needs
/// six bytes for one, so the longest text needs 48 KiB, and the other fields fit in the rest.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;
/// The widest line of a message, in terminal columns. Large enough that the longest text is never
/// cut, even if each byte is shown as an escape.
pub const LINE_COLUMNS_MAX: usize = 4 * TEXT_BYTES_MAX;

/// The default channel of every room, and of messages without a channel.
pub const CHANNEL: &str = "general";
/// The widest name of a channel, in terminal columns. Chosen: a list of channels fits beside the
/// messages.
pub const CHANNEL_COLUMNS_MAX: usize = 24;

/// The longest topic that is sent, in bytes of UTF-8. Chosen: 120 columns of four-byte characters
/// need 480 bytes.
pub const TOPIC_BYTES_MAX: usize = 512;
/// The widest topic, in terminal columns. Chosen: one line of a wide window.
pub const TOPIC_COLUMNS_MAX: usize = 120;

const TYPE: &str = "chat-message";
/// As `chat/topic` in cabal: a block in the feed of the member who sets it.
const TOPIC_TYPE: &str = "chat-topic";

/// The content of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A message.
    Chat(Chat),
    /// A new topic of a channel, as the text; an empty text clears it.
    Topic(Chat),
    /// Anything else. It still has an index in the feed, so a marker is shown.
    Unreadable(Unreadable),
}

impl Content {
    /// Returns the channel; unreadable blocks are in the default channel.
    pub fn channel(&self) -> Clean {
        self.chat().map_or_else(|| channel_name(CHANNEL), |chat| chat.channel.clone())
    }

    /// Returns the heads that its author had seen.
    pub fn seen(&self) -> &[Head] {
        self.chat().map_or(&[], |chat| &chat.seen)
    }

    /// Returns the fields of a message or topic.
    pub fn chat(&self) -> Option<&Chat> {
        match self {
            Self::Chat(chat) | Self::Topic(chat) => Some(chat),
            Self::Unreadable(_) => None,
        }
    }

    /// Returns the character between time and author. Names and texts of peers never reach this
    /// column, so they cannot imitate another kind of message.
    pub fn kind_symbol(&self) -> char {
        match self {
            Self::Chat(chat) if action(&chat.text).is_some() => '*',
            Self::Chat(_) => ' ',
            Self::Topic(_) => '─',
            Self::Unreadable(_) => '?',
        }
    }

    /// Returns the text for a file, as [`sanitize::exact`]: the text, the action, or a marker.
    pub fn exact(&self) -> String {
        match self {
            Self::Chat(chat) => sanitize::exact(action(&chat.text).unwrap_or(&chat.text)),
            Self::Topic(set) if set.text.is_empty() => topic_summary(&set.text),
            Self::Topic(set) => sanitize::exact(&format!("set the topic: {}", set.text)),
            Self::Unreadable(why) => why.marker().to_string(),
        }
    }

    /// Returns the lines to show after the author: the text, the action, or a marker.
    pub fn lines(&self) -> Vec<Clean> {
        match self {
            Self::Chat(chat) => {
                sanitize::lines(action(&chat.text).unwrap_or(&chat.text), LINE_COLUMNS_MAX)
            }
            Self::Topic(set) => sanitize::lines(&topic_summary(&set.text), LINE_COLUMNS_MAX),
            Self::Unreadable(why) => sanitize::lines(why.marker(), LINE_COLUMNS_MAX),
        }
    }
}

/// A message as its author wrote it: sanitise each field before showing it.
#[derive(Clone, PartialEq, Eq)]
pub struct Chat {
    /// The author's name, if given.
    pub nickname: Option<String>,
    /// The text.
    pub text: String,
    /// The time by the author's clock; `None` if missing or invalid.
    pub time: Option<Timestamp>,
    /// The channel.
    pub channel: Clean,
    /// The heads that the author had seen, `SEEN_MAX` at most. They are unverified claims.
    pub seen: Vec<Head>,
}

impl fmt::Debug for Chat {
    /// Omits the text, so that private messages never appear in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("text_bytes", &self.text.len())
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Why a block is not shown as a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is longer than [`BLOCK_BYTES_MAX`].
    TooLong,
    /// It is not a JSON object.
    NotJson,
    /// Its type is unknown to this version.
    OtherType,
    /// Its type is that of a message, but its fields are invalid.
    WrongFields,
    /// It was encrypted with another key than the room's, or is incomplete.
    Sealed,
    /// It is no longer stored: its feed was refused, or its blocks were cleared.
    Gone,
    /// The user has hidden its author.
    Hidden,
}

impl Unreadable {
    /// Returns the marker that is shown instead of a message.
    pub fn marker(self) -> &'static str {
        match self {
            Self::TooLong => "(a message too long to show)",
            Self::NotJson => "(not a message)",
            Self::OtherType => "(a message type that this version does not know)",
            Self::WrongFields => "(an invalid message)",
            Self::Sealed => "(a message encrypted with another key)",
            Self::Hidden => "(hidden here: see  multichat mod log)",
            Self::Gone => "(a message that is no longer stored here)",
        }
    }
}

/// The purpose of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message for the other members.
    Message,
    /// The topic of the channel; an empty text clears it.
    Topic,
}

/// A message to encode.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The purpose of the text.
    pub kind: Kind,
    /// The author's name.
    pub nickname: &'a str,
    /// The text.
    pub text: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// The heads that the author has seen.
    pub seen: &'a [Head],
}

impl<'a> Draft<'a> {
    /// Creates a text for the default channel by an author who has seen no messages.
    pub fn new(nickname: &'a str, text: &'a str) -> Self {
        Self { kind: Kind::Message, nickname, text, channel: CHANNEL, seen: &[] }
    }
}

/// Encodes a message as a plain block.
///
/// # Errors
/// Exit 4 if the text is empty or too long.
pub fn encode(draft: &Draft<'_>, now: Timestamp) -> Result<Vec<u8>, Failure> {
    let (kind, text) = match draft.kind {
        Kind::Message => (TYPE, draft.text.to_string()),
        Kind::Topic => (TOPIC_TYPE, one_line(draft.text)),
    };
    match draft.kind {
        Kind::Message => check(&text)?,
        Kind::Topic => check_topic(&text)?,
    }
    let (nickname, seen) = (sanitize::nick(draft.nickname), seen::write(draft.seen));
    let channel = channel_name(draft.channel);
    let message = OutgoingMessage {
        kind,
        nickname: nickname.as_str(),
        text: &text,
        timestamp: &iso(now),
        channel: (channel.as_str() != CHANNEL).then_some(channel.as_str()),
        seen,
    };
    // Strings always serialise.
    Ok(serde_json::to_vec(&message).expect("a message of strings is JSON"))
}

/// Normalises the name of a channel: one word, case-folded, without the `#`.
pub fn channel_name(name: &str) -> Clean {
    let folded = sanitize::fold(name.trim().trim_start_matches('#'));
    let word: String = folded.split_whitespace().collect::<Vec<_>>().join("-");
    match sanitize::line(&word, CHANNEL_COLUMNS_MAX) {
        name if name.as_str().is_empty() => sanitize::line(CHANNEL, CHANNEL_COLUMNS_MAX),
        name => name,
    }
}

/// Checks whether a text can be sent.
///
/// # Errors
/// Exit 4 if the text is empty or too long.
pub fn check(text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::new(ExitCode::BadInput, "message.empty", "there is nothing to send")
            .help("multichat send \"hello\"   or   echo hello | multichat send -"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(too_long(text.len() as u64));
    }
    Ok(())
}

/// Returns the failure of a text with too many bytes.
pub fn too_long(bytes: u64) -> Failure {
    let message = format!("the message has {bytes} bytes; the maximum is {TEXT_BYTES_MAX}");
    Failure::new(ExitCode::BadInput, "message.long", message).help("send it in parts")
}

/// Checks whether a text can be a topic. An empty text is valid; it clears the topic.
fn check_topic(text: &str) -> Result<(), Failure> {
    let (bytes, columns) = (text.len(), sanitize::json(text).columns());
    if bytes <= TOPIC_BYTES_MAX && columns <= TOPIC_COLUMNS_MAX {
        return Ok(());
    }
    let message = format!(
        "the topic has {columns} columns and {bytes} bytes; the maximum is {TOPIC_COLUMNS_MAX} \
         and {TOPIC_BYTES_MAX}"
    );
    Err(Failure::new(ExitCode::BadInput, "topic.long", message).help("put the rest in a message"))
}

/// Formats a topic of any author on one line; empty if there is none.
pub fn topic(text: &str) -> Clean {
    sanitize::line(&one_line(text), TOPIC_COLUMNS_MAX)
}

/// Describes a change of topic, to be shown after the author's name.
fn topic_summary(text: &str) -> String {
    match topic(text) {
        topic if topic.as_str().is_empty() => "cleared the topic".into(),
        topic => format!("set the topic: {topic}"),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Decodes a plain block of any author.
pub fn decode(block: &[u8]) -> Content {
    read(block).unwrap_or_else(Content::Unreadable)
}

/// Returns the action in a text that starts with `/me ` (XEP-0245). It is an ordinary message,
/// and programs without this feature show it as typed.
fn action(text: &str) -> Option<&str> {
    text.strip_prefix("/me ").map(str::trim_start).filter(|done| !done.is_empty())
}

/// Formats a time like JavaScript's `toISOString`: UTC with milliseconds.
pub fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn read(block: &[u8]) -> Result<Content, Unreadable> {
    if block.len() > BLOCK_BYTES_MAX {
        return Err(Unreadable::TooLong);
    }
    // A JSON array could pass for the fields in their order, but other programs refuse it.
    if block.trim_ascii_start().first() != Some(&b'{') {
        return Err(Unreadable::NotJson);
    }
    let found: IncomingMessage = serde_json::from_slice(block).map_err(|_| Unreadable::NotJson)?;
    let content = match found.kind.as_str() {
        Some(TYPE) => Content::Chat,
        Some(TOPIC_TYPE) => Content::Topic,
        _ => return Err(Unreadable::OtherType),
    };
    let Value::String(text) = found.text else { return Err(Unreadable::WrongFields) };
    let nickname = match found.nickname {
        Value::Null => None,
        Value::String(nickname) => Some(nickname),
        _ => return Err(Unreadable::WrongFields),
    };
    let time = match found.timestamp {
        Value::Null => None,
        Value::String(time) => time.parse().ok(),
        Value::Number(ms) => milliseconds(&ms),
        _ => return Err(Unreadable::WrongFields),
    };
    // An invalid channel is ignored: the message can be read without it.
    let channel = channel_name(found.channel.as_str().unwrap_or(CHANNEL));
    Ok(content(Chat { nickname, text, time, channel, seen: seen::read(&found.seen) }))
}

/// Parses JavaScript's `Date.now()`, which may have a fraction; `None` after the year 9999.
fn milliseconds(ms: &serde_json::Number) -> Option<Timestamp> {
    // The cast saturates, and the largest integers are no valid times.
    let whole = ms.as_i64().or_else(|| ms.as_f64().map(|ms| ms as i64))?;
    Timestamp::from_millisecond(whole).ok()
}

/// The fields in the order of the workshop's program, then our own.
#[derive(Serialize)]
struct OutgoingMessage<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    nickname: &'a str,
    text: &'a str,
    timestamp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    seen: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct IncomingMessage {
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    nickname: Value,
    #[serde(default)]
    text: Value,
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    channel: Value,
    #[serde(default)]
    seen: Value,
}

#[cfg(test)]
mod tests;
