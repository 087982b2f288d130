//! What the screen shows, and what becomes of it when something happens.
//!
//! Rule: nothing here reads a clock, a room or a terminal. [`Model::update`] takes what happened
//! and gives back what is to be done; the picture is made of it by [`super::view`]. So both are
//! tested without a terminal.

pub mod delivery;
pub mod input_line;
pub mod log;
pub mod overlay;
pub mod people;
pub mod room_info;

use self::delivery::OwnFeedHolders;
use self::input_line::InputLine;
use self::log::Log;
use self::overlay::Overlay;
use self::people::{PeerRow, People};
use self::room_info::RoomInfo;
use crate::appearance::Appearance;
use crate::args::moderate::Moderate;
use crate::message::{CHANNEL, channel_name};
use crate::sanitize::{self, Clean};
use crate::session::topics::Topic;
use crate::slash::query::Query;
use crate::theme::Theme;
use crate::timeline::Entry;
use crate::timeline::key::TimelineKey;

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
pub enum ModelEvent {
    /// The last messages, when the room is opened or looked at from its end again.
    Latest(Vec<Entry>),
    /// Messages before the first that is shown.
    Older(Vec<Entry>),
    /// Messages around one that was looked for.
    Around(TimelineKey, Vec<Entry>),
    /// Messages that came.
    NewMessages(Vec<Entry>),
    /// What a search has found so far, the last one last, and whether that is all.
    Found {
        /// The messages, the last one last.
        entries: Vec<Entry>,
        /// Whether all messages were searched.
        is_complete: bool,
    },
    /// Who is connected now.
    Peers(Vec<PeerRow>),
    /// How far everything is.
    Progress(Progress),
    /// How many blocks of our feed each connected peer has, by its key.
    PeerLengths(Vec<([u8; 32], u64)>),
    /// Feeds of which messages were named that are not here.
    Missing(Vec<([u8; 32], u64)>),
    /// What a channel is about.
    Topic(Clean, Option<Topic>),
    /// An invite, or why there is none.
    Invite(overlay::Invite),
    /// We are called otherwise.
    Nick(Clean),
    /// It is to be shown otherwise.
    Appearance(Appearance),
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
    ReadOlder(TimelineKey),
    /// Read the last messages.
    ReadLatest,
    /// Read messages around one.
    ReadAround(TimelineKey),
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
    Query(Query),
    /// Put text on the clipboard.
    Copy(String),
    /// Let the terminal ring.
    Bell,
    /// Remember what was read.
    MarkRead(TimelineKey),
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
    pub room_info: RoomInfo,
    /// The terminal.
    pub size: Size,
    /// The colours.
    pub theme: Theme,
    /// How it is shown otherwise.
    pub appearance: Appearance,
    /// The channel that is looked at.
    pub channel: Clean,
    /// A channel, and what it is about, as far as is known.
    pub(super) topic: Option<(Clean, Option<Topic>)>,
    /// The messages.
    pub log: Log,
    /// The authors and the peers.
    pub people: People,
    /// How far our messages have got.
    pub delivery: OwnFeedHolders,
    /// How far the room has come.
    pub progress: Progress,
    /// What is being typed.
    pub input_line: InputLine,
    /// What lies over the messages.
    pub overlay: Overlay,
    /// Whether the last key was Ctrl-C.
    pub(super) interrupted: bool,
}

impl Model {
    /// A room that was just opened, nothing of which was read yet. `read` is the last message
    /// that the user saw when he was here before.
    pub fn new(room_info: RoomInfo, size: Size, theme: Theme, read: Option<TimelineKey>) -> Self {
        let (log, people) = (Log::new(read), People::new(room_info.key));
        Self {
            room_info,
            size,
            theme,
            appearance: Appearance::default(),
            channel: channel_name(CHANNEL),
            topic: None,
            log,
            people,
            delivery: OwnFeedHolders::default(),
            progress: Progress::default(),
            input_line: InputLine::default(),
            overlay: Overlay::None,
            interrupted: false,
        }
    }

    /// Shows a line of ours among the messages.
    pub fn note(&mut self, text: &str) {
        self.log.note(sanitize::line(text, NOTE_COLUMNS_MAX));
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
}

#[cfg(test)]
pub(super) mod tests;
