//! Defines the colours. Every colour repeats something that a glyph or a word also says.

use ratatui::style::{Color, Modifier, Style};

/// A set of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Light text on a dark background.
    Dark,
    /// Dark text on a light background.
    Light,
    /// No colours.
    Plain,
}

/// Author colours that can be distinguished on a dark background (indices of 256).
const ON_DARK: [u8; 12] = [75, 79, 81, 108, 110, 114, 139, 168, 173, 178, 180, 204];
/// Author colours for a light background.
const ON_LIGHT: [u8; 12] = [24, 25, 29, 54, 58, 60, 64, 89, 90, 94, 124, 130];

impl Theme {
    /// Returns the theme of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim() {
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            "plain" => Some(Self::Plain),
            _ => None,
        }
    }

    /// Returns the style of an author's name; it depends only on the key.
    pub fn author(self, key: &[u8; 32]) -> Style {
        let colours = match self {
            Self::Dark => ON_DARK,
            Self::Light => ON_LIGHT,
            Self::Plain => return Style::new().add_modifier(Modifier::BOLD),
        };
        let colour = colours[usize::from(key[0]) % colours.len()];
        Style::new().fg(Color::Indexed(colour)).add_modifier(Modifier::BOLD)
    }

    /// Returns the style of less important text.
    pub fn dim(self) -> Style {
        match self {
            Self::Dark => Style::new().fg(Color::Indexed(245)),
            Self::Light => Style::new().fg(Color::Indexed(242)),
            Self::Plain => Style::new(),
        }
    }

    /// Returns the style of a good state.
    pub fn success(self) -> Style {
        self.choose_colour(Color::Indexed(78), Color::Indexed(28))
    }

    /// Returns the style of a waiting state, which is not an error.
    pub fn waiting(self) -> Style {
        self.choose_colour(Color::Indexed(110), Color::Indexed(25))
    }

    /// Returns the style of text that needs attention.
    pub fn highlight(self) -> Style {
        match self {
            Self::Plain => Style::new().add_modifier(Modifier::REVERSED),
            _ => self.choose_colour(Color::Indexed(221), Color::Indexed(130)),
        }
    }

    /// Returns the style of a selected item.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn choose_colour(self, dark: Color, light: Color) -> Style {
        match self {
            Self::Dark => Style::new().fg(dark),
            Self::Light => Style::new().fg(light),
            Self::Plain => Style::new(),
        }
    }
}
