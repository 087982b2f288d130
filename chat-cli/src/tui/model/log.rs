//! The messages that are on the screen or near it.
//!
//! Rule: rows lie in the order of the timeline, each once, and there are never more than
//! [`ROWS_MAX`]: a room may have any number of messages.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;

use super::room_info::RoomInfo;
use crate::message::Content;
use crate::notify::mentions;
use crate::sanitize::{self, Clean};
use crate::timeline::Entry;
use crate::timeline::key::TimelineKey;

/// The most messages that are kept. Those farther away are read again when somebody goes there.
pub const ROWS_MAX: usize = 1_000;
/// The most lines of ours that are kept.
pub const NOTES_MAX: usize = 50;

/// A message, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub position: TimelineKey,
    /// What its author calls himself.
    pub nick: Clean,
    /// When he says that he wrote it, in the user's zone.
    pub time: Option<DateTime>,
    /// In which channel.
    pub channel: Clean,
    /// What stands between time and author.
    pub kind_symbol: char,
    /// Its lines.
    pub lines: Vec<Clean>,
    /// Whether it is ours.
    pub is_own: bool,
    /// Whether it names the user.
    pub is_mention: bool,
    /// Whether the words are ours: a marker for what cannot be read, or what was done.
    pub is_marker: bool,
}

impl Row {
    /// The row of a message.
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

/// A line of ours, behind some message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The message that was the last one then.
    pub after: Option<TimelineKey>,
    /// What it says.
    pub text: Clean,
}

/// The messages, and where the user is among them.
#[derive(Debug)]
pub struct Log {
    rows: Vec<Row>,
    /// Lines of ours, in the order in which they were said.
    pub notes: Vec<Note>,
    /// How many lines the end of the screen is above the end of the messages.
    pub scroll: usize,
    /// The last message that was read before this visit; what is behind it is new.
    pub read: Option<TimelineKey>,
    /// The last message that was here when the room was opened.
    opened: Option<TimelineKey>,
    /// The message that was looked for.
    pub found: Option<TimelineKey>,
    /// How many messages came in other channels than the one that is looked at.
    unread: BTreeMap<Clean, u64>,
    /// Whether the first row is the first message of all.
    at_start: bool,
    /// Whether there are messages behind the last row that are not shown.
    detached: bool,
    /// How many came while they were not shown.
    pub below: u64,
    /// One more than the highest index of our own messages that was here.
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

    /// The rows of a channel.
    pub fn rows<'a>(&'a self, channel: &'a Clean) -> impl DoubleEndedIterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.channel == *channel)
    }

    /// The first message that is kept, if there may be any before it.
    pub fn older(&self) -> Option<TimelineKey> {
        let first = self.rows.first().map(|row| row.position);
        first.filter(|_| !self.at_start)
    }

    /// The last message that was read before this visit, if others stood behind it then.
    pub fn unread_since(&self) -> Option<TimelineKey> {
        self.read.filter(|read| self.opened.is_some_and(|opened| opened > *read))
    }

    /// Of a channel, the first message of others that was not read before this visit, and how many
    /// there were when it began.
    pub fn first_unread(&self, channel: &Clean) -> Option<(TimelineKey, u64)> {
        let (read, opened) = (self.read?, self.opened?);
        let is_new = |row: &&Row| row.position > read && row.position <= opened && !row.is_own;
        let mut new = self.rows(channel).filter(is_new);
        let first = new.next()?.position;
        Some((first, 1 + new.count() as u64))
    }

    /// The last message that is kept.
    pub fn last(&self) -> Option<TimelineKey> {
        self.rows.last().map(|row| row.position)
    }

    /// Whether the end of the messages is not among the rows.
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// How many messages we have written, as far as they were seen here.
    pub fn own_length(&self) -> u64 {
        self.own_length
    }

    /// Whether nothing was ever said here.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many messages came in a channel while another one was looked at.
    pub fn unread(&self, channel: &Clean) -> u64 {
        self.unread.get(channel).copied().unwrap_or(0)
    }

    pub(in crate::tui) fn channels(&self) -> BTreeSet<Clean> {
        self.rows.iter().map(|row| row.channel.clone()).chain(self.unread.keys().cloned()).collect()
    }

    pub(in crate::tui) fn visit(&mut self, channel: &Clean) {
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
            // Where the screen is stays where it is: near the first rows.
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
            // Older than all that is shown: it is read when somebody goes there.
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
