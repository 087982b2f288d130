//! Holds the messages on or near the screen.
//!
//! Rule: rows are in timeline order without duplicates, and there are at most [`ROWS_MAX`],
//! because a room may have any number of messages.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;

use super::room_info::About;
use crate::message::Content;
use crate::notify::mentions;
use crate::sanitize::{self, Clean};
use crate::timeline::Entry;
use crate::timeline::key::Spot;

/// The most messages in the model; others are loaded on demand. Chosen: several screens in each
/// direction at little memory.
pub const ROWS_MAX: usize = 1_000;
/// The most notes in the model. Chosen: a screen and more.
pub const NOTES_MAX: usize = 50;

/// A message prepared for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its position in the timeline.
    pub spot: Spot,
    /// The author's name.
    pub nick: Clean,
    /// The author's time in the user's time zone.
    pub time: Option<DateTime>,
    /// The channel.
    pub channel: Clean,
    /// The character between time and author.
    pub sign: char,
    /// Its lines.
    pub lines: Vec<Clean>,
    /// Whether the user wrote it.
    pub is_own: bool,
    /// Whether it mentions the user.
    pub is_mention: bool,
    /// Whether the text is ours: a marker or a description of an action.
    pub is_marker: bool,
}

impl Row {
    /// Creates the row of a message.
    pub fn new(entry: &Entry, about: &About) -> Self {
        let (content, said) = (&entry.content, entry.content.said());
        let time = said.and_then(|chat| chat.time);
        Self {
            spot: entry.spot(),
            nick: sanitize::nick(
                said.and_then(|chat| chat.nickname.as_deref()).unwrap_or_default(),
            ),
            time: time.map(|time| time.to_zoned(about.zone.clone()).datetime()),
            channel: content.channel(),
            sign: content.sign(),
            lines: content.lines(),
            is_own: entry.id.feed == about.key,
            is_mention: mentions(entry, &about.key, &about.nick),
            is_marker: !matches!(content, Content::Chat(_)),
        }
    }
}

/// A note after a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The last message when the note was added.
    pub after: Option<Spot>,
    /// The text.
    pub text: Clean,
}

/// The loaded messages, and the scroll and read positions.
#[derive(Debug)]
pub struct Log {
    rows: Vec<Row>,
    /// The notes, oldest first.
    pub notes: Vec<Note>,
    /// How many lines the view is above the end.
    pub scroll: usize,
    /// The last message read before this session; later ones are new.
    pub read: Option<Spot>,
    /// The last message when the room was opened.
    opened: Option<Spot>,
    /// The selected search result.
    pub found: Option<Spot>,
    /// The number of unread messages in the other channels.
    unread: BTreeMap<Clean, u64>,
    /// Whether the first row is the first message of the room.
    at_start: bool,
    /// Whether messages after the last row are not loaded.
    detached: bool,
    /// How many messages arrived while the end was not loaded.
    pub below: u64,
    /// One more than the highest loaded index of our own messages.
    own_length: u64,
}

impl Log {
    pub(super) fn new(read: Option<Spot>) -> Self {
        Self {
            rows: Vec::new(),
            notes: Vec::new(),
            scroll: 0,
            read,
            opened: None,
            found: None,
            unread: BTreeMap::new(),
            at_start: false,
            detached: false,
            below: 0,
            own_length: 0,
        }
    }

    /// Returns the rows of a channel.
    pub fn rows<'a>(&'a self, channel: &'a Clean) -> impl DoubleEndedIterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.channel == *channel)
    }

    /// Returns the first loaded message if earlier ones may exist.
    pub fn older(&self) -> Option<Spot> {
        let first = self.rows.first().map(|row| row.spot);
        first.filter(|_| !self.at_start)
    }

    /// Returns the last message read before this session, if there were later ones then.
    pub fn was_new(&self) -> Option<Spot> {
        self.read.filter(|read| self.opened.is_some_and(|opened| opened > *read))
    }

    /// Returns the first message of a channel that was unread when the room was opened, and the
    /// number of unread messages by others.
    pub fn new_from(&self, channel: &Clean) -> Option<(Spot, u64)> {
        let (read, opened) = (self.read?, self.opened?);
        let is_new = |row: &&Row| row.spot > read && row.spot <= opened && !row.is_own;
        let mut new = self.rows(channel).filter(is_new);
        let first = new.next()?.spot;
        Some((first, 1 + new.count() as u64))
    }

    /// Returns the last loaded message.
    pub fn last(&self) -> Option<Spot> {
        self.rows.last().map(|row| row.spot)
    }

    /// Returns whether the end of the room is not loaded.
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// Returns how many messages the user has written, as far as loaded.
    pub fn own_length(&self) -> u64 {
        self.own_length
    }

    /// Returns whether no message is loaded.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of unread messages in a channel.
    pub fn unread(&self, channel: &Clean) -> u64 {
        self.unread.get(channel).copied().unwrap_or(0)
    }

    pub(super) fn channels(&self) -> BTreeSet<Clean> {
        self.rows.iter().map(|row| row.channel.clone()).chain(self.unread.keys().cloned()).collect()
    }

    pub(super) fn visit(&mut self, channel: &Clean) {
        self.unread.remove(channel);
    }

    pub(super) fn show_latest(&mut self, entries: Vec<Entry>, about: &About) {
        self.rows = entries.iter().map(|entry| Row::new(entry, about)).collect();
        self.rows.iter().for_each(|row| self.own_length = self.own_length.max(own_until(row)));
        (self.at_start, self.detached, self.below, self.scroll) = (false, false, 0, 0);
        self.opened = self.opened.or(self.last());
        self.found = None;
    }

    pub(super) fn show_older(&mut self, entries: Vec<Entry>, about: &About) {
        self.at_start = entries.is_empty();
        let older = entries.iter().map(|entry| Row::new(entry, about));
        self.rows.splice(0..0, older);
        if self.rows.len() > ROWS_MAX {
            self.rows.truncate(ROWS_MAX);
            // The view stays near the first rows.
            (self.detached, self.scroll) = (true, usize::MAX);
        }
    }

    pub(super) fn show_around(&mut self, spot: Spot, entries: Vec<Entry>, about: &About) {
        self.rows = entries.iter().map(|entry| Row::new(entry, about)).collect();
        (self.at_start, self.detached, self.below, self.scroll) = (false, true, 0, 0);
        self.found = Some(spot);
    }

    pub(super) fn add(&mut self, entry: &Entry, about: &About, channel: &Clean) {
        let row = Row::new(entry, about);
        self.own_length = self.own_length.max(own_until(&row));
        if row.channel != *channel && !row.is_own {
            *self.unread.entry(row.channel.clone()).or_default() += 1;
        }
        if self.detached {
            self.below += 1;
            return;
        }
        match self.rows.binary_search_by_key(&row.spot, |row| row.spot) {
            Ok(at) => self.rows[at] = row,
            // Older than all loaded messages: it is loaded when the user scrolls there.
            Err(0) if self.older().is_some() => {}
            Err(at) => self.rows.insert(at, row),
        }
        if self.rows.len() > ROWS_MAX {
            self.rows.remove(0);
            self.at_start = false;
        }
    }

    pub(super) fn note(&mut self, text: Clean) {
        if self.notes.len() == NOTES_MAX {
            self.notes.remove(0);
        }
        self.notes.push(Note { after: self.last(), text });
    }
}

fn own_until(row: &Row) -> u64 {
    if row.is_own { row.spot.block.index.saturating_add(1) } else { 0 }
}
