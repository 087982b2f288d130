//! The commands on the program itself.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use clap_complete::Shell;

/// What the doctor looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorPart {
    /// The terminal.
    Term,
    /// What is on the disk.
    Store,
    /// The way to others.
    Net,
}

/// Commands that need no room.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum About {
    /// See what works here, and what to do where it does not
    Doctor {
        /// Look at this alone
        part: Option<DoctorPart>,
        /// Make the index of each room anew; what was said is not touched
        #[arg(long)]
        fix: bool,
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
