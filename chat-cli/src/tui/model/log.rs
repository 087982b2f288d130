//! Holds the messages on or near the screen.
//!
//! Rule: rows are in timeline order without duplicates, and there are at most [`ROWS_MAX`],
//! because a room may have any number of messages.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;

use super::room_info::RoomInfo;
use crate::message::Content;
use crate::notify::mentions;
use crate::sanitize::{self, Clean};
use crate::timeline::Entry;
use crate::timeline::key::TimelineKey;

/// The most messages in the model; others are loaded on demand. Chosen: several screens in each
/// direction at little memory.
pub const ROWS_MAX: usize = 1_000;
/// The most notes in the model. Chosen: a screen and more.
pub const NOTES_MAX: usize = 50;

/// A message prepared for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its position in the timeline.
    pub position: TimelineKey,
    /// The author's name.
    pub nick: Clean,
    /// The author's time in the user's time zone.
    pub time: Option<DateTime>,
    /// The channel.
    pub channel: Clean,
    /// The character between time and author.
    pub kind_symbol: char,
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
    pub fn new(entry: &Entry, room_info: &RoomInfo) -> Self {
        let (content, chat) = (&entry.content, entry.content.chat());
        let time = chat.and_then(|chat| chat.time);
        Self {
            position: entry.position(),
            nick: sanitize::nick(
                chat.and_then(|chat| chat.nickname.as_deref()).unwrap_or_default(),
            ),
            time: time.map(|time| time.to_zoned(room_info.zone.clone()).datetime()),
            channel: content.channel(),
            kind_symbol: content.kind_symbol(),
            lines: content.lines(),
            is_own: entry.id.feed == room_info.key,
            is_mention: mentions(entry, &room_info.key, &room_info.nick),
            is_marker: !matches!(content, Content::Chat(_)),
        }
    }
}

/// A note after a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The last message when the note was added.
    pub after: Option<TimelineKey>,
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
    pub read: Option<TimelineKey>,
    /// The last message when the room was opened.
    opened: Option<TimelineKey>,
    /// The selected search result.
    pub found: Option<TimelineKey>,
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
    pub(in crate::tui) fn new(read: Option<TimelineKey>) -> Self {
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
    pub fn older(&self) -> Option<TimelineKey> {
        let first = self.rows.first().map(|row| row.position);
        first.filter(|_| !self.at_start)
    }

    /// Returns the last message read before this session, if there were later ones then.
    pub fn unread_since(&self) -> Option<TimelineKey> {
        self.read.filter(|read| self.opened.is_some_and(|opened| opened > *read))
    }

    /// Returns the first message of a channel that was unread when the room was opened, and the
    /// number of unread messages by others.
    pub fn first_unread(&self, channel: &Clean) -> Option<(TimelineKey, u64)> {
        let (read, opened) = (self.read?, self.opened?);
        let is_new = |row: &&Row| row.position > read && row.position <= opened && !row.is_own;
        let mut new = self.rows(channel).filter(is_new);
        let first = new.next()?.position;
        Some((first, 1 + new.count() as u64))
    }

    /// Returns the last loaded message.
    pub fn last(&self) -> Option<TimelineKey> {
        self.rows.last().map(|row| row.position)
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

    pub(in crate::tui) fn channels(&self) -> BTreeSet<Clean> {
        self.rows.iter().map(|row| row.channel.clone()).chain(self.unread.keys().cloned()).collect()
    }

    pub(in crate::tui) fn mark_visited(&mut self, channel: &Clean) {
        self.unread.remove(channel);
    }

    pub(in crate::tui) fn show_latest(&mut self, entries: Vec<Entry>, room_info: &RoomInfo) {
        self.rows = entries.iter().map(|entry| Row::new(entry, room_info)).collect();
        self.rows.iter().for_each(|row| self.own_length = self.own_length.max(own_until(row)));
        (self.at_start, self.detached, self.below, self.scroll) = (false, false, 0, 0);
        self.opened = self.opened.or(self.last());
        self.found = None;
    }

    pub(in crate::tui) fn show_older(&mut self, entries: Vec<Entry>, room_info: &RoomInfo) {
        self.at_start = entries.is_empty();
        let older = entries.iter().map(|entry| Row::new(entry, room_info));
        self.rows.splice(0..0, older);
        if self.rows.len() > ROWS_MAX {
            self.rows.truncate(ROWS_MAX);
            // The view stays near the first rows.
            (self.detached, self.scroll) = (true, usize::MAX);
        }
    }

    pub(in crate::tui) fn show_around(
        &mut self,
        position: TimelineKey,
        entries: Vec<Entry>,
        room_info: &RoomInfo,
    ) {
        self.rows = entries.iter().map(|entry| Row::new(entry, room_info)).collect();
        (self.at_start, self.detached, self.below, self.scroll) = (false, true, 0, 0);
        self.found = Some(position);
    }

    pub(in crate::tui) fn add(&mut self, entry: &Entry, room_info: &RoomInfo, channel: &Clean) {
        let row = Row::new(entry, room_info);
        self.own_length = self.own_length.max(own_until(&row));
        if row.channel != *channel && !row.is_own {
            *self.unread.entry(row.channel.clone()).or_default() += 1;
        }
        if self.detached {
            self.below += 1;
            return;
        }
        match self.rows.binary_search_by_key(&row.position, |row| row.position) {
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

    pub(in crate::tui) fn note(&mut self, text: Clean) {
        if self.notes.len() == NOTES_MAX {
            self.notes.remove(0);
        }
        self.notes.push(Note { after: self.last(), text });
    }
}

fn own_until(row: &Row) -> u64 {
    if row.is_own { row.position.block.index.saturating_add(1) } else { 0 }
}
