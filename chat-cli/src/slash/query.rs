//! What is asked of a room after a slash, and answered in lines.

use crate::sanitize::Clean;

/// A question about a room, or something to do that ends in some lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Who wrote here.
    Who,
    /// All about somebody.
    Whois(String),
    /// The rooms of the profile.
    Rooms,
    /// What works.
    Doctor,
    /// All messages into a new file.
    Export(String),
    /// What a channel is about; or to say so, with nothing where it is about nothing.
    Topic(Clean, Option<String>),
    /// Another value for a setting.
    Set(String, String),
}
