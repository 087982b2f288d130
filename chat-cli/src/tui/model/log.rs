//! Holds the messages of the current channel that are on or near the screen.
//!
//! Rule: rows are in timeline order without duplicates, and there are at most [`ROWS_MAX`],
//! because a channel may have any number of messages. Of other channels there are names and
//! counts only.

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
/// The most channels in the model. Chosen: bounds memory, as anyone can create channels for free.
pub const CHANNELS_MAX: usize = 64;
/// The most notes in the model. Chosen: a screen and more.
pub const NOTES_MAX: usize = 50;

/// What a room contains when it is opened.
#[derive(Clone, Debug, Default)]
pub struct RoomSummary {
    /// The names of its channels.
    pub channels: BTreeSet<Clean>,
    /// The last messages of all channels.
    pub recent: Vec<Entry>,
    /// How many messages the user has written.
    pub own_length: u64,
}

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

/// The loaded messages of the current channel, and the scroll and read positions.
#[derive(Debug)]
pub struct Log {
    rows: Vec<Row>,
    /// The notes, oldest first.
    pub notes: Vec<Note>,
    /// How many lines the view is above the end.
    pub scroll: usize,
    /// The last message read before this session; later ones are new.
    pub read: Option<TimelineKey>,
    /// The last message of the room.
    latest: Option<TimelineKey>,
    /// The last message of the room when it was opened.
    opened: Option<TimelineKey>,
    /// The selected search result.
    pub found: Option<TimelineKey>,
    /// The channels of the room.
    channels: BTreeSet<Clean>,
    /// The number of unread messages in the other channels.
    unread: BTreeMap<Clean, u64>,
    /// Whether the first row is the first message of the channel.
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
            latest: None,
            opened: None,
            found: None,
            channels: BTreeSet::new(),
            unread: BTreeMap::new(),
            at_start: false,
            detached: false,
            below: 0,
            own_length: 0,
        }
    }

    /// Returns the loaded messages of the channel.
    pub fn rows(&self) -> &[Row] {
        &self.rows
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

    /// Returns the first message of the channel that was unread when the room was opened, and
    /// the number of unread messages by others.
    pub fn first_unread(&self) -> Option<(TimelineKey, u64)> {
        let (read, opened) = (self.read?, self.opened?);
        let is_new = |row: &&Row| row.position > read && row.position <= opened && !row.is_own;
        let mut new = self.rows.iter().filter(is_new);
        let first = new.next()?.position;
        Some((first, 1 + new.count() as u64))
    }

    /// Returns the last loaded message.
    pub fn last(&self) -> Option<TimelineKey> {
        self.rows.last().map(|row| row.position)
    }

    /// Returns the last message of the room, in any channel.
    pub fn latest(&self) -> Option<TimelineKey> {
        self.latest
    }

    /// Returns whether the end of the channel is not loaded.
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// Returns how many messages the user has written, as far as loaded.
    pub fn own_length(&self) -> u64 {
        self.own_length
    }

    /// Returns whether the room has no messages.
    pub fn is_empty(&self) -> bool {
        self.latest.is_none()
    }

    /// Returns the number of unread messages in a channel.
    pub fn unread(&self, channel: &Clean) -> u64 {
        self.unread.get(channel).copied().unwrap_or(0)
    }

    /// Returns the names of the channels with messages.
    pub fn channels(&self) -> &BTreeSet<Clean> {
        &self.channels
    }

    /// Records what the room contains.
    pub(in crate::tui) fn open(&mut self, room: &RoomSummary) {
        room.channels.iter().for_each(|channel| _ = self.add_channel(channel));
        self.own_length = self.own_length.max(room.own_length);
        self.latest = self.latest.max(room.recent.last().map(Entry::position));
        self.opened = self.opened.or(self.latest);
    }

    /// Removes the rows of the previous channel.
    pub(in crate::tui) fn visit(&mut self, channel: &Clean) {
        self.unread.remove(channel);
        self.rows.clear();
        (self.at_start, self.detached, self.below, self.scroll) = (false, false, 0, 0);
        self.found = None;
    }

    pub(in crate::tui) fn show_latest(&mut self, entries: Vec<Entry>, room_info: &RoomInfo) {
        self.rows = entries.iter().map(|entry| Row::new(entry, room_info)).collect();
        self.rows.iter().for_each(|row| self.own_length = self.own_length.max(own_until(row)));
        (self.at_start, self.detached, self.below, self.scroll) = (false, false, 0, 0);
        self.latest = self.latest.max(self.last());
        self.opened = self.opened.or(self.latest);
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

    pub(in crate::tui) fn show_newer(
        &mut self,
        entries: Vec<Entry>,
        is_end: bool,
        room_info: &RoomInfo,
    ) {
        let last = self.last();
        let newer = entries.iter().map(|entry| Row::new(entry, room_info));
        self.rows.extend(newer.filter(|row| Some(row.position) > last));
        let surplus = self.rows.len().saturating_sub(ROWS_MAX);
        if surplus > 0 {
            self.rows.drain(..surplus);
            self.at_start = false;
        }
        if is_end {
            (self.detached, self.below) = (false, 0);
        }
    }

    pub(in crate::tui) fn add(&mut self, entry: &Entry, room_info: &RoomInfo, channel: &Clean) {
        let row = Row::new(entry, room_info);
        self.own_length = self.own_length.max(own_until(&row));
        self.latest = self.latest.max(Some(row.position));
        let is_known = self.add_channel(&row.channel);
        if row.channel != *channel {
            if !row.is_own && is_known {
                *self.unread.entry(row.channel).or_default() += 1;
            }
            return;
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
        self.notes.push(Note { after: self.latest, text });
    }

    /// Adds a channel if there is room for it; returns whether it is known.
    fn add_channel(&mut self, channel: &Clean) -> bool {
        if self.channels.contains(channel) {
            return true;
        }
        self.channels.len() < CHANNELS_MAX && self.channels.insert(channel.clone())
    }
}

fn own_until(row: &Row) -> u64 {
    if row.is_own { row.position.block.index.saturating_add(1) } else { 0 }
}
