//! Defines the commands on the settings.

use clap::Subcommand;

/// An action on the settings.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Configure {
    /// Print a setting, or all of them
    #[command(after_help = "Example:  multichat config get nick")]
    Get {
        /// The setting
        key: Option<String>,
    },
    /// Change a setting
    #[command(after_help = "Example:  multichat config set peers 192.0.2.7:4977 192.0.2.8:4977")]
    Set {
        /// The setting
        key: String,
        /// The new value; a list is several words
        #[arg(required = true)]
        value: Vec<String>,
    },
    /// Print the path of the settings file
    #[command(after_help = "Example:  multichat config path")]
    Path,
    /// Open the settings file, with all settings explained, in your editor
    #[command(after_help = "Example:  EDITOR=nano multichat config edit")]
    Edit,
}
