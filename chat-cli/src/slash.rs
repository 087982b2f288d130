//! Parses a typed line: a message, or a slash command.

pub mod answer;
pub mod query;

use clap::ValueEnum;

use self::query::Query;
use crate::appearance::Notify;
use crate::args::moderate::Moderate;
use crate::config::key::Key;
use crate::similar::closest;

/// Every slash command with its description.
pub const COMMANDS: [(&str, &str); 22] = [
    ("/help", "this list"),
    ("/me WORDS", "send an action"),
    ("/who", "members who wrote"),
    ("/whois WHO", "details of a member"),
    ("/peers", "who is connected"),
    ("/invite", "show an invite"),
    ("/nick NAME", "change your name"),
    ("/channel NAME", "switch to a channel"),
    ("/topic TEXT", "show or set the topic"),
    ("/search WORDS", "find messages"),
    ("/unread", "go to unread messages"),
    ("/rooms", "list your rooms"),
    ("/hide WHO", "hide for you; /unhide"),
    ("/block WHO", "ignore WHO; /unblock"),
    ("/notify all", "also: mentions, none"),
    ("/theme NAME", "dark, light or plain"),
    ("/set KEY VALUE", "save a setting"),
    ("/export FILE", "save all to a file"),
    ("/copy", "copy the screen"),
    ("/status", "connections, delivery"),
    ("/doctor", "look for problems"),
    ("/quit", "leave; also Ctrl-D"),
];

/// The meaning of a typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedLine {
    /// An empty line.
    Nothing,
    /// Text to send.
    Text(String),
    /// List the commands.
    Help,
    /// List the connected peers.
    Peers,
    /// Show an invite.
    Invite,
    /// Change the user's name.
    Nick(String),
    /// Show connections and delivery.
    Status,
    /// Switch to another channel.
    Channel(String),
    /// Show the channel's topic, or set it; an empty text clears it.
    Topic(Option<String>),
    /// Search the messages.
    Search(String),
    /// Hide or block a member, or undo that.
    Moderate(Moderate),
    /// Show the messages that were unread when the room was opened.
    Unread,
    /// Change which messages notify.
    Notify(Notify),
    /// A command that is answered with lines of text.
    Query(Query),
    /// Copy the screen to the clipboard.
    Copy,
    /// Change the colours.
    Theme(String),
    /// Close the window.
    Quit,
    /// An invalid command, with the text to show.
    Unknown(String),
}

/// Parses a line. Two slashes at the start send text that starts with one slash.
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
        ("me", "") => ParsedLine::Unknown("a text is missing:  /me TEXT".into()),
        ("me", words) => ParsedLine::Text(format!("/me {words}")),
        ("peers", _) => ParsedLine::Peers,
        ("who", "") => ParsedLine::Query(Query::Who),
        ("whois", "") => ParsedLine::Unknown("a member is missing:  /whois WHO".into()),
        ("whois" | "who", who) => ParsedLine::Query(Query::Whois(who.to_string())),
        ("rooms", _) => ParsedLine::Query(Query::Rooms),
        ("unread", _) => ParsedLine::Unread,
        ("doctor", _) => ParsedLine::Query(Query::Doctor),
        ("export", "") => {
            ParsedLine::Unknown("a file is missing:  /export FILE.md, .html, .jsonl or .txt".into())
        }
        ("export", file) => ParsedLine::Query(Query::Export(file.to_string())),
        ("notify", how) => notify(how),
        ("set", rest) => set(rest),
        ("invite" | "i", _) => ParsedLine::Invite,
        ("status", _) => ParsedLine::Status,
        ("quit" | "q" | "exit", _) => ParsedLine::Quit,
        ("copy", _) => ParsedLine::Copy,
        ("channel" | "c", "") => ParsedLine::Unknown("a channel is missing:  /channel NAME".into()),
        ("channel" | "c", name) => ParsedLine::Channel(name.to_string()),
        ("topic", "") => ParsedLine::Topic(None),
        ("topic", "-") => ParsedLine::Topic(Some(String::new())),
        ("topic", text) => ParsedLine::Topic(Some(text.to_string())),
        ("search" | "s", "") => ParsedLine::Unknown("the words are missing:  /search WORDS".into()),
        ("search" | "s", words) => ParsedLine::Search(words.to_string()),
        ("theme", name) => ParsedLine::Theme(name.to_string()),
        ("nick", "") => ParsedLine::Unknown("a name is missing:  /nick NAME".into()),
        ("nick", name) => ParsedLine::Nick(name.to_string()),
        (name @ ("hide" | "unhide" | "block" | "unblock"), "") => {
            ParsedLine::Unknown(format!("a member is missing:  /{name} WHO"))
        }
        ("hide", who) => ParsedLine::Moderate(Moderate::Hide { who: who.to_string() }),
        ("unhide", who) => ParsedLine::Moderate(Moderate::Unhide { who: who.to_string() }),
        ("block", who) => ParsedLine::Moderate(Moderate::Block { who: who.to_string() }),
        ("unblock", who) => ParsedLine::Moderate(Moderate::Unblock { who: who.to_string() }),
        (name, _) => ParsedLine::Unknown(unknown(name)),
    }
}

/// Returns the command that a text probably stands for: it begins with the name of a command, but
/// the slash is missing or follows a space. `/me` is no such command, as it sends a text too.
pub fn without_slash(line: &str) -> Option<String> {
    let text = line.trim();
    let command = match text.strip_prefix('/') {
        Some(_) if line.starts_with('/') => return None,
        Some(command) => command,
        None => text,
    };
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let name = name.to_lowercase();
    let listed = COMMANDS.iter().find(|(usage, _)| usage[1..].split(' ').next() == Some(&name));
    let takes_words = match (name.as_str(), listed) {
        ("me", _) => return None,
        ("unhide" | "unblock", _) => true,
        ("exit", _) => false,
        (_, Some((usage, _))) => usage.contains(' '),
        (_, None) => return None,
    };
    let fits = (rest.is_empty() || takes_words) && !text.contains('\n');
    fits.then(|| format!("/{command}"))
}

fn notify(how: &str) -> ParsedLine {
    match Notify::from_str(how, true) {
        Ok(how) => ParsedLine::Notify(how),
        Err(_) => ParsedLine::Unknown("choose one:  /notify all, mentions or none".into()),
    }
}

fn set(rest: &str) -> ParsedLine {
    match rest.split_once(char::is_whitespace) {
        Some((key, value)) => {
            ParsedLine::Query(Query::Set(key.to_string(), value.trim().to_string()))
        }
        None => {
            let keys = Key::ALL.map(Key::name).join(", ");
            ParsedLine::Unknown(format!(
                "a value is missing:  /set KEY VALUE   with one of: {keys}"
            ))
        }
    }
}

fn unknown(name: &str) -> String {
    let names = COMMANDS.iter().filter_map(|(usage, _)| usage[1..].split(' ').next());
    let meant = closest(name, names);
    let meant = meant.first().map(|suggestions| format!(" Did you mean /{suggestions} ?"));
    let meant = meant.unwrap_or_else(|| " All commands:  /help".into());
    format!("there is no command /{name}.{meant} (to send it as text, begin with //)")
}

#[cfg(test)]
mod tests;
