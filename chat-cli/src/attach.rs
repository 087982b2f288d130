//! Lets several processes use one profile: the process that has it open serves the others.
//!
//! ```text
//!  another multichat ────────Request─▶ window.sock ──▶ the process with the lock of the profile
//!                           ◀─Response─
//! ```
//!
//! Rule: only processes of the same user may connect, each message has a bound, and a client that
//! does not read blocks nothing. The first process draws the second window, so a feed has one
//! writer, however many windows are open.

pub mod client;
pub mod host;
pub mod submissions;
// Only Unix has the local sockets that use it.
#[cfg_attr(not(unix), allow(dead_code))]
mod wire;

use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryReport;

/// A request of an attached client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Show the open room in a window.
    Window {
        /// The columns of the window.
        width: u16,
        /// The rows of the window.
        height: u16,
        /// Whether its terminal has colours.
        has_colours: bool,
    },
    /// An input event of that window.
    Input(crossterm::event::Event),
    /// Store a message, then report its delivery.
    Send(Submission),
}

/// A message that a client hands over to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The room as the user names it; `None` means the open one.
    pub room: Option<String>,
    /// The channel.
    pub channel: String,
    /// The text.
    pub text: String,
}

/// A response of the host to an attached client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// Write these bytes to the terminal.
    Draw(Vec<u8>),
    /// Suspend until the shell resumes the process.
    Stop,
    /// The message is durable at this feed and index.
    Stored {
        /// The key of the feed.
        feed: [u8; 32],
        /// The index of the block.
        index: u64,
    },
    /// The current delivery of the message.
    Delivery(DeliveryReport),
    /// The request was refused.
    Refused(Refusal),
    /// The user closed the window.
    Bye,
}

/// Why the host refuses a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Another room is open there; its name.
    OtherRoom(String),
    /// The host has no screen and cannot draw a window.
    NoScreen,
    /// The message was not stored; the reason.
    NotStored(String),
    /// The room is encrypted and this host is a relay.
    Sealed,
}

#[cfg(test)]
mod tests;
