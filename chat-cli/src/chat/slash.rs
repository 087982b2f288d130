//! What a typed line means: a message, or a command after a slash.

use crate::args::{Moderate, nearest};

/// Every command, with what it does.
pub const COMMANDS: [(&str, &str); 12] = [
    ("/help", "this list"),
    ("/peers", "who is here, and how much of yours they have"),
    ("/invite", "an invite for somebody else"),
    ("/nick NAME", "be called otherwise from now on"),
    ("/channel NAME", "talk in another channel of the room"),
    ("/search WORDS", "find what was said"),
    ("/hide WHO", "show nothing of somebody; or /unhide"),
    ("/block WHO", "take and give nothing of somebody; or /unblock"),
    ("/copy", "put what the screen shows on the clipboard"),
    ("/theme NAME", "dark, light or plain colours"),
    ("/status", "how much is here, and whether it is elsewhere too"),
    ("/quit", "leave; so does Ctrl-D"),
];

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
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
    /// Find what was said.
    Search(String),
    /// Decide whom to read.
    Moderate(Moderate),
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
pub fn read(line: &str) -> Typed {
    if line.trim().is_empty() {
        return Typed::Nothing;
    }
    let Some(command) = line.strip_prefix('/') else { return Typed::Text(line.to_string()) };
    if command.starts_with('/') {
        return Typed::Text(command.to_string());
    }
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    match (name.to_lowercase().as_str(), rest) {
        ("help" | "h" | "?", _) => Typed::Help,
        ("peers" | "who", _) => Typed::Peers,
        ("invite" | "i", _) => Typed::Invite,
        ("status", _) => Typed::Status,
        ("quit" | "q" | "exit", _) => Typed::Quit,
        ("copy", _) => Typed::Copy,
        ("channel" | "c", "") => Typed::Unknown("say which one:  /channel NAME".into()),
        ("channel" | "c", name) => Typed::Channel(name.to_string()),
        ("search" | "s", "") => Typed::Unknown("say what to find:  /search WORDS".into()),
        ("search" | "s", words) => Typed::Search(words.to_string()),
        ("theme", name) => Typed::Theme(name.to_string()),
        ("nick", "") => Typed::Unknown("say the name too:  /nick NAME".into()),
        ("nick", name) => Typed::Nick(name.to_string()),
        (name @ ("hide" | "unhide" | "block" | "unblock"), "") => {
            Typed::Unknown(format!("say whom:  /{name} WHO"))
        }
        ("hide", who) => Typed::Moderate(Moderate::Hide { who: who.to_string() }),
        ("unhide", who) => Typed::Moderate(Moderate::Unhide { who: who.to_string() }),
        ("block", who) => Typed::Moderate(Moderate::Block { who: who.to_string() }),
        ("unblock", who) => Typed::Moderate(Moderate::Unblock { who: who.to_string() }),
        (name, _) => Typed::Unknown(unknown(name)),
    }
}

fn unknown(name: &str) -> String {
    let names = COMMANDS.iter().filter_map(|(usage, _)| usage[1..].split(' ').next());
    let meant = nearest(name, names);
    let meant = meant.first().map(|near| format!(" Did you mean /{near} ?"));
    let meant = meant.unwrap_or_else(|| " All of them:  /help".into());
    format!("there is no command /{name}.{meant} (// at the start sends it as text)")
}

#[cfg(test)]
mod tests;
