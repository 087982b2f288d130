//! Two processes on one profile: the one that has it open does what the other one asks for.
//!
//! ```text
//!  multichat, a second time ─Request─▶ window.sock ──▶ the process with the lock of the profile
//!                           ◀─Response─
//! ```
//!
//! Rule: only processes of the same user are let in, each message has a bound, and a guest that
//! does not read keeps nobody waiting. What is drawn in a second window is drawn by the first
//! process, so there is one writer for a feed, whatever is opened how often.

pub mod client;
pub mod host;
pub mod submissions;
mod wire;

use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryReport;

/// What a guest asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Show the open room in a window.
    Window {
        /// Its columns.
        width: u16,
        /// Its rows.
        height: u16,
        /// Whether it has colours.
        has_colours: bool,
    },
    /// The user did something in that window.
    Input(crossterm::event::Event),
    /// Store a message, and tell from then on how far it has got.
    Send(Submission),
}

/// A message that a client hands over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The room that is meant, as the user names it; none is the open one.
    pub room: Option<String>,
    /// Where in it.
    pub channel: String,
    /// What.
    pub text: String,
}

/// What the host tells a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// Write this to the terminal.
    Draw(Vec<u8>),
    /// Stop until the shell lets you go on.
    Stop,
    /// The message is durable, in this feed at this index.
    Stored {
        /// The key of the feed.
        feed: [u8; 32],
        /// The index in it.
        index: u64,
    },
    /// So far the message has got.
    Delivery(DeliveryReport),
    /// It was not done.
    Refused(Refusal),
    /// The window is closed, as the user wished.
    Bye,
}

/// Why a host does not do what a guest asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Another room is open there: this one.
    OtherRoom(String),
    /// It has no screen of its own, so that it cannot draw one.
    NoScreen,
    /// It cannot store it; these are the words.
    NotStored(String),
    /// The room is only kept there for others.
    Sealed,
}

#[cfg(test)]
mod tests;
