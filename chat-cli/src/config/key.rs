//! Every setting: its name, what it is for, and how its value is read.
//!
//! Rule: what is said of a setting is said here once. `config edit` and the errors take it from
//! here.

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
}
