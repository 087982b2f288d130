//! Defines the storage limits of a room.

use multifeed_core::Limits;

/// The storage limits of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Per author.
    pub author_mib: u32,
    /// For all authors together.
    pub room_mib: u32,
}

impl Quota {
    /// Copies the limits to those of the core.
    pub fn apply_to(self, limits: &mut Limits) {
        limits.feed_bytes = u64::from(self.author_mib) << 20;
        limits.group_bytes = u64::from(self.room_mib) << 20;
    }
}

impl Default for Quota {
    fn default() -> Self {
        let Limits { feed_bytes, group_bytes, .. } = Limits::default();
        let mebibytes = |bytes: u64| u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        Self { author_mib: mebibytes(feed_bytes), room_mib: mebibytes(group_bytes) }
    }
}
