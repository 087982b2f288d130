//! Defines the commands about the program itself.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use clap_complete::Shell;

/// What the doctor checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorPart {
    /// The size of the terminal.
    Term,
    /// The files on disk.
    Store,
    /// The network.
    Net,
}

/// Commands that need no room.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum About {
    /// Check what works here, and what to do about problems
    Doctor {
        /// Check this part only
        part: Option<DoctorPart>,
        /// Rebuild the index of each room; messages are not changed
        #[arg(long)]
        fix: bool,
        /// Write the results to this new file, without keys, names and texts
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
    },
    /// Show the version
    Version,
    /// List the global flags
    Flags,
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one per command to a folder
    Man {
        /// Folder to write to
        folder: Option<PathBuf>,
    },
}
