//! What a typed line means: a message, or a command after a slash.

pub mod answer;
pub mod query;

use clap::ValueEnum;

use self::query::Query;
use crate::appearance::Notify;
use crate::args::moderate::Moderate;
use crate::config::key::Key;
use crate::similar::closest;

/// Every command, with what it does.
pub const COMMANDS: [(&str, &str); 22] = [
    ("/help", "this list"),
    ("/me WORDS", "say what you do"),
    ("/who", "who wrote here"),
    ("/whois WHO", "key, length, holders"),
    ("/peers", "who is connected"),
    ("/invite", "an invite for others"),
    ("/nick NAME", "be called otherwise"),
    ("/channel NAME", "talk in another one"),
    ("/topic TEXT", "see or set it; - none"),
    ("/search WORDS", "find what was said"),
    ("/unread", "what was new to you"),
    ("/rooms", "your rooms"),
    ("/hide WHO", "or /unhide: for you"),
    ("/block WHO", "or /unblock: no more"),
    ("/notify all", "or mentions, or none"),
    ("/theme NAME", "dark, light or plain"),
    ("/set KEY VALUE", "keep a setting"),
    ("/export FILE", "write all into a file"),
    ("/copy", "screen to clipboard"),
    ("/status", "how far everything is"),
    ("/doctor", "what works here"),
    ("/quit", "leave; so does Ctrl-D"),
];

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedLine {
    /// Nothing at all.
    Nothing,
    /// Text to send.
    Text(String),
    /// Show the commands.
    Help,
    /// Show who is here.
    Peers,
    /// Show an invite.
    Invite,
    /// Be called otherwise.
    Nick(String),
    /// Show how far everything is.
    Status,
    /// Talk in another channel.
    Channel(String),
    /// Show what the channel is about, or say what, or with an empty text that it is about nothing.
    Topic(Option<String>),
    /// Find what was said.
    Search(String),
    /// Decide whom to read.
    Moderate(Moderate),
    /// Show what was new when the room was opened.
    Unread,
    /// Ring for other messages.
    Notify(Notify),
    /// Something that is answered in lines.
    Query(Query),
    /// Put the screen on the clipboard.
    Copy,
    /// Other colours.
    Theme(String),
    /// Leave.
    Quit,
    /// A command that is not there, and what to say about it.
    Unknown(String),
}

/// Reads a line. Two slashes at its start stand for one that is sent.
pub fn parse(line: &str) -> ParsedLine {
    if line.trim().is_empty() {
        return ParsedLine::Nothing;
    }
    let Some(command) = line.strip_prefix('/') else { return ParsedLine::Text(line.to_string()) };
    if command.starts_with('/') {
        return ParsedLine::Text(command.to_string());
    }
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    match (name.to_lowercase().as_str(), rest) {
        ("help" | "h" | "?", _) => ParsedLine::Help,
        ("me", "") => ParsedLine::Unknown("say what you do:  /me WORDS".into()),
        ("me", words) => ParsedLine::Text(format!("/me {words}")),
        ("peers", _) => ParsedLine::Peers,
        ("who", "") => ParsedLine::Query(Query::Who),
        ("whois", "") => ParsedLine::Unknown("say whom:  /whois WHO".into()),
        ("whois" | "who", who) => ParsedLine::Query(Query::Whois(who.to_string())),
        ("rooms", _) => ParsedLine::Query(Query::Rooms),
        ("unread", _) => ParsedLine::Unread,
        ("doctor", _) => ParsedLine::Query(Query::Doctor),
        ("export", "") => {
            ParsedLine::Unknown("say where to:  /export FILE.md, .html, .jsonl or .txt".into())
        }
        ("export", file) => ParsedLine::Query(Query::Export(file.to_string())),
        ("notify", how) => notify(how),
        ("set", rest) => set(rest),
        ("invite" | "i", _) => ParsedLine::Invite,
        ("status", _) => ParsedLine::Status,
        ("quit" | "q" | "exit", _) => ParsedLine::Quit,
        ("copy", _) => ParsedLine::Copy,
        ("channel" | "c", "") => ParsedLine::Unknown("say which one:  /channel NAME".into()),
        ("channel" | "c", name) => ParsedLine::Channel(name.to_string()),
        ("topic", "") => ParsedLine::Topic(None),
        ("topic", "-") => ParsedLine::Topic(Some(String::new())),
        ("topic", text) => ParsedLine::Topic(Some(text.to_string())),
        ("search" | "s", "") => ParsedLine::Unknown("say what to find:  /search WORDS".into()),
        ("search" | "s", words) => ParsedLine::Search(words.to_string()),
        ("theme", name) => ParsedLine::Theme(name.to_string()),
        ("nick", "") => ParsedLine::Unknown("say the name too:  /nick NAME".into()),
        ("nick", name) => ParsedLine::Nick(name.to_string()),
        (name @ ("hide" | "unhide" | "block" | "unblock"), "") => {
            ParsedLine::Unknown(format!("say whom:  /{name} WHO"))
        }
        ("hide", who) => ParsedLine::Moderate(Moderate::Hide { who: who.to_string() }),
        ("unhide", who) => ParsedLine::Moderate(Moderate::Unhide { who: who.to_string() }),
        ("block", who) => ParsedLine::Moderate(Moderate::Block { who: who.to_string() }),
        ("unblock", who) => ParsedLine::Moderate(Moderate::Unblock { who: who.to_string() }),
        (name, _) => ParsedLine::Unknown(unknown(name)),
    }
}

fn notify(how: &str) -> ParsedLine {
    match Notify::from_str(how, true) {
        Ok(how) => ParsedLine::Notify(how),
        Err(_) => ParsedLine::Unknown("say for what:  /notify all, mentions or none".into()),
    }
}

fn set(rest: &str) -> ParsedLine {
    match rest.split_once(char::is_whitespace) {
        Some((key, value)) => {
            ParsedLine::Query(Query::Set(key.to_string(), value.trim().to_string()))
        }
        None => {
            let keys = Key::ALL.map(Key::name).join(", ");
            ParsedLine::Unknown(format!("say what to set:  /set KEY VALUE   with one of: {keys}"))
        }
    }
}

fn unknown(name: &str) -> String {
    let names = COMMANDS.iter().filter_map(|(usage, _)| usage[1..].split(' ').next());
    let meant = closest(name, names);
    let meant = meant.first().map(|suggestions| format!(" Did you mean /{suggestions} ?"));
    let meant = meant.unwrap_or_else(|| " All of them:  /help".into());
    format!("there is no command /{name}.{meant} (// at the start sends it as text)")
}

#[cfg(test)]
mod tests;
