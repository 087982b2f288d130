//! How a room is shown: colours, notifications and times.

use jiff::civil::DateTime;

use crate::theme::Theme;

/// How a room is shown: what has no flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appearance {
    /// The colours of the screen; what the terminal can do, where nothing is said.
    pub theme: Option<Theme>,
    /// For what the terminal rings.
    pub notify: Notify,
    /// What stands before a message.
    pub timestamps: Timestamps,
}

/// For what the terminal rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Notify {
    /// For every message of others.
    All,
    /// For those that name the user.
    #[default]
    Mentions,
    /// For nothing.
    None,
}

/// What stands before a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Timestamps {
    /// Hour and minute.
    #[default]
    Minutes,
    /// Hour, minute and second.
    Seconds,
    /// Nothing; the day stands where it changes.
    None,
}

impl Timestamps {
    /// The time of a message, as it stands before it.
    pub fn clock(self, time: Option<DateTime>) -> String {
        match (self, time) {
            (Self::None, _) => String::new(),
            (Self::Minutes, Some(time)) => time.strftime("%H:%M").to_string(),
            (Self::Seconds, Some(time)) => time.strftime("%H:%M:%S").to_string(),
            (Self::Minutes, None) => "--:--".into(),
            (Self::Seconds, None) => "--:--:--".into(),
        }
    }

    /// How many columns that has, with the space behind it: a line never begins with a peer's text.
    pub fn columns(self) -> usize {
        match self {
            Self::None => 1,
            Self::Minutes => 6,
            Self::Seconds => 9,
        }
    }
}
