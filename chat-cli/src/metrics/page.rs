//! The text of the page: the exposition format of Prometheus, version 0.0.4.
//!
//! Rule: a name that is here keeps its meaning; names may be added.

use std::fmt::Write;
use std::time::Duration;

use multifeed_core::SyncStatus;

use crate::quota::Quota;

/// All that is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    /// How far the sync is.
    pub(super) status: SyncStatus,
    /// Feeds of which nothing more is taken for want of room.
    pub(super) feeds_full: usize,
    /// Feeds of which two histories are signed.
    pub(super) feeds_forked: usize,
    /// Bytes of all blocks.
    pub(super) bytes_held: u64,
    /// What they count against the bound of the room.
    pub(super) bytes_counted: u64,
    /// What the largest feed counts against the bound of an author.
    pub(super) feed_bytes_counted: u64,
    /// These bounds.
    pub(super) quota: Quota,
    /// Connections made, from and to others.
    pub(super) connected: u64,
    /// Connections that have ended.
    pub(super) disconnected: u64,
    /// Dials that nobody answered.
    pub(super) dial_failures: u64,
    /// Events that were not counted, since there were too many at once.
    pub(super) missed: u64,
    /// How long it is there.
    pub(super) uptime: Duration,
}

/// Whether a value may go down.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

impl Values {
    /// The page.
    pub(super) fn page(&self) -> String {
        let status = &self.status;
        let is_synced = status.peers > 0 && status.synced == status.peers;
        let limit = |mib: u32| u64::from(mib) << 20;
        let gauges = [
            ("peers", "Members that are connected.", status.peers as u64),
            ("peers_synced", "Connected members that hold what is here.", status.synced as u64),
            (
                "synced",
                "Whether all members that are connected do, and there is one.",
                is_synced.into(),
            ),
            ("feeds", "Feeds of which a block is here.", status.feeds as u64),
            ("feeds_full", "Feeds of which no more fits.", self.feeds_full as u64),
            ("feeds_forked", "Feeds with two signed histories.", self.feeds_forked as u64),
            ("blocks_held", "Blocks that are here and verified.", status.have),
            ("blocks_wanted", "Blocks that are here or that a peer claims to have.", status.want),
            ("held_bytes", "Bytes of the blocks that are here.", self.bytes_held),
            ("counted_bytes", "What they count against the bound.", self.bytes_counted),
            ("counted_bytes_max", "The bound of the room.", limit(self.quota.room_mib)),
            ("feed_counted_bytes", "What the largest feed counts.", self.feed_bytes_counted),
            ("feed_counted_bytes_max", "The bound of a feed.", limit(self.quota.author_mib)),
            ("uptime_seconds", "How long it is there.", self.uptime.as_secs()),
        ];
        let counters = [
            ("connections_opened_total", "Connections made.", self.connected),
            ("connections_closed_total", "Connections that have ended.", self.disconnected),
            ("dial_failures_total", "Dials that nobody answered.", self.dial_failures),
            ("events_missed_total", "Events that were not counted.", self.missed),
        ];
        let mut page = String::with_capacity(4 * 1024);
        for (name, help, value) in gauges {
            put(&mut page, Kind::Gauge, name, help, value);
        }
        for (name, help, value) in counters {
            put(&mut page, Kind::Counter, name, help, value);
        }
        page
    }
}

fn put(page: &mut String, kind: Kind, name: &str, help: &str, value: u64) {
    let kind = match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
    };
    let written = write!(
        page,
        "# HELP multichat_{name} {help}\n# TYPE multichat_{name} {kind}\nmultichat_{name} {value}\n"
    );
    written.expect("a string takes everything");
}

#[cfg(test)]
mod tests;
