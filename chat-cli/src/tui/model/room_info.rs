//! Holds the room of a window, and the user in it.

use jiff::tz::TimeZone;

use crate::sanitize::Clean;

/// The user and the room.
#[derive(Clone, Debug)]
pub struct RoomInfo {
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
