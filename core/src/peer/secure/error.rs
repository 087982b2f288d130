//! What can go wrong on a secret stream, by whose fault it is.

use core::fmt;

use crate::{crypto::noise::BadHandshake, wire::frame::FrameTooLong};

/// What the remote did wrong. The connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecureError {
    /// A frame is longer than allowed at this point.
    FrameTooLong,
    /// A message of the handshake does not fit.
    BadHandshake,
    /// The first frame after the handshake is no stream header.
    BadHeader,
    /// The stream header belongs to another stream, such as this side's own, sent back.
    WrongStream,
    /// A message was not sealed by the remote at this place: changed, repeated or left out.
    Forged,
}

impl fmt::Display for SecureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FrameTooLong => "a frame is longer than allowed",
            Self::BadHandshake => "a message of the handshake does not fit",
            Self::BadHeader => "the first frame after the handshake is no stream header",
            Self::WrongStream => "the stream header belongs to another stream",
            Self::Forged => "a message was not sealed by the remote at this place",
        })
    }
}

impl core::error::Error for SecureError {}

impl From<FrameTooLong> for SecureError {
    fn from(_: FrameTooLong) -> Self {
        Self::FrameTooLong
    }
}

impl From<BadHandshake> for SecureError {
    fn from(_: BadHandshake) -> Self {
        Self::BadHandshake
    }
}

/// Why a message cannot be sent. The connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection is not open: [`Opened`](super::Received::Opened) has not come, or the remote
    /// has failed.
    NotOpen,
    /// The message is longer than [`MESSAGE_MAX`](super::MESSAGE_MAX).
    TooLong,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOpen => "the connection is not open",
            Self::TooLong => "the message does not fit a frame",
        })
    }
}

impl core::error::Error for SendError {}
