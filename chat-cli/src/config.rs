//! Loads the settings. Flags and environment variables override them.
//!
//! Rule: a setting is parsed like the flag of the same name, so the file and the command line
//! accept the same values. [`key::Key`] lists all settings.

pub mod file;
pub mod key;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use clap::ValueEnum;
use toml::de::{DeTable, DeValue};

use self::key::{Key, Shape};
use crate::appearance::Appearance;
use crate::args::Global;
use crate::args::discovery::{DhtEntryPoint, Transport, parse_entry_point};
use crate::args::ui::Ui;
use crate::args::values::PeerAddress;
use crate::exit::ExitCode;
use crate::quota::Quota;
use crate::report::{Failure, Snippet};
use crate::similar::closest;
use crate::theme::Theme;

/// The largest MiB value: one tebibyte. Chosen: larger than any room, and no calculation
/// overflows.
const MIB_MAX: u32 = 1024 * 1024;

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
    bootstrap: Vec<DhtEntryPoint>,
    appearance: Appearance,
    quota: Quota,
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
            let place = Location { text, path, span: name.span() };
            let key =
                Key::from_name(name.get_ref()).ok_or_else(|| place.unknown(name.get_ref()))?;
            let place = Location { span: value.span(), ..place };
            let words = words(value.get_ref()).ok_or_else(|| key.shape().rule().to_string());
            let set = words.and_then(|words| config.set(key, words));
            set.map_err(|rule| place.invalid(key, &rule))?;
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
        self.read(key, &words)?;
        self.words.insert(key, words);
        Ok(())
    }

    /// Parses the value of a setting with the same rules as the flag of that name.
    fn read(&mut self, key: Key, words: &[String]) -> Result<(), String> {
        let word = words.first().map_or("", String::as_str);
        match key {
            Key::Nick if word.trim().is_empty() => return Err("write a name".into()),
            Key::Nick => self.nick = Some(word.to_string()),
            Key::Theme => {
                let theme = Theme::from_name(word).ok_or("use dark, light or plain")?;
                self.appearance.theme = Some(theme);
            }
            Key::Notify => self.appearance.notify = choice(word)?,
            Key::Timestamps => self.appearance.timestamps = choice(word)?,
            Key::Ui => self.ui = Some(choice(word)?),
            Key::Transport => {
                self.transport = words.iter().map(|word| choice(word)).collect::<Result<_, _>>()?;
            }
            Key::Listen => {
                let addr = word.parse();
                let rule = |_| "use ADDR:PORT, such as 0.0.0.0:4977".to_string();
                self.listen = Some(addr.map_err(rule)?);
            }
            Key::Peers => {
                self.peers = words.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
            }
            Key::Bootstrap => {
                self.bootstrap =
                    words.iter().map(|word| parse_entry_point(word)).collect::<Result<_, _>>()?;
            }
            Key::AuthorMib => self.quota.author_mib = mebibytes(word)?,
            Key::RoomMib => self.quota.room_mib = mebibytes(word)?,
        }
        Ok(())
    }

    /// Returns the values of a key, as written.
    pub fn get(&self, key: Key) -> Option<&[String]> {
        self.words.get(&key).map(Vec::as_slice)
    }

    /// Returns how a room looks.
    pub fn appearance(&self) -> Appearance {
        self.appearance
    }

    /// Fills in settings where flags and environment give no value.
    pub fn fill_defaults(self, global: &mut Global) {
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
        global.appearance = self.appearance;
        global.quota = self.quota;
    }
}

/// Parses a text into its keys, values and positions.
fn table<'a>(text: &'a str, path: &Path) -> Result<DeTable<'a>, Failure> {
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let what = error.message().lines().next().unwrap_or_default().to_string();
        Location { text, path, span }.failure("config.syntax", &what)
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
struct Location<'a> {
    text: &'a str,
    path: &'a Path,
    span: Range<usize>,
}

impl Location<'_> {
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
        with_suggestions(name, failure).help("fix it:  multichat config edit")
    }

    fn invalid(&self, key: Key, rule: &str) -> Failure {
        self.failure("config.value", &format!("{}: {rule}", key.name()))
            .help("fix it:  multichat config edit")
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

/// Returns the setting of a name.
///
/// # Errors
/// Exit 3 with similar names.
pub fn key_named(name: &str) -> Result<Key, Failure> {
    Key::from_name(name).ok_or_else(|| {
        let message = format!("there is no setting '{name}'");
        with_suggestions(name, Failure::new(ExitCode::NotFound, "config.key", message))
    })
}

fn with_suggestions(name: &str, failure: Failure) -> Failure {
    let names = Key::ALL.map(Key::name);
    match closest(name, names).first() {
        Some(suggestions) => failure.help(format!("did you mean: {suggestions} ?")),
        None => failure.help(format!("available settings: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests;
