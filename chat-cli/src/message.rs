//! One block of a feed: the JSON message of the Kappa workshop's multichat.
//!
//! Rule: what is written is what that program wrote, with one field more that it does not look at
//! ([`Head`]); and what is read may be anything at all: a block of a peer is shown, or is shown to
//! be unreadable, and nothing more can come of it.
//!
//! ```
//! use multichat::message::{self, Content};
//! let now = "2026-11-22T08:26:14.138Z".parse().unwrap();
//! let block = message::encode("alice", "hi", now, &[]).unwrap();
//! let Content::Chat(chat) = message::decode(&block) else { panic!() };
//! assert_eq!((chat.nickname.as_deref(), chat.text.as_str()), (Some("alice"), "hi"));
//! ```

mod seen;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::seen::{Digest, Head, SEEN_MAX, chain, digest};

use crate::exit::ExitCode;
use crate::report::Failure;
use crate::sanitize;

/// The longest text that is sent, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// The longest block of a peer that is looked at. Six times our own longest text would fit: each
/// byte of it may be written as a JSON escape of six.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;

const TYPE: &str = "chat-message";

/// What a block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A message.
    Chat(Chat),
    /// Something else. The place in the feed is taken all the same, so it is shown as a marker.
    Unreadable(Unreadable),
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
    /// It was here and is no more: its feed was refused, or its blocks cleared.
    Gone,
}

impl Unreadable {
    /// The marker that stands in the message's place.
    pub fn marker(self) -> &'static str {
        match self {
            Self::TooLong => "(a message too long to show)",
            Self::NotJson => "(not a message)",
            Self::OtherType => "(a message of a kind that this version does not know)",
            Self::WrongFields => "(a broken message)",
            Self::Gone => "(a message that is not kept here any more)",
        }
    }
}

/// Writes a block, of an author who has `seen` these heads.
///
/// # Errors
/// Exit 4 if there is no text, or too much of it.
pub fn encode(
    nickname: &str,
    text: &str,
    now: Timestamp,
    seen: &[Head],
) -> Result<Vec<u8>, Failure> {
    check(text)?;
    let (nickname, seen) = (sanitize::nick(nickname), seen::write(seen));
    let (nickname, timestamp) = (nickname.as_str(), &iso(now));
    let message = Written { kind: TYPE, nickname, text, timestamp, seen };
    // Strings alone: nothing in it can fail to serialize.
    Ok(serde_json::to_vec(&message).expect("a message of strings is JSON"))
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

/// Reads a block of anybody.
pub fn decode(block: &[u8]) -> Content {
    match read(block) {
        Ok(chat) => Content::Chat(chat),
        Err(why) => Content::Unreadable(why),
    }
}

/// The form of JavaScript's `toISOString`: UTC with milliseconds.
pub fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn read(block: &[u8]) -> Result<Chat, Unreadable> {
    if block.len() > BLOCK_BYTES_MAX {
        return Err(Unreadable::TooLong);
    }
    // A list could pass for the fields in their order, and is no message to any other program.
    if block.trim_ascii_start().first() != Some(&b'{') {
        return Err(Unreadable::NotJson);
    }
    let found: Found = serde_json::from_slice(block).map_err(|_| Unreadable::NotJson)?;
    if found.kind != TYPE {
        return Err(Unreadable::OtherType);
    }
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
    Ok(Chat { nickname, text, time, seen: seen::read(&found.seen) })
}

/// JavaScript's `Date.now()`, which may have a fraction; `None` beyond the year 9999.
fn milliseconds(ms: &serde_json::Number) -> Option<Timestamp> {
    // A double outside of the range becomes its end, which is no time either.
    let whole = ms.as_i64().or_else(|| ms.as_f64().map(|ms| ms as i64))?;
    Timestamp::from_millisecond(whole).ok()
}

/// The fields in the order in which the workshop's program writes them, then our own.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    nickname: &'a str,
    text: &'a str,
    timestamp: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    seen: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    nickname: Value,
    #[serde(default)]
    text: Value,
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    seen: Value,
}

#[cfg(test)]
mod tests;
