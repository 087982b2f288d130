//! Defines the slash commands that are answered with lines of text.

use crate::sanitize::Clean;

/// A slash command that is answered with lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// List the members who wrote.
    Who,
    /// Show the details of a member.
    Whois(String),
    /// List the rooms of the profile.
    Rooms,
    /// Run the checks of an open room.
    Doctor,
    /// Write all messages to a new file.
    Export(String),
    /// Show the topic of a channel, or set it; an empty text clears it.
    Topic(Clean, Option<String>),
    /// Change a setting.
    Set(String, String),
}
