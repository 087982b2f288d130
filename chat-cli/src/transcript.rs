//! Formats messages for people: a line for each new day, then time, author and text.
//!
//! Rule: each line starts with our own text, so peer text cannot imitate another message or the
//! program.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::appearance::Timestamps;
use crate::message::Content;
use crate::report::ColourMode;
use crate::sanitize;
use crate::timeline::Entry;

/// Colours that can be distinguished on dark and light backgrounds (indices of 256).
const COLOURS: [u8; 12] = [31, 33, 37, 64, 67, 71, 97, 125, 130, 136, 166, 168];

/// Formats messages one after the other.
#[derive(Debug)]
pub struct Transcript {
    zone: TimeZone,
    colour_mode: ColourMode,
    timestamps: Timestamps,
    day: Option<Date>,
}

impl Transcript {
    /// Creates a transcript with times of a time zone.
    pub fn new(zone: TimeZone, colour_mode: ColourMode) -> Self {
        Self { zone, colour_mode, timestamps: Timestamps::default(), day: None }
    }

    /// Sets the time format.
    #[must_use]
    pub fn with(self, timestamps: Timestamps) -> Self {
        Self { timestamps, ..self }
    }

    /// Returns the lines of a message.
    pub fn lines(&mut self, entry: &Entry) -> Vec<String> {
        let chat = entry.content.chat();
        let nick = chat.and_then(|chat| chat.nickname.as_deref()).unwrap_or_default();
        let time = chat.and_then(|chat| chat.time);
        let mut lines = Vec::new();
        let clock = match time.map(|time| time.to_zoned(self.zone.clone())) {
            Some(time) => {
                if self.day.replace(time.date()) != Some(time.date()) {
                    let day = time.strftime("── %a %d %b %Y ──").to_string();
                    lines.push(dim(&day, self.colour_mode));
                }
                self.timestamps.clock(Some(time.datetime()))
            }
            None => self.timestamps.clock(None),
        };
        let (author, kind_symbol) =
            (author(nick, &entry.id.feed, self.colour_mode), entry.content.kind_symbol());
        for (at, text) in entry.content.lines().iter().enumerate() {
            let head = match at {
                0 => format!("{}{kind_symbol}{author} ", dim(&clock, self.colour_mode)),
                _ => dim(
                    &format!("{:>1$}│ ", "", self.timestamps.columns().max(2) - 2),
                    self.colour_mode,
                ),
            };
            let text = match entry.content {
                Content::Unreadable(_) => dim(text.as_str(), self.colour_mode),
                _ => text.to_string(),
            };
            lines.push(format!("{head} {text}"));
        }
        lines
    }
}

/// Formats an author with characters of the key, in a colour of the key.
pub fn author(nick: &str, key: &[u8; 32], colour_mode: ColourMode) -> String {
    let author = sanitize::author(nick, key);
    match colour_mode {
        ColourMode::Plain => author.to_string(),
        ColourMode::Colour => {
            let colour = COLOURS[usize::from(key[0]) % COLOURS.len()];
            format!("\u{1b}[1;38;5;{colour}m{author}\u{1b}[0m")
        }
    }
}

/// Formats a number with a noun.
pub fn plural(number: u64, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}

/// Formats less important text.
pub fn dim(text: &str, colour_mode: ColourMode) -> String {
    match colour_mode {
        ColourMode::Plain => text.to_string(),
        ColourMode::Colour => format!("\u{1b}[2m{text}\u{1b}[0m"),
    }
}

#[cfg(test)]
mod tests;
