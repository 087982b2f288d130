//! Lists all settings: name, purpose, and how to parse the value.
//!
//! Rule: each setting is described here once. `config edit` and the errors use these texts.

use clap::ValueEnum;

use super::Config;
use crate::args::entry;
use crate::tui::theme::Theme;

/// The largest MiB value: one tebibyte. Chosen: larger than any room, and no calculation
/// overflows.
const MIB_MAX: u32 = 1024 * 1024;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Your name, as others see it.
    Nick,
    /// The colours.
    Theme,
    /// Which messages notify.
    Notify,
    /// The time shown before a message.
    Timestamps,
    /// How to show a room.
    Ui,
    /// How to find peers.
    Transport,
    /// Where to accept connections.
    Listen,
    /// The peers to dial.
    Peers,
    /// Where to enter a DHT.
    Bootstrap,
    /// How much to store per author.
    AuthorMib,
    /// How much to store per room.
    RoomMib,
}

/// How many values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One text.
    One,
    /// A list of texts.
    Many,
}

impl Shape {
    /// Says what to write.
    pub fn rule(self) -> &'static str {
        match self {
            Self::One => "write one text in quotes",
            Self::Many => "write a list of texts, such as [\"one\", \"two\"]",
        }
    }
}

impl Key {
    /// All settings, in the order of the file.
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

    /// Returns its name in the file.
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

    /// Returns the setting with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Returns its description, line by line.
    pub fn about(self) -> &'static [&'static str] {
        match self {
            Self::Nick => {
                &["Your name, as others see it. Without it, each profile has its own name."]
            }
            Self::Theme => &["Colours of the full screen: dark, light or plain."],
            Self::Notify => &["Which messages notify: all, mentions or none."],
            Self::Timestamps => &["The time shown before a message: minutes, seconds or none."],
            Self::Ui => &[
                "How to show a room: tui is full screen, line is line by line.",
                "Without it, tui if the terminal supports it.",
            ],
            Self::Transport => &[
                "How to find peers, any of: tcp, lan, dht, offline.",
                "tcp uses peers and listen, lan the local network, dht the HyperDHT.",
            ],
            Self::Listen => &["Accept connections at this address."],
            Self::Peers => &["Dial these peers, in every room."],
            Self::Bootstrap => &["Nodes of the HyperDHT to use; none for no DHT."],
            Self::AuthorMib => &["Storage limit per author in a room, in MiB."],
            Self::RoomMib => &["Storage limit per room, in MiB."],
        }
    }

    /// Returns the default value, if it is one fixed value.
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

    /// Returns an example value, as written in the file.
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

    /// Returns how many values it takes.
    pub fn shape(self) -> Shape {
        match self {
            Self::Transport | Self::Peers | Self::Bootstrap => Shape::Many,
            _ => Shape::One,
        }
    }

    /// Parses its value with the same rules as the flag of that name.
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

/// Parses a number of MiB.
fn mebibytes(word: &str) -> Result<u32, String> {
    let number = word.parse().ok().filter(|number| (1..=MIB_MAX).contains(number));
    number.ok_or_else(|| format!("use a number from 1 to {MIB_MAX}"))
}

/// Parses one of the values of a flag by its name.
fn choice<T: ValueEnum>(word: &str) -> Result<T, String> {
    T::from_str(word, false).map_err(|_| {
        let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = names.map(|value| value.get_name().to_string()).collect();
        format!("use {}", names.join(", "))
    })
}
