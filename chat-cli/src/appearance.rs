//! Defines how a room looks: colours, notifications and times.

use jiff::civil::DateTime;

use crate::theme::Theme;

/// Settings without a flag that say how a room looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appearance {
    /// The colours of the screen; if unset, they depend on the terminal.
    pub theme: Option<Theme>,
    /// Which messages notify.
    pub notify: Notify,
    /// The time shown before a message.
    pub timestamps: Timestamps,
}

/// Which messages notify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Notify {
    /// Every message of others.
    All,
    /// Messages that mention the user.
    #[default]
    Mentions,
    /// No message.
    None,
}

/// The time shown before a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Timestamps {
    /// Hour and minute.
    #[default]
    Minutes,
    /// Hour, minute and second.
    Seconds,
    /// No time. A line shows each change of the day.
    None,
}

impl Timestamps {
    /// Formats the time of a message.
    pub fn clock(self, time: Option<DateTime>) -> String {
        match (self, time) {
            (Self::None, _) => String::new(),
            (Self::Minutes, Some(time)) => time.strftime("%H:%M").to_string(),
            (Self::Seconds, Some(time)) => time.strftime("%H:%M:%S").to_string(),
            (Self::Minutes, None) => "--:--".into(),
            (Self::Seconds, None) => "--:--:--".into(),
        }
    }

    /// Returns its width in columns, with the space after it: no line begins with a peer's
    /// text.
    pub fn columns(self) -> usize {
        match self {
            Self::None => 1,
            Self::Minutes => 6,
            Self::Seconds => 9,
        }
    }
}
