//! Lists all settings: name, purpose, and how to parse the value.
//!
//! Rule: each setting is described here once. `config edit` and the errors use these texts.

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
    pub fn from_name(name: &str) -> Option<Self> {
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
}
