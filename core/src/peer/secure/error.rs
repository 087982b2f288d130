//! Errors of a secret stream: faults of the remote and of the caller.

use core::fmt;

use crate::{crypto::noise::BadHandshake, wire::frame::FrameTooLong};

/// A fault of the remote. The connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecureError {
    /// A frame is longer than allowed at this point.
    FrameTooLong,
    /// A handshake message is invalid.
    BadHandshake,
    /// The remote does not know the pre-shared key, or says that we do not.
    NotAMember,
    /// The first frame after the handshake is not a stream header.
    BadHeader,
    /// The stream header belongs to another stream, for example a reflection of our own.
    WrongStream,
    /// A message fails authentication: it was changed, repeated, or follows an omitted one.
    Forged,
}

impl fmt::Display for SecureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FrameTooLong => "a frame is longer than allowed",
            Self::BadHandshake => "a handshake message is invalid",
            Self::NotAMember => "the remote does not know the key of the group",
            Self::BadHeader => "the first frame after the handshake is not a stream header",
            Self::WrongStream => "the stream header belongs to another stream",
            Self::Forged => "a message fails authentication",
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

/// The reason why a message cannot be sent. The connection stays usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The stream is not open: [`Opened`](super::Received::Opened) has not been returned yet, or
    /// the remote has committed a fault.
    NotOpen,
    /// The message is longer than [`MESSAGE_MAX`](super::MESSAGE_MAX).
    TooLong,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOpen => "the connection is not open",
            Self::TooLong => "the message is longer than a frame",
        })
    }
}

impl core::error::Error for SendError {}
