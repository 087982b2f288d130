//! Updates the model from events, and returns the effects to perform.
//!
//! Rule: nothing here reads a clock, a room or a terminal. [`Model::update`] takes an event and
//! returns the effects.

mod keys;

use super::model::overlay::Overlay;
use super::model::{Effect, Model, ModelEvent, log};
use super::view;
use super::view::layout::panes;
use crate::message::channel_name;
use crate::notify::should_notify;
use crate::sanitize::Clean;
use crate::slash::query::Query;
use crate::slash::{self, ParsedLine};
use crate::theme::Theme;
use crate::timeline::Entry;
use crate::timeline::key::TimelineKey;

impl Model {
    /// Updates the model from an event and returns the effects to perform.
    pub fn update(&mut self, event: ModelEvent) -> Vec<Effect> {
        match event {
            ModelEvent::Opened(room) => {
                self.record_authors(&room.recent);
                self.log.open(&room);
            }
            ModelEvent::Latest(entries) => {
                self.record_authors(&entries);
                self.log.show_latest(entries, &self.room_info);
                return self.mark_read();
            }
            ModelEvent::Older(entries) => {
                self.record_authors(&entries);
                self.log.show_older(entries, &self.room_info);
            }
            ModelEvent::Around(position, entries) => {
                self.record_authors(&entries);
                self.log.show_around(position, entries, &self.room_info);
                // The message is in the middle of the screen.
                let rows = usize::from(panes(self).chat.height);
                let from = view::log::lines_from(self, position);
                self.log.scroll = from.saturating_sub(rows.div_ceil(2));
            }
            ModelEvent::Newer { entries, is_end } => {
                self.record_authors(&entries);
                // The visible messages keep their position.
                let last = self.log.last();
                let from_last =
                    |model: &Self| last.map_or(0, |last| view::log::lines_from(model, last));
                let before = from_last(self);
                self.log.show_newer(entries, is_end, &self.room_info);
                self.log.scroll += from_last(self).saturating_sub(before);
                return self.mark_read();
            }
            ModelEvent::NewMessages(entries) => return self.on_new_messages(entries),
            ModelEvent::Found { entries, is_complete } => {
                let rows = entries.iter().map(|entry| log::Row::new(entry, &self.room_info));
                self.overlay.found(rows.collect(), is_complete);
            }
            ModelEvent::Peers(peers) => self.people.peers = peers,
            ModelEvent::Progress(progress) => self.progress = progress,
            ModelEvent::PeerLengths(lengths) => self.delivery.record(&lengths),
            ModelEvent::Missing(missing) => self.people.missing = missing,
            ModelEvent::Topic(channel, topic) => self.topic = Some((channel, topic)),
            ModelEvent::Invite(invite) => self.overlay = Overlay::Invite(invite),
            ModelEvent::Nick(nick) => self.room_info.nick = nick,
            ModelEvent::Appearance(appearance) => {
                // A theme that did not change keeps the colours chosen in this window.
                let theme = appearance.theme.filter(|_| appearance.theme != self.appearance.theme);
                self.theme = theme.unwrap_or(self.theme);
                self.appearance = appearance;
            }
            ModelEvent::Note(text) => self.note(&text),
        }
        Vec::new()
    }

    /// Handles a submitted line: sends it, runs it, or shows an error.
    pub fn submit(&mut self, line: &str) -> Vec<Effect> {
        match slash::parse(line) {
            ParsedLine::Nothing => {}
            ParsedLine::Text(text) => {
                let channel = self.channel.clone();
                let mut effects = vec![Effect::Send { channel, text }];
                effects.extend(self.go_to_end());
                return effects;
            }
            ParsedLine::Help => self.overlay = Overlay::Help(0),
            ParsedLine::Peers => self.overlay = Overlay::People(0),
            ParsedLine::Invite => return vec![Effect::Invite],
            ParsedLine::Nick(nick) => return vec![Effect::Rename(nick)],
            ParsedLine::Status => self.note(&view::status::sentence(self)),
            ParsedLine::Quit => return vec![Effect::Quit],
            ParsedLine::Channel(name) => return self.go_to(channel_name(&name)),
            ParsedLine::Moderate(wanted) => return vec![Effect::Moderate(wanted)],
            ParsedLine::Topic(text) => {
                return vec![Effect::Query(Query::Topic(self.channel.clone(), text))];
            }
            ParsedLine::Search(words) => {
                self.overlay = Overlay::search(&words);
                return vec![Effect::Search(words)];
            }
            ParsedLine::Query(query) => return vec![Effect::Query(query)],
            ParsedLine::Unread => match self.log.unread_since() {
                Some(read) => return vec![Effect::ReadAround(read)],
                None => self.note("no messages were unread"),
            },
            ParsedLine::Notify(notify) => {
                self.appearance.notify = notify;
                self.note("changed in this window; to keep it:  /set notify");
            }
            ParsedLine::Theme(name) => match Theme::from_name(&name) {
                Some(theme) => self.theme = theme,
                None => self.note("choose one:  /theme dark, light or plain"),
            },
            ParsedLine::Copy => return vec![Effect::Copy(self.visible_text())],
            ParsedLine::Unknown(what) => self.note(&what),
        }
        Vec::new()
    }

    /// Switches to another channel of the room.
    pub fn go_to(&mut self, channel: Clean) -> Vec<Effect> {
        self.visit(channel);
        vec![Effect::ReadLatest]
    }

    /// Switches to a channel and shows the messages around a position.
    pub(super) fn go_around(&mut self, channel: Clean, position: TimelineKey) -> Vec<Effect> {
        self.visit(channel);
        vec![Effect::ReadAround(position)]
    }

    fn visit(&mut self, channel: Clean) {
        self.channel = channel;
        self.log.visit(&self.channel);
    }

    /// Scrolls to the last message.
    pub(super) fn go_to_end(&mut self) -> Vec<Effect> {
        self.log.scroll = 0;
        if self.log.is_detached() { vec![Effect::ReadLatest] } else { self.mark_read() }
    }

    fn mark_read(&self) -> Vec<Effect> {
        let at_end = self.log.scroll == 0 && !self.log.is_detached();
        let last = self.log.latest().filter(|_| at_end);
        last.map(Effect::MarkRead).into_iter().collect()
    }

    fn record_authors(&mut self, entries: &[Entry]) {
        entries.iter().for_each(|entry| self.people.record_author(entry));
    }

    fn on_new_messages(&mut self, entries: Vec<Entry>) -> Vec<Effect> {
        self.record_authors(&entries);
        let room_info = &self.room_info;
        let should_notify = entries.iter().any(|entry| {
            should_notify(entry, &room_info.key, &room_info.nick, self.appearance.notify)
        });
        // If the user has scrolled up, the visible messages keep their position.
        let before = if self.log.scroll > 0 { self.log_height() } else { 0 };
        for entry in entries {
            self.log.add(&entry, &self.room_info, &self.channel);
        }
        if self.log.scroll > 0 {
            self.log.scroll += self.log_height().saturating_sub(before);
        }
        let mut effects = self.mark_read();
        if should_notify {
            effects.push(Effect::Bell);
        }
        effects
    }

    fn log_height(&self) -> usize {
        view::log::lines(self).len()
    }

    fn visible_text(&self) -> String {
        let lines = view::log::visible(self);
        let text = |line: &ratatui::text::Line<'_>| {
            line.spans.iter().map(|span| span.content.as_ref()).collect::<String>()
        };
        lines.iter().map(|line| text(line).trim_end().to_string()).collect::<Vec<_>>().join("\n")
    }
}
