//! Colours. None of them says anything that a glyph or a word does not say too.

use ratatui::style::{Color, Modifier, Style};

/// A set of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// For light letters on dark ground.
    Dark,
    /// For dark letters on light ground.
    Light,
    /// None at all.
    Plain,
}

/// Colours of authors that are told apart on dark ground (of the 256).
const ON_DARK: [u8; 12] = [75, 79, 81, 108, 110, 114, 139, 168, 173, 178, 180, 204];
/// The same on light ground.
const ON_LIGHT: [u8; 12] = [24, 25, 29, 54, 58, 60, 64, 89, 90, 94, 124, 130];

impl Theme {
    /// The theme of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            "plain" => Some(Self::Plain),
            _ => None,
        }
    }

    /// The name of an author: always in the same colour, by his key.
    pub fn author(self, key: &[u8; 32]) -> Style {
        let colours = match self {
            Self::Dark => ON_DARK,
            Self::Light => ON_LIGHT,
            Self::Plain => return Style::new().add_modifier(Modifier::BOLD),
        };
        let colour = colours[usize::from(key[0]) % colours.len()];
        Style::new().fg(Color::Indexed(colour)).add_modifier(Modifier::BOLD)
    }

    /// What is less important.
    pub fn dim(self) -> Style {
        match self {
            Self::Dark => Style::new().fg(Color::Indexed(245)),
            Self::Light => Style::new().fg(Color::Indexed(242)),
            Self::Plain => Style::new(),
        }
    }

    /// What is all right.
    pub fn good(self) -> Style {
        self.coloured(Color::Indexed(78), Color::Indexed(28))
    }

    /// What waits, calmly: it is no error.
    pub fn waiting(self) -> Style {
        self.coloured(Color::Indexed(110), Color::Indexed(25))
    }

    /// What the user should look at.
    pub fn mark(self) -> Style {
        match self {
            Self::Plain => Style::new().add_modifier(Modifier::REVERSED),
            _ => self.coloured(Color::Indexed(221), Color::Indexed(130)),
        }
    }

    /// What is chosen in a list.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn coloured(self, dark: Color, light: Color) -> Style {
        match self {
            Self::Dark => Style::new().fg(dark),
            Self::Light => Style::new().fg(light),
            Self::Plain => Style::new(),
        }
    }
}
