//! Defines the commands that search, export and check stored messages.

use clap::{Subcommand, ValueEnum};

use super::channel::ChannelFilter;

/// Commands on stored messages. None of them needs a network.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum HistoryCommand {
    /// Find messages
    Search {
        /// Words to find
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
        /// The channel to search.
        #[command(flatten)]
        channel: ChannelFilter,
        /// Maximum number of results
        #[arg(short = 'n', long = "lines", default_value_t = 50, value_name = "COUNT")]
        lines: usize,
    },
    /// Print all messages of a room
    Export {
        /// Output format
        #[arg(long, default_value = "txt", value_name = "FORM")]
        format: ExportFormat,
        /// The channel to export.
        #[command(flatten)]
        channel: ChannelFilter,
    },
    /// Check a feed from its first to its last message
    Inspect {
        /// What to check
        #[command(subcommand)]
        what: InspectTarget,
    },
}

/// What can be checked.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum InspectTarget {
    /// A feed, by its key or the first characters of its key
    Feed {
        /// The key, as printed by `multichat feeds`
        key: String,
    },
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Text as `tail` prints it.
    Txt,
    /// Markdown.
    Md,
    /// One self-contained HTML page.
    Html,
    /// JSON lines, as `tail --json` prints them.
    Jsonl,
}
