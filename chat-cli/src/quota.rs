//! How much of a room is kept.

use multifeed_core::Limits;

/// How much is kept of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Of one author.
    pub author_mib: u32,
    /// Of all of them.
    pub room_mib: u32,
}

impl Quota {
    /// Sets what the core keeps to.
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
