//! The room that a window shows, and the user in it.

use jiff::tz::TimeZone;

use crate::sanitize::Clean;

/// Who is looking, and at what.
#[derive(Clone, Debug)]
pub struct RoomInfo {
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
