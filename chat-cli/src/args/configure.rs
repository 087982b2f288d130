//! What is done with the settings.

use clap::Subcommand;

/// Something to do with the settings.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Configure {
    /// Print a setting, or all of them
    #[command(after_help = "Example:  multichat config get nick")]
    Get {
        /// Which one
        key: Option<String>,
    },
    /// Keep another value for a setting
    #[command(after_help = "Example:  multichat config set peers 192.0.2.7:4977 192.0.2.8:4977")]
    Set {
        /// Which one
        key: String,
        /// What it is to be; a list is several words
        #[arg(required = true)]
        value: Vec<String>,
    },
    /// Print where the file is
    #[command(after_help = "Example:  multichat config path")]
    Path,
    /// Open the file, in which every setting is explained, in your editor
    #[command(after_help = "Example:  EDITOR=nano multichat config edit")]
    Edit,
}
