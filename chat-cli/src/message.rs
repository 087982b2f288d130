//! One block of a feed: the JSON message of the Kappa workshop's multichat.
//!
//! Rule: what is written is what that program wrote, with two fields more that it does not look at
//! ([`Head`] and the channel); and what is read may be anything at all: a block of a peer is shown,
//! or is shown to be unreadable, and nothing more can come of it. In a secret room it is sealed,
//! which is the business of an [`Envelope`](crate::envelope::Envelope).
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

/// The longest text that is sent, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// The longest block of a peer that is looked at. Six times our own longest text would fit: each
/// byte of it may be written as a JSON escape of six.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;
/// The widest line of a message, in terminal columns: nothing of the longest text is cut, though
/// each byte of it may be shown as an escape.
pub const LINE_COLUMNS_MAX: usize = 4 * TEXT_BYTES_MAX;

/// The channel that every room has, and of every message that names none.
pub const CHANNEL: &str = "general";
/// The widest name of a channel, in terminal columns.
pub const CHANNEL_COLUMNS_MAX: usize = 24;

/// The longest topic of a channel that is sent, in bytes of UTF-8.
pub const TOPIC_BYTES_MAX: usize = 512;
/// The widest topic, in terminal columns: one line of a wide window.
pub const TOPIC_COLUMNS_MAX: usize = 120;

const TYPE: &str = "chat-message";
/// As in cabal, where it is `chat/topic`: a block of its own in the feed of whoever sets it.
const TOPIC_TYPE: &str = "chat-topic";

/// What a block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A message.
    Chat(Chat),
    /// Another topic for a channel, in the place of the text; none takes the topic away.
    Topic(Chat),
    /// Something else. The place in the feed is taken all the same, so it is shown as a marker.
    Unreadable(Unreadable),
}

impl Content {
    /// The channel in which it stands; what cannot be read stands where everybody looks.
    pub fn channel(&self) -> Clean {
        self.chat().map_or_else(|| channel_name(CHANNEL), |chat| chat.channel.clone())
    }

    /// The heads that its author had seen.
    pub fn seen(&self) -> &[Head] {
        self.chat().map_or(&[], |chat| &chat.seen)
    }

    /// What somebody says, be it a message or a topic.
    pub fn chat(&self) -> Option<&Chat> {
        match self {
            Self::Chat(chat) | Self::Topic(chat) => Some(chat),
            Self::Unreadable(_) => None,
        }
    }

    /// What stands between the time and the author, in a column that no nick and no text of a peer
    /// comes to: so none can pass for one of another kind.
    pub fn kind_symbol(&self) -> char {
        match self {
            Self::Chat(chat) if action(&chat.text).is_some() => '*',
            Self::Chat(_) => ' ',
            Self::Topic(_) => '─',
            Self::Unreadable(_) => '?',
        }
    }

    /// Its lines, to be shown behind the author: what he says or has done, or a marker of ours.
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

/// A message as its author wrote it: sanitise each field before it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Chat {
    /// What the author calls himself, if he says so.
    pub nickname: Option<String>,
    /// What he says.
    pub text: String,
    /// When, by his own clock. `None` if it is no time.
    pub time: Option<Timestamp>,
    /// The channel in which he says it.
    pub channel: Clean,
    /// The heads that he had seen, [`SEEN_MAX`] at most. They are claims like all the rest.
    pub seen: Vec<Head>,
}

impl fmt::Debug for Chat {
    /// Without the text: what people say to each other belongs into no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("text_bytes", &self.text.len())
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Why a block is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is longer than [`BLOCK_BYTES_MAX`].
    TooLong,
    /// It is not a JSON object.
    NotJson,
    /// It is of a type that this version does not know.
    OtherType,
    /// It says that it is a message, and its fields are no such.
    WrongFields,
    /// It was sealed with another key than that of the room, or is not whole.
    Sealed,
    /// It was here and is no more: its feed was refused, or its blocks cleared.
    Gone,
    /// The user wants to read nothing of its author.
    Hidden,
}

impl Unreadable {
    /// The marker that stands in the message's place.
    pub fn marker(self) -> &'static str {
        match self {
            Self::TooLong => "(a message too long to show)",
            Self::NotJson => "(not a message)",
            Self::OtherType => "(a message of a kind that this version does not know)",
            Self::WrongFields => "(a broken message)",
            Self::Sealed => "(a message sealed with another key)",
            Self::Hidden => "(hidden here: see  multichat mod log)",
            Self::Gone => "(a message that is not kept here any more)",
        }
    }
}

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To be read by the others.
    Message,
    /// To be the topic of the channel; without a text the channel has none.
    Topic,
}

/// What is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// What the text is for.
    pub kind: Kind,
    /// What the author calls himself.
    pub nickname: &'a str,
    /// What he says.
    pub text: &'a str,
    /// Where he says it.
    pub channel: &'a str,
    /// What he has seen.
    pub seen: &'a [Head],
}

impl<'a> Draft<'a> {
    /// A text in the channel of a new room, by somebody who has seen nothing.
    pub fn new(nickname: &'a str, text: &'a str) -> Self {
        Self { kind: Kind::Message, nickname, text, channel: CHANNEL, seen: &[] }
    }
}

/// Writes a block.
///
/// # Errors
/// Exit 4 if there is no text, or too much of it.
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
    // Strings alone: nothing in it can fail to serialize.
    Ok(serde_json::to_vec(&message).expect("a message of strings is JSON"))
}

/// A channel as it is named everywhere: one word, in small letters, without the `#`.
pub fn channel_name(name: &str) -> Clean {
    let folded = name.trim().trim_start_matches('#').to_lowercase();
    let word: String = folded.split_whitespace().collect::<Vec<_>>().join("-");
    match sanitize::line(&word, CHANNEL_COLUMNS_MAX) {
        name if name.as_str().is_empty() => sanitize::line(CHANNEL, CHANNEL_COLUMNS_MAX),
        name => name,
    }
}

/// Whether a text can be sent.
///
/// # Errors
/// Exit 4 if there is no text, or too much of it.
pub fn check(text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::new(ExitCode::BadInput, "message.empty", "there is nothing to send")
            .help("multichat send \"hello\"   or   echo hello | multichat send -"));
    }
    if text.len() > TEXT_BYTES_MAX {
        let message =
            format!("the message has {} bytes, and {TEXT_BYTES_MAX} are the most", text.len());
        return Err(
            Failure::new(ExitCode::BadInput, "message.long", message).help("send it in parts")
        );
    }
    Ok(())
}

/// Whether a text can be a topic. None at all can: it takes the topic away.
fn check_topic(text: &str) -> Result<(), Failure> {
    let (bytes, columns) = (text.len(), sanitize::json(text).columns());
    if bytes <= TOPIC_BYTES_MAX && columns <= TOPIC_COLUMNS_MAX {
        return Ok(());
    }
    let message = format!(
        "the topic has {columns} columns and {bytes} bytes, and {TOPIC_COLUMNS_MAX} and \
         {TOPIC_BYTES_MAX} are the most"
    );
    Err(Failure::new(ExitCode::BadInput, "topic.long", message).help("say the rest in a message"))
}

/// A topic of anybody, as it is shown everywhere: one line, nothing if there is none.
pub fn topic(text: &str) -> Clean {
    sanitize::line(&one_line(text), TOPIC_COLUMNS_MAX)
}

/// What whoever set a topic has done, in words that stand behind the name.
fn topic_summary(text: &str) -> String {
    match topic(text) {
        topic if topic.as_str().is_empty() => "took the topic away".into(),
        topic => format!("set the topic: {topic}"),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a block of anybody.
pub fn decode(block: &[u8]) -> Content {
    read(block).unwrap_or_else(Content::Unreadable)
}

/// What somebody says that he does: the rest of a text that begins with `/me `, as XEP-0245 has it.
/// It is a message like others, so whoever does not know of this reads it as it was typed.
fn action(text: &str) -> Option<&str> {
    text.strip_prefix("/me ").map(str::trim_start).filter(|done| !done.is_empty())
}

/// The form of JavaScript's `toISOString`: UTC with milliseconds.
pub fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn read(block: &[u8]) -> Result<Content, Unreadable> {
    if block.len() > BLOCK_BYTES_MAX {
        return Err(Unreadable::TooLong);
    }
    // A list could pass for the fields in their order, and is no message to any other program.
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
    // A channel that is no name is none: the message can be read without it.
    let channel = channel_name(found.channel.as_str().unwrap_or(CHANNEL));
    Ok(content(Chat { nickname, text, time, channel, seen: seen::read(&found.seen) }))
}

/// JavaScript's `Date.now()`, which may have a fraction; `None` beyond the year 9999.
fn milliseconds(ms: &serde_json::Number) -> Option<Timestamp> {
    // A double outside of the range becomes its end, which is no time either.
    let whole = ms.as_i64().or_else(|| ms.as_f64().map(|ms| ms as i64))?;
    Timestamp::from_millisecond(whole).ok()
}

/// The fields in the order in which the workshop's program writes them, then our own.
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
