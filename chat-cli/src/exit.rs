//! The exit codes: what a script may conclude from how multichat ended.

/// How a command ended. The numbers are a promise to scripts and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// What was asked for is done.
    Done = 0,
    /// Any error that has no code of its own.
    Failed = 1,
    /// The command line does not parse.
    Usage = 2,
    /// No such room, channel or feed.
    NotFound = 3,
    /// An invite or other input is wrong.
    BadInput = 4,
    /// Another process has the profile open.
    InUse = 5,
    /// A file of the profile is damaged or unsafe, or a feed is forked.
    Damaged = 6,
    /// Stored here, but no peer was met in time: it goes out later, so do not resend.
    NoPeer = 7,
    /// Stored here and on fewer peers than were asked for: do not resend.
    FewPeers = 8,
    /// The network could not start.
    Network = 9,
    /// Moderation or a read-only room refused it.
    Refused = 10,
    /// Stopped by SIGINT, after a clean shutdown.
    Interrupted = 130,
    /// Stopped by SIGTERM, after a clean shutdown.
    Terminated = 143,
}

impl ExitCode {
    /// Every code, in the order of its number.
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

    /// The number that the process ends with.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether a message given to `send` is on this disk, so that it must not be sent again.
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
