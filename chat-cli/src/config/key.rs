//! Every setting: its name, what it is for, and how its value is read.
//!
//! Rule: what is said of a setting is said here once. `config edit` and the errors take it from
//! here.

use clap::ValueEnum;

use super::Config;
use crate::args::entry;
use crate::tui::theme::Theme;

/// The most MiB that can be set: a tebibyte.
const MIB_MAX: u32 = 1024 * 1024;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// How the others see the user.
    Nick,
    /// The colours.
    Theme,
    /// For what the terminal rings.
    Notify,
    /// What stands before a message.
    Timestamps,
    /// How a room is shown.
    Ui,
    /// How others are found.
    Transport,
    /// Where others are let in.
    Listen,
    /// Whom to dial.
    Peers,
    /// Where a DHT is entered.
    Bootstrap,
    /// How much is kept of one author.
    AuthorMib,
    /// How much is kept of all authors of a room.
    RoomMib,
}

/// How many words a setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One text.
    One,
    /// A list of texts.
    Many,
}

impl Shape {
    /// What to write.
    pub fn rule(self) -> &'static str {
        match self {
            Self::One => "write one text between quotes",
            Self::Many => "write a list of texts, such as [\"one\", \"two\"]",
        }
    }
}

impl Key {
    /// All of them, in the order of the file.
    pub const ALL: [Self; 11] = [
        Self::Nick,
        Self::Theme,
        Self::Notify,
        Self::Timestamps,
        Self::Ui,
        Self::Transport,
        Self::Listen,
        Self::Peers,
        Self::Bootstrap,
        Self::AuthorMib,
        Self::RoomMib,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nick => "nick",
            Self::Theme => "theme",
            Self::Notify => "notify",
            Self::Timestamps => "timestamps",
            Self::Ui => "ui",
            Self::Transport => "transport",
            Self::Listen => "listen",
            Self::Peers => "peers",
            Self::Bootstrap => "bootstrap",
            Self::AuthorMib => "author-mib",
            Self::RoomMib => "room-mib",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// What it is for, line by line.
    pub fn about(self) -> &'static [&'static str] {
        match self {
            Self::Nick => &["How the others see you. Without it, each profile has its own name."],
            Self::Theme => &["Colours of the whole screen: dark, light or plain."],
            Self::Notify => &["For what the terminal rings: all, mentions or none."],
            Self::Timestamps => &["The time before a message: minutes, seconds or none."],
            Self::Ui => &[
                "How a room is shown: tui is the whole screen, line is line by line.",
                "Without it, tui where the terminal can do it.",
            ],
            Self::Transport => &[
                "How to find others, some of: tcp, lan, dht, offline.",
                "tcp is peers and listen, lan the local network, dht the HyperDHT.",
            ],
            Self::Listen => &["Accept connections here."],
            Self::Peers => &["Dial these, in every room."],
            Self::Bootstrap => &["The HyperDHT to use, by its nodes; none for no DHT."],
            Self::AuthorMib => &["The most that is kept of one author in a room, in MiB."],
            Self::RoomMib => &["The most that is kept of all authors of a room, in MiB."],
        }
    }

    /// What holds where neither the file nor anybody else says anything, if that is one value.
    pub fn default(self) -> Option<&'static str> {
        match self {
            Self::Theme => Some("dark"),
            Self::Notify => Some("mentions"),
            Self::Timestamps => Some("minutes"),
            Self::Transport => Some("tcp"),
            Self::AuthorMib => Some("64"),
            Self::RoomMib => Some("1024"),
            Self::Nick | Self::Ui | Self::Listen | Self::Peers | Self::Bootstrap => None,
        }
    }

    /// A value that it may have, as a file writes it.
    pub fn example(self) -> &'static str {
        match self {
            Self::Nick => "\"alice\"",
            Self::Theme => "\"dark\"",
            Self::Notify => "\"mentions\"",
            Self::Timestamps => "\"minutes\"",
            Self::Ui => "\"tui\"",
            Self::Transport => "[\"tcp\"]",
            Self::Listen => "\"0.0.0.0:4977\"",
            Self::Peers => "[\"192.0.2.7:4977\"]",
            Self::Bootstrap => "[\"192.0.2.7:49737\"]",
            Self::AuthorMib => "\"64\"",
            Self::RoomMib => "\"1024\"",
        }
    }

    /// How many words it has.
    pub fn shape(self) -> Shape {
        match self {
            Self::Transport | Self::Peers | Self::Bootstrap => Shape::Many,
            _ => Shape::One,
        }
    }

    /// Reads its value, as the flag of the same name is read.
    pub(super) fn read(self, words: &[String], config: &mut Config) -> Result<(), String> {
        let word = words.first().map_or("", String::as_str);
        match self {
            Self::Nick if word.trim().is_empty() => return Err("write a name".into()),
            Self::Nick => config.nick = Some(word.to_string()),
            Self::Theme => {
                let theme = Theme::named(word).ok_or("use dark, light or plain")?;
                config.look.theme = Some(theme);
            }
            Self::Notify => config.look.notify = choice(word)?,
            Self::Timestamps => config.look.timestamps = choice(word)?,
            Self::Ui => config.ui = Some(choice(word)?),
            Self::Transport => {
                config.transport =
                    words.iter().map(|word| choice(word)).collect::<Result<_, _>>()?;
            }
            Self::Listen => {
                let addr = word.parse();
                let rule = |_| "use ADDR:PORT, such as 0.0.0.0:4977".to_string();
                config.listen = Some(addr.map_err(rule)?);
            }
            Self::Peers => {
                config.peers = words.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
            }
            Self::Bootstrap => {
                config.bootstrap =
                    words.iter().map(|word| entry(word)).collect::<Result<_, _>>()?;
            }
            Self::AuthorMib => config.bounds.author_mib = mebibytes(word)?,
            Self::RoomMib => config.bounds.room_mib = mebibytes(word)?,
        }
        Ok(())
    }
}

/// A number of MiB that a disk may have.
fn mebibytes(word: &str) -> Result<u32, String> {
    let number = word.parse().ok().filter(|number| (1..=MIB_MAX).contains(number));
    number.ok_or_else(|| format!("use a number from 1 to {MIB_MAX}"))
}

/// One of the values of a flag, by its name.
fn choice<T: ValueEnum>(word: &str) -> Result<T, String> {
    T::from_str(word, false).map_err(|_| {
        let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = names.map(|value| value.get_name().to_string()).collect();
        format!("use {}", names.join(", "))
    })
}
