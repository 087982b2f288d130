//! Holds the state of the screen and updates it.
//!
//! Rule: the model reads no clock, room or terminal. [`Model::update`] takes an event and returns
//! the effects to perform; [`super::view`] draws the model. So both are tested without a
//! terminal.

pub mod keys;
pub mod log;
pub mod overlay;
pub mod people;
pub mod spread;
pub mod typing;

use jiff::tz::TimeZone;

use self::log::Log;
use self::overlay::Overlay;
use self::people::{Link, People};
use self::spread::Spread;
use self::typing::Typing;
use super::theme::Theme;
use crate::args::Moderate;
use crate::chat::asked::Ask;
use crate::chat::slash::{self, Typed};
use crate::config::Look;
use crate::message::{CHANNEL, channel_name};
use crate::ring::rings;
use crate::sanitize::{self, Clean};
use crate::session::Topic;
use crate::timeline::{Entry, Spot};

/// The widest note among the messages, in columns; longer ones are cut. Chosen: as for reports.
const NOTE_COLUMNS_MAX: usize = 400;

/// The size of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// The user and the room.
#[derive(Clone, Debug)]
pub struct About {
    /// The open room.
    pub room: Clean,
    /// The names of all rooms, including the open one.
    pub rooms: Vec<Clean>,
    /// The user's name.
    pub nick: Clean,
    /// The key of the user's feed.
    pub key: [u8; 32],
    /// The time zone for displayed times.
    pub zone: TimeZone,
    /// Whether any address to dial or listen on, or discovery, is set.
    pub has_network: bool,
}

/// The progress of synchronisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages stored here.
    pub have: u64,
    /// Messages stored here or claimed by a connected peer.
    pub want: u64,
    /// Connected peers.
    pub peers: u64,
    /// Peers that are in sync.
    pub synced: u64,
}

/// An event for the model.
#[derive(Clone, Debug)]
pub enum News {
    /// The last messages: when the room is opened, or on return to its end.
    Latest(Vec<Entry>),
    /// Messages before the first one in the model.
    Older(Vec<Entry>),
    /// Messages around a search result.
    Around(Spot, Vec<Entry>),
    /// New messages.
    Came(Vec<Entry>),
    /// Search results so far, the newest last, and whether the search is complete.
    Found(Vec<Entry>, bool),
    /// The connected peers.
    Links(Vec<Link>),
    /// The progress of synchronisation.
    Progress(Progress),
    /// The length of our feed at each connected peer, by its key.
    Held(Vec<([u8; 32], u64)>),
    /// Feeds with messages that are referred to but missing here, with the count.
    Missing(Vec<([u8; 32], u64)>),
    /// The topic of a channel.
    Topic(Clean, Option<Topic>),
    /// An invite.
    Invite(overlay::Invite),
    /// The user's new name.
    Nick(Clean),
    /// A new look.
    Look(Look),
    /// A note to show.
    Note(String),
}

/// An action that the shell must perform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store and send a message.
    Send {
        /// The channel.
        channel: Clean,
        /// The text.
        text: String,
    },
    /// Load messages before the first one in the model.
    ReadOlder(Spot),
    /// Load the last messages.
    ReadLatest,
    /// Load messages around a position.
    ReadAround(Spot),
    /// Search for a text.
    Search(String),
    /// Create an invite.
    Invite,
    /// Change the user's name.
    Rename(String),
    /// Hide or block a member, or undo that.
    Moderate(Moderate),
    /// Open another room, by its index in the list.
    OpenRoom(usize),
    /// Run a command that is answered with lines of text.
    Ask(Ask),
    /// Copy text to the clipboard.
    Copy(String),
    /// Ring the terminal bell.
    Bell,
    /// Save the read position.
    MarkRead(Spot),
    /// Redraw the whole screen.
    Redraw,
    /// Suspend the process until the shell resumes it.
    Suspend,
    /// Close the window.
    Quit,
}

/// The state of a window.
#[derive(Debug)]
pub struct Model {
    /// The user and the room.
    pub about: About,
    /// The size of the terminal.
    pub size: Size,
    /// The colours.
    pub theme: Theme,
    /// The other settings of the look.
    pub look: Look,
    /// The current channel.
    pub channel: Clean,
    /// The last topic that was loaded, with its channel.
    topic: Option<(Clean, Option<Topic>)>,
    /// The messages.
    pub log: Log,
    /// The authors and the connected peers.
    pub people: People,
    /// The delivery of our messages.
    pub spread: Spread,
    /// The progress of synchronisation.
    pub progress: Progress,
    /// The input line.
    pub typing: Typing,
    /// The overlay above the messages.
    pub overlay: Overlay,
    /// Whether the last key was Ctrl-C.
    interrupted: bool,
}

impl Model {
    /// Creates the model of a room without messages. `read` is the last message that the user
    /// read before.
    pub fn new(about: About, size: Size, theme: Theme, read: Option<Spot>) -> Self {
        let (log, people) = (Log::new(read), People::new(about.key));
        Self {
            about,
            size,
            theme,
            look: Look::default(),
            channel: channel_name(CHANNEL),
            topic: None,
            log,
            people,
            spread: Spread::default(),
            progress: Progress::default(),
            typing: Typing::default(),
            overlay: Overlay::None,
            interrupted: false,
        }
    }

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

    /// Shows a note among the messages.
    pub fn note(&mut self, text: &str) {
        self.log.note(sanitize::line(text, NOTE_COLUMNS_MAX));
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
            Typed::Status => self.note(&super::view::status::sentence(self)),
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

    /// Returns the topic of the current channel.
    pub fn topic(&self) -> Option<&Clean> {
        let (channel, topic) = self.topic.as_ref()?;
        topic.as_ref().filter(|_| *channel == self.channel).map(|topic| &topic.text)
    }

    /// Returns whether the topic of the current channel was loaded.
    pub fn knows_topic(&self) -> bool {
        self.topic.as_ref().is_some_and(|(channel, _)| *channel == self.channel)
    }

    /// Returns the channels with messages, the default channel first, then by name.
    pub fn channels(&self) -> Vec<Clean> {
        let general = channel_name(CHANNEL);
        let mut names = self.log.channels();
        names.insert(general.clone());
        names.insert(self.channel.clone());
        let others = names.iter().filter(|name| **name != general).cloned();
        std::iter::once(general.clone()).chain(others).collect()
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
        super::view::log::lines(self).len()
    }

    fn visible_text(&self) -> String {
        let lines = super::view::log::visible(self);
        let text = |line: &ratatui::text::Line<'_>| {
            line.spans.iter().map(|span| span.content.as_ref()).collect::<String>()
        };
        lines.iter().map(|line| text(line).trim_end().to_string()).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
pub(super) mod tests;
