//! Defines the moderation commands.

use clap::Subcommand;

/// A moderation decision about a member, for this profile only.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Moderate {
    /// Hide the messages of a member; they are still stored and forwarded
    #[command(after_help = "Example:  multichat mod hide mallory")]
    Hide {
        /// A name, or the first characters of a key
        who: String,
    },
    /// Show their messages again
    #[command(after_help = "Example:  multichat mod unhide mallory")]
    Unhide {
        /// A name, or the first characters of a key
        who: String,
    },
    /// Hide and delete the messages of a member, and stop receiving and forwarding them
    #[command(after_help = "Examples:  multichat mod block 3fa9c2
           multichat mod block - < KEYS    many at once, one key per line")]
    Block {
        /// A name, the first characters of a key, or - for the keys on standard input
        who: String,
    },
    /// Receive, forward and show their messages again
    #[command(after_help = "Example:  multichat mod unblock 3fa9c2")]
    Unblock {
        /// A name, or the first characters of a key
        who: String,
    },
    /// List your decisions
    #[command(after_help = "Example:  multichat mod log --json")]
    Log,
}
