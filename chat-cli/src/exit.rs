//! Defines the exit codes: what a script may conclude from the end of multichat.

/// How a command ended. The numbers are stable for scripts and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// The command succeeded.
    Done = 0,
    /// Any error without a code of its own.
    Failed = 1,
    /// The command line is invalid.
    Usage = 2,
    /// No such room, channel or feed.
    NotFound = 3,
    /// An invite or other input is invalid.
    BadInput = 4,
    /// Another process has the profile open.
    InUse = 5,
    /// A file of the profile is damaged or unsafe, or a feed is forked.
    Damaged = 6,
    /// Stored here, but no peer was reached in time. It is sent later: do not resend.
    NoPeer = 7,
    /// Stored here, but on fewer peers than requested: do not resend.
    FewPeers = 8,
    /// The network did not start.
    Network = 9,
    /// Refused by moderation or because the room cannot be read here.
    Refused = 10,
    /// Stopped by SIGINT, after a clean shutdown.
    Interrupted = 130,
    /// Stopped by SIGTERM, after a clean shutdown.
    Terminated = 143,
}

impl ExitCode {
    /// All codes, in numeric order.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::BadInput,
        Self::InUse,
        Self::Damaged,
        Self::NoPeer,
        Self::FewPeers,
        Self::Network,
        Self::Refused,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// Returns the exit status of the process.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns whether the message of `send` is on this disk, so that it must not be resent.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Done | Self::NoPeer | Self::FewPeers)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests;
