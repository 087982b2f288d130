//! What the screen shows, and what becomes of it when something happens.
//!
//! Rule: nothing here reads a clock, a room or a terminal. [`Model::update`] takes what happened
//! and gives back what is to be done; the picture is made of it by [`super::view`]. So both are
//! tested without a terminal.

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

/// The widest line of ours that is shown among the messages.
const NOTE_COLUMNS_MAX: usize = 400;

/// Columns and rows of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Who is looking, and at what.
#[derive(Clone, Debug)]
pub struct About {
    /// The room that is open.
    pub room: Clean,
    /// All rooms, by name; the one that is open is among them.
    pub rooms: Vec<Clean>,
    /// What the user is called.
    pub nick: Clean,
    /// The key of his feed.
    pub key: [u8; 32],
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// Whether anybody can be reached: an address to dial or to listen on.
    pub has_network: bool,
}

/// How far the room has come, as the node says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages that are here.
    pub have: u64,
    /// Messages that are here or that a connected peer claims to have.
    pub want: u64,
    /// Peers that are here.
    pub peers: u64,
    /// Those with whom we are in sync.
    pub synced: u64,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum News {
    /// The last messages, when the room is opened or looked at from its end again.
    Latest(Vec<Entry>),
    /// Messages before the first that is shown.
    Older(Vec<Entry>),
    /// Messages around one that was looked for.
    Around(Spot, Vec<Entry>),
    /// Messages that came.
    Came(Vec<Entry>),
    /// What a search has found so far, the last one last, and whether that is all.
    Found(Vec<Entry>, bool),
    /// Who is connected now.
    Links(Vec<Link>),
    /// How far everything is.
    Progress(Progress),
    /// How many blocks of our feed each connected peer has, by its key.
    Held(Vec<([u8; 32], u64)>),
    /// Feeds of which messages were named that are not here.
    Missing(Vec<([u8; 32], u64)>),
    /// What a channel is about.
    Topic(Clean, Option<Topic>),
    /// An invite, or why there is none.
    Invite(overlay::Invite),
    /// We are called otherwise.
    Nick(Clean),
    /// It is to be shown otherwise.
    Look(Look),
    /// Something to tell.
    Note(String),
}

/// Something to do that takes more than a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store a message.
    Send {
        /// Where.
        channel: Clean,
        /// What.
        text: String,
    },
    /// Read messages before the first that is shown.
    ReadOlder(Spot),
    /// Read the last messages.
    ReadLatest,
    /// Read messages around one.
    ReadAround(Spot),
    /// Look for a text.
    Search(String),
    /// Make an invite.
    Invite,
    /// Be called otherwise.
    Rename(String),
    /// Decide whom to read.
    Moderate(Moderate),
    /// Open another room, by its place in the list.
    OpenRoom(usize),
    /// Answer in lines.
    Ask(Ask),
    /// Put text on the clipboard.
    Copy(String),
    /// Let the terminal ring.
    Bell,
    /// Remember what was read.
    MarkRead(Spot),
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell lets us go on.
    Suspend,
    /// Leave.
    Quit,
}

/// All that the screen shows.
#[derive(Debug)]
pub struct Model {
    /// Who is looking, and at what.
    pub about: About,
    /// The terminal.
    pub size: Size,
    /// The colours.
    pub theme: Theme,
    /// How it is shown otherwise.
    pub look: Look,
    /// The channel that is looked at.
    pub channel: Clean,
    /// A channel, and what it is about, as far as is known.
    topic: Option<(Clean, Option<Topic>)>,
    /// The messages.
    pub log: Log,
    /// The authors and the peers.
    pub people: People,
    /// How far our messages have got.
    pub spread: Spread,
    /// How far the room has come.
    pub progress: Progress,
    /// What is being typed.
    pub typing: Typing,
    /// What lies over the messages.
    pub overlay: Overlay,
    /// Whether the last key was Ctrl-C.
    interrupted: bool,
}

impl Model {
    /// A room that was just opened, nothing of which was read yet. `read` is the last message
    /// that the user saw when he was here before.
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

    /// Takes what happened, and gives what is to be done.
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
                // What was not changed leaves the window the colours that it has.
                let theme = look.theme.filter(|_| look.theme != self.look.theme);
                self.theme = theme.unwrap_or(self.theme);
                self.look = look;
            }
            News::Note(text) => self.note(&text),
        }
        Vec::new()
    }

    /// Shows a line of ours among the messages.
    pub fn note(&mut self, text: &str) {
        self.log.note(sanitize::line(text, NOTE_COLUMNS_MAX));
    }

    /// What the user has written: sent, done, or refused aloud.
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
                None => self.note("nothing was new when you came"),
            },
            Typed::Notify(notify) => {
                self.look.notify = notify;
                self.note("so it is in this window; /set notify keeps it");
            }
            Typed::Theme(name) => match Theme::named(&name) {
                Some(theme) => self.theme = theme,
                None => self.note("themes are:  dark  light  plain"),
            },
            Typed::Copy => return vec![Effect::Copy(self.visible_text())],
            Typed::Unknown(what) => self.note(&what),
        }
        Vec::new()
    }

    /// Looks at another channel of the room.
    pub fn go_to(&mut self, channel: Clean) -> Vec<Effect> {
        self.channel = channel;
        self.log.scroll = 0;
        self.log.visit(&self.channel);
        self.mark_read()
    }

    /// What the channel that is looked at is about.
    pub fn topic(&self) -> Option<&Clean> {
        let (channel, topic) = self.topic.as_ref()?;
        topic.as_ref().filter(|_| *channel == self.channel).map(|topic| &topic.text)
    }

    /// Whether it was said of the channel that is looked at what it is about.
    pub fn knows_topic(&self) -> bool {
        self.topic.as_ref().is_some_and(|(channel, _)| *channel == self.channel)
    }

    /// The channels in which something was said, the first one first, then by name.
    pub fn channels(&self) -> Vec<Clean> {
        let general = channel_name(CHANNEL);
        let mut names = self.log.channels();
        names.insert(general.clone());
        names.insert(self.channel.clone());
        let others = names.iter().filter(|name| **name != general).cloned();
        std::iter::once(general.clone()).chain(others).collect()
    }

    /// Goes to the end of the messages.
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
        // What was being read stays where it is on the screen.
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
