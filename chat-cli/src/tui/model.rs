//! Holds the state of the screen and updates it.
//!
//! Rule: the model reads no clock, room or terminal. [`Model::update`] takes an event and returns
//! the effects to perform; [`super::view`] draws the model. So both are tested without a
//! terminal.

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
use crate::timeline::index::MissingMessages;
use crate::timeline::key::TimelineKey;

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
pub enum ModelEvent {
    /// What the room contains when it is opened.
    Opened(log::RoomSummary),
    /// The last messages of the channel: when it is opened, or on return to its end.
    Latest(Vec<Entry>),
    /// Messages before the first one in the model.
    Older(Vec<Entry>),
    /// Messages after the last one in the model.
    Newer {
        /// The messages.
        entries: Vec<Entry>,
        /// Whether no further ones are stored.
        is_end: bool,
    },
    /// Messages around a search result.
    Around(TimelineKey, Vec<Entry>),
    /// New messages.
    NewMessages(Vec<Entry>),
    /// Search results so far, the newest last, and whether the search is complete.
    Found {
        /// The messages, the newest last.
        entries: Vec<Entry>,
        /// Whether the search is complete.
        is_complete: bool,
    },
    /// The connected peers.
    Peers(Vec<PeerRow>),
    /// The progress of synchronisation.
    Progress(Progress),
    /// The length of our feed at each connected peer, by its key.
    PeerLengths(Vec<([u8; 32], u64)>),
    /// Feeds with messages that are referred to but missing here, with the count.
    Missing(Vec<MissingMessages>),
    /// The topic of a channel.
    Topic(Clean, Option<Topic>),
    /// An invite.
    Invite(overlay::Invite),
    /// The user's new name.
    Nick(Clean),
    /// A new look.
    Appearance(Appearance),
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
    /// Load messages of the channel before the first one in the model.
    ReadOlder(TimelineKey),
    /// Load messages of the channel after the last one in the model.
    ReadNewer(TimelineKey),
    /// Load the last messages of the channel.
    ReadLatest,
    /// Load messages of the channel around a position.
    ReadAround(TimelineKey),
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
    Query(Query),
    /// Copy text to the clipboard.
    Copy(String),
    /// Ring the terminal bell.
    Bell,
    /// Save the read position.
    MarkRead(TimelineKey),
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
    pub room_info: RoomInfo,
    /// The size of the terminal.
    pub size: Size,
    /// The colours.
    pub theme: Theme,
    /// The other settings of the look.
    pub appearance: Appearance,
    /// The current channel.
    pub channel: Clean,
    /// The last topic that was loaded, with its channel.
    pub(super) topic: Option<(Clean, Option<Topic>)>,
    /// The messages.
    pub log: Log,
    /// The authors and the connected peers.
    pub people: People,
    /// The delivery of our messages.
    pub delivery: OwnFeedHolders,
    /// The progress of synchronisation.
    pub progress: Progress,
    /// The input line.
    pub input_line: InputLine,
    /// The overlay above the messages.
    pub overlay: Overlay,
    /// Whether the last key was Ctrl-C.
    pub(super) interrupted: bool,
}

impl Model {
    /// Creates the model of a room without messages. `read` is the last message that the user
    /// read before.
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

    /// Shows a note among the messages.
    pub fn note(&mut self, text: &str) {
        self.log.note(sanitize::line(text, NOTE_COLUMNS_MAX));
    }

    /// Returns the topic of the current channel.
    pub fn topic(&self) -> Option<&Clean> {
        let (channel, topic) = self.topic.as_ref()?;
        topic.as_ref().filter(|_| *channel == self.channel).map(|topic| &topic.text)
    }

    /// Returns whether the topic of the current channel was loaded.
    pub fn has_loaded_topic(&self) -> bool {
        self.topic.as_ref().is_some_and(|(channel, _)| *channel == self.channel)
    }

    /// Returns the channels with messages, the default channel first, then by name.
    pub fn channels(&self) -> Vec<Clean> {
        let general = channel_name(CHANNEL);
        let mut names = self.log.channels().clone();
        names.insert(general.clone());
        names.insert(self.channel.clone());
        let others = names.iter().filter(|name| **name != general).cloned();
        std::iter::once(general.clone()).chain(others).collect()
    }
}

#[cfg(test)]
pub(super) mod tests;
