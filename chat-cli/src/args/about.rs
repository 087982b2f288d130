//! The commands on the program itself.

use std::path::PathBuf;

use clap::Subcommand;
use clap_complete::Shell;

/// Commands that need no room.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum About {
    /// See what works here, and what to do where it does not
    Doctor {
        /// Write what was found into this new file, without keys, names and texts
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
    },
    /// Say which version this is
    Version,
    /// List the flags that every command understands
    Flags,
    /// Print what a shell needs to complete commands
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or write one for each command into a folder
    Man {
        /// Where to
        folder: Option<PathBuf>,
    },
}
