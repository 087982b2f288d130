//! Updates the model from events, and returns the effects to perform.
//!
//! Rule: nothing here reads a clock, a room or a terminal. [`Model::update`] takes an event and
//! returns the effects.

mod keys;

use super::model::overlay::Overlay;
use super::model::{Effect, Model, News, log};
use super::view;
use crate::message::channel_name;
use crate::notify::rings;
use crate::sanitize::Clean;
use crate::slash::query::Ask;
use crate::slash::{self, Typed};
use crate::theme::Theme;
use crate::timeline::Entry;

impl Model {
    /// Updates the model from an event and returns the effects to perform.
    pub fn update(&mut self, news: News) -> Vec<Effect> {
        match news {
            News::Latest(entries) => {
                self.meet(&entries);
                self.log.show_latest(entries, &self.about);
                return self.mark_read();
            }
            News::Older(entries) => {
                self.meet(&entries);
                self.log.show_older(entries, &self.about);
            }
            News::Around(spot, entries) => {
                self.meet(&entries);
                self.log.show_around(spot, entries, &self.about);
            }
            News::Came(entries) => return self.came(entries),
            News::Found(entries, is_all) => {
                let rows = entries.iter().map(|entry| log::Row::new(entry, &self.about));
                self.overlay.found(rows.collect(), is_all);
            }
            News::Links(links) => self.people.links = links,
            News::Progress(progress) => self.progress = progress,
            News::Held(held) => self.spread.held(&held),
            News::Missing(missing) => self.people.missing = missing,
            News::Topic(channel, topic) => self.topic = Some((channel, topic)),
            News::Invite(invite) => self.overlay = Overlay::Invite(invite),
            News::Nick(nick) => self.about.nick = nick,
            News::Look(look) => {
                // A theme that did not change keeps the colours chosen in this window.
                let theme = look.theme.filter(|_| look.theme != self.look.theme);
                self.theme = theme.unwrap_or(self.theme);
                self.look = look;
            }
            News::Note(text) => self.note(&text),
        }
        Vec::new()
    }

    /// Handles a submitted line: sends it, runs it, or shows an error.
    pub fn submit(&mut self, line: &str) -> Vec<Effect> {
        match slash::read(line) {
            Typed::Nothing => {}
            Typed::Text(text) => {
                let channel = self.channel.clone();
                let mut effects = vec![Effect::Send { channel, text }];
                effects.extend(self.go_to_end());
                return effects;
            }
            Typed::Help => self.overlay = Overlay::Help,
            Typed::Peers => self.overlay = Overlay::People,
            Typed::Invite => return vec![Effect::Invite],
            Typed::Nick(nick) => return vec![Effect::Rename(nick)],
            Typed::Status => self.note(&view::status::sentence(self)),
            Typed::Quit => return vec![Effect::Quit],
            Typed::Channel(name) => return self.go_to(channel_name(&name)),
            Typed::Moderate(wanted) => return vec![Effect::Moderate(wanted)],
            Typed::Topic(text) => return vec![Effect::Ask(Ask::Topic(self.channel.clone(), text))],
            Typed::Search(words) => {
                self.overlay = Overlay::search(&words);
                return vec![Effect::Search(words)];
            }
            Typed::Ask(ask) => return vec![Effect::Ask(ask)],
            Typed::Unread => match self.log.was_new() {
                Some(read) => return vec![Effect::ReadAround(read)],
                None => self.note("no messages were unread"),
            },
            Typed::Notify(notify) => {
                self.look.notify = notify;
                self.note("changed in this window; /set notify saves it");
            }
            Typed::Theme(name) => match Theme::named(&name) {
                Some(theme) => self.theme = theme,
                None => self.note("themes:  dark  light  plain"),
            },
            Typed::Copy => return vec![Effect::Copy(self.visible_text())],
            Typed::Unknown(what) => self.note(&what),
        }
        Vec::new()
    }

    /// Switches to another channel of the room.
    pub fn go_to(&mut self, channel: Clean) -> Vec<Effect> {
        self.channel = channel;
        self.log.scroll = 0;
        self.log.visit(&self.channel);
        self.mark_read()
    }

    /// Scrolls to the last message.
    pub(super) fn go_to_end(&mut self) -> Vec<Effect> {
        self.log.scroll = 0;
        if self.log.is_detached() { vec![Effect::ReadLatest] } else { self.mark_read() }
    }

    fn mark_read(&self) -> Vec<Effect> {
        let at_end = self.log.scroll == 0 && !self.log.is_detached();
        let last = self.log.last().filter(|_| at_end);
        last.map(Effect::MarkRead).into_iter().collect()
    }

    fn meet(&mut self, entries: &[Entry]) {
        entries.iter().for_each(|entry| self.people.meet(entry));
    }

    fn came(&mut self, entries: Vec<Entry>) -> Vec<Effect> {
        self.meet(&entries);
        let about = &self.about;
        let rings =
            entries.iter().any(|entry| rings(entry, &about.key, &about.nick, self.look.notify));
        // If the user has scrolled up, the visible messages keep their position.
        let before = if self.log.scroll > 0 { self.log_height() } else { 0 };
        for entry in entries {
            self.log.add(&entry, &self.about, &self.channel);
        }
        if self.log.scroll > 0 {
            self.log.scroll += self.log_height().saturating_sub(before);
        }
        let mut effects = self.mark_read();
        if rings {
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
