//! Formats messages for people: a line for each new day, then time, author and text.
//!
//! Rule: each line starts with our own text, so peer text cannot imitate another message or the
//! program.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::appearance::Timestamps;
use crate::message::Content;
use crate::report::ColourMode;
use crate::sanitize;
use crate::timeline::Entry;

/// How far a date may be from the present or from what its author had seen. Chosen: a wrong time
/// zone is not marked.
const CLOCK_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// Colours that can be distinguished on dark and light backgrounds (indices of 256).
const COLOURS: [u8; 12] = [31, 33, 37, 64, 67, 71, 97, 125, 130, 136, 166, 168];

/// Formats messages one after the other.
#[derive(Debug)]
pub struct Transcript {
    zone: TimeZone,
    colour_mode: ColourMode,
    timestamps: Timestamps,
    day: Option<Date>,
    /// The present time, if dates are compared with it.
    now: Option<Timestamp>,
    /// Whether texts are written as they were sent.
    is_exact: bool,
    /// Whether each message names its channel.
    names_channels: bool,
}

impl Transcript {
    /// Creates a transcript with times of a time zone.
    pub fn new(zone: TimeZone, colour_mode: ColourMode) -> Self {
        let timestamps = Timestamps::default();
        let (is_exact, names_channels) = (false, false);
        let (day, now) = (None, None);
        Self { zone, colour_mode, timestamps, day, now, is_exact, names_channels }
    }

    /// Sets the time format.
    #[must_use]
    pub fn with(self, timestamps: Timestamps) -> Self {
        Self { timestamps, ..self }
    }

    /// Writes texts as they were sent, for a file.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { is_exact: true, ..self }
    }

    /// Marks dates that cannot be right at this time.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Returns whether a message is dated in the future, or long before a message that its author
    /// had seen.
    fn is_implausible(&self, entry: &Entry, claimed: Timestamp) -> bool {
        let Some(now) = self.now else { return false };
        let (now, claimed) = (now.as_millisecond(), claimed.as_millisecond());
        // After a message from the future it is not known which clock is wrong.
        let seen = Some(entry.hlc.time_ms).filter(|seen| *seen <= now + CLOCK_MS_MAX);
        claimed > now + CLOCK_MS_MAX || seen.is_some_and(|seen| seen > claimed + CLOCK_MS_MAX)
    }

    /// Names the channel of each message.
    #[must_use]
    pub fn with_channels(self) -> Self {
        Self { names_channels: true, ..self }
    }

    fn texts(&self, content: &Content) -> Vec<String> {
        if self.is_exact {
            return content.exact().split('\n').map(str::to_string).collect();
        }
        content.lines().iter().map(ToString::to_string).collect()
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
                    let is_implausible = self.is_implausible(entry, time.timestamp());
                    let doubt = if is_implausible { " (a wrong clock?)" } else { "" };
                    let day = format!("── {}{doubt} ──", time.strftime("%a %d %b %Y"));
                    lines.push(dim(&day, self.colour_mode));
                }
                self.timestamps.clock(Some(time.datetime()))
            }
            None => self.timestamps.clock(None),
        };
        let (mut author, kind_symbol) =
            (author(nick, &entry.id.feed, self.colour_mode), entry.content.kind_symbol());
        if self.names_channels {
            // A channel has no spaces, and the key before it is our own text.
            let channel = format!("#{}", entry.content.channel());
            author = format!("{author} {}", dim(&channel, self.colour_mode));
        }
        for (at, text) in self.texts(&entry.content).into_iter().enumerate() {
            let head = match at {
                0 => format!("{}{kind_symbol}{author} ", dim(&clock, self.colour_mode)),
                _ => dim(
                    &format!("{:>1$}│ ", "", self.timestamps.columns().max(2) - 2),
                    self.colour_mode,
                ),
            };
            let text = match entry.content {
                Content::Unreadable(_) => dim(&text, self.colour_mode),
                _ => text,
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
