//! The commands that take a room's messages elsewhere, or look at what is kept.

use clap::{Subcommand, ValueEnum};

use super::channel::ChannelFilter;

/// Commands on what is kept here. None of them needs a network.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum HistoryCommand {
    /// Find messages
    Search {
        /// What they say
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
        /// Where to look
        #[command(flatten)]
        channel: ChannelFilter,
        /// How many, at most
        #[arg(short = 'n', long = "lines", default_value_t = 50, value_name = "COUNT")]
        lines: usize,
    },
    /// Print all messages of a room
    Export {
        /// In which form
        #[arg(long, default_value = "txt", value_name = "FORM")]
        format: ExportFormat,
        /// Which channel
        #[command(flatten)]
        channel: ChannelFilter,
    },
    /// Check a feed from its first to its last message
    Inspect {
        /// What to look at
        #[command(subcommand)]
        what: InspectTarget,
    },
}

/// What can be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum InspectTarget {
    /// A feed, by its key or the first characters of it
    Feed {
        /// The key, as `multichat feeds` prints it
        key: String,
    },
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// As `tail` prints it.
    Txt,
    /// Markdown.
    Md,
    /// One page of HTML that needs nothing else.
    Html,
    /// JSON lines, as `tail --json` prints them.
    Jsonl,
}
