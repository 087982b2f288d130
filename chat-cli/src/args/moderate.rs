//! What the user wants of other authors.

use clap::Subcommand;

/// A decision about an author, for this profile alone.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Moderate {
    /// Show no messages of somebody; they are still taken and given on
    #[command(after_help = "Example:  multichat mod hide mallory")]
    Hide {
        /// A name, or the first characters of a key
        who: String,
    },
    /// Show them again
    #[command(after_help = "Example:  multichat mod unhide mallory")]
    Unhide {
        /// A name, or the first characters of a key
        who: String,
    },
    /// Show no messages of somebody, and neither take nor give any from now on
    #[command(after_help = "Example:  multichat mod block 3fa9c2")]
    Block {
        /// A name, or the first characters of a key
        who: String,
    },
    /// Take, give and show them again
    #[command(after_help = "Example:  multichat mod unblock 3fa9c2")]
    Unblock {
        /// A name, or the first characters of a key
        who: String,
    },
    /// List what was decided
    #[command(after_help = "Example:  multichat mod log --json")]
    Log,
}
