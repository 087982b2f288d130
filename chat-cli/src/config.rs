//! Loads the settings. Flags and environment variables override them.
//!
//! Rule: a setting is parsed like the flag of the same name, so the file and the command line
//! accept the same values. [`key::Key`] lists all settings.

mod file;
pub mod key;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use jiff::civil::DateTime;
use multifeed_core::Limits;
use toml::de::{DeTable, DeValue};

pub use self::file::{Draft, documented, load, path, text_of, write};
use self::key::{Key, Shape};
use crate::args::{Entry, Global, PeerAddress, Transport, Ui, nearest};
use crate::exit::ExitCode;
use crate::report::{Failure, Snippet};
use crate::tui::theme::Theme;

/// Settings without a flag that say how a room looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The colours of the screen; if unset, they depend on the terminal.
    pub theme: Option<Theme>,
    /// Which messages notify.
    pub notify: Notify,
    /// The time shown before a message.
    pub timestamps: Timestamps,
}

/// The storage limits of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Per author.
    pub author_mib: u32,
    /// For all authors together.
    pub room_mib: u32,
}

impl Bounds {
    /// Copies the limits to those of the core.
    pub fn set(self, limits: &mut Limits) {
        limits.feed_bytes = u64::from(self.author_mib) << 20;
        limits.group_bytes = u64::from(self.room_mib) << 20;
    }
}

impl Default for Bounds {
    fn default() -> Self {
        let Limits { feed_bytes, group_bytes, .. } = Limits::default();
        let mebibytes = |bytes: u64| u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        Self { author_mib: mebibytes(feed_bytes), room_mib: mebibytes(group_bytes) }
    }
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

/// The content of a settings file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The values of each key in the file, as written.
    words: BTreeMap<Key, Vec<String>>,
    nick: Option<String>,
    ui: Option<Ui>,
    transport: Vec<Transport>,
    listen: Option<SocketAddr>,
    peers: Vec<PeerAddress>,
    bootstrap: Vec<Entry>,
    look: Look,
    bounds: Bounds,
}

impl Config {
    /// Parses a text; the path is for error messages only.
    ///
    /// # Errors
    /// Exit 4 with the line, for invalid TOML, an unknown key, or an invalid value.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let table = table(text, path)?;
        let mut config = Self::default();
        // In the order of the file, so the first error is reported.
        let mut pairs: Vec<_> = table.iter().collect();
        pairs.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in pairs {
            let place = Place { text, path, span: name.span() };
            let key = Key::named(name.get_ref()).ok_or_else(|| place.unknown(name.get_ref()))?;
            let place = Place { span: value.span(), ..place };
            let words = words(value.get_ref()).ok_or_else(|| key.shape().rule().to_string());
            let set = words.and_then(|words| config.set(key, words));
            set.map_err(|rule| place.wrong(key, &rule))?;
        }
        Ok(config)
    }

    /// Sets a key.
    ///
    /// # Errors
    /// Says what to write instead.
    pub fn set(&mut self, key: Key, words: Vec<String>) -> Result<(), String> {
        if key.shape() == Shape::One && words.len() != 1 {
            return Err(key.shape().rule().into());
        }
        key.read(&words, self)?;
        self.words.insert(key, words);
        Ok(())
    }

    /// Returns the values of a key, as written.
    pub fn get(&self, key: Key) -> Option<&[String]> {
        self.words.get(&key).map(Vec::as_slice)
    }

    /// Returns how a room looks.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Fills in settings where flags and environment give no value.
    pub fn under(self, global: &mut Global) {
        global.nick = global.nick.take().or(self.nick);
        global.ui = global.ui.or(self.ui);
        global.listen = global.listen.or(self.listen);
        if global.peers.is_empty() {
            global.peers = self.peers;
        }
        if global.discovery.transport.is_empty() {
            global.discovery.transport = self.transport;
        }
        if global.discovery.bootstrap.is_empty() {
            global.discovery.bootstrap = self.bootstrap;
        }
        global.look = self.look;
        global.bounds = self.bounds;
    }
}

/// Parses a text into its keys, values and positions.
fn table<'a>(text: &'a str, path: &Path) -> Result<DeTable<'a>, Failure> {
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let what = error.message().lines().next().unwrap_or_default().to_string();
        Place { text, path, span }.failure("config.syntax", &what)
    });
    table.map(toml::Spanned::into_inner)
}

/// Returns the position of a key's value in a text.
fn span_of(text: &str, key: Key) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    let found = table.get_ref().iter().find(|(name, _)| name.get_ref() == key.name());
    found.map(|(_, value)| value.span())
}

/// Returns the words of a text or of a list of texts.
fn words(value: &DeValue<'_>) -> Option<Vec<String>> {
    let word = |value: &DeValue<'_>| value.as_str().map(str::to_string);
    match value {
        DeValue::Array(list) => list.iter().map(|value| word(value.get_ref())).collect(),
        one => word(one).map(|word| vec![word]),
    }
}

/// A position in a file, for an error message.
struct Place<'a> {
    text: &'a str,
    path: &'a Path,
    span: Range<usize>,
}

impl Place<'_> {
    fn failure(&self, code: &'static str, what: &str) -> Failure {
        let before = self.text.get(..self.span.start).unwrap_or(self.text);
        let number = before.matches('\n').count() + 1;
        let line = self.text.lines().nth(number - 1).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let pointed = self.text.get(self.span.clone()).unwrap_or_default();
        let width = pointed.lines().next().unwrap_or_default().chars().count();
        let message = format!("{} line {number}: {what}", self.path.display());
        Failure::new(ExitCode::BadInput, code, message).snippet(Snippet::at(
            line,
            column + 1,
            width,
        ))
    }

    fn unknown(&self, name: &str) -> Failure {
        let failure = self.failure("config.key", &format!("there is no setting '{name}'"));
        with_names(name, failure).help("fix it:  multichat config edit")
    }

    fn wrong(&self, key: Key, rule: &str) -> Failure {
        self.failure("config.value", &format!("{}: {rule}", key.name()))
            .help("fix it:  multichat config edit")
    }
}

/// Returns the setting of a name.
///
/// # Errors
/// Exit 3 with similar names.
pub fn key_named(name: &str) -> Result<Key, Failure> {
    Key::named(name).ok_or_else(|| {
        let message = format!("there is no setting '{name}'");
        with_names(name, Failure::new(ExitCode::NotFound, "config.key", message))
    })
}

fn with_names(name: &str, failure: Failure) -> Failure {
    let names = Key::ALL.map(Key::name);
    match nearest(name, names).first() {
        Some(near) => failure.help(format!("did you mean: {near} ?")),
        None => failure.help(format!("available settings: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests;
