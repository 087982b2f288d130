//! Formats the page: the Prometheus exposition format, version 0.0.4.
//!
//! Rule: a metric keeps its meaning; metrics may be added.

use std::fmt::Write;
use std::time::Duration;

use multifeed_core::SyncStatus;

use crate::quota::Quota;

/// All values of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    /// The progress of synchronisation.
    pub(super) status: SyncStatus,
    /// Feeds that reached a storage limit.
    pub(super) feeds_full: usize,
    /// Feeds with two signed histories.
    pub(super) feeds_forked: usize,
    /// The size of all blocks in bytes.
    pub(super) bytes_held: u64,
    /// The bytes that count towards the limit per room.
    pub(super) bytes_counted: u64,
    /// The largest number of bytes that count towards the limit per author.
    pub(super) feed_bytes_counted: u64,
    /// The limits.
    pub(super) quota: Quota,
    /// Connections opened, in both directions.
    pub(super) connected: u64,
    /// Connections closed.
    pub(super) disconnected: u64,
    /// Dials without an answer.
    pub(super) dial_failures: u64,
    /// Events that were not counted because too many arrived at once.
    pub(super) missed: u64,
    /// The time since the start.
    pub(super) uptime: Duration,
}

/// Whether a value may decrease.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

impl Values {
    /// Formats the page.
    pub(super) fn page(&self) -> String {
        let status = &self.status;
        let is_synced = status.peers > 0 && status.synced == status.peers;
        let limit = |mib: u32| u64::from(mib) << 20;
        let gauges = [
            ("peers", "Connected members.", status.peers as u64),
            (
                "peers_synced",
                "Connected members that hold everything stored here.",
                status.synced as u64,
            ),
            (
                "synced",
                "1 if at least one member is connected and all of them are in sync.",
                is_synced.into(),
            ),
            ("feeds", "Feeds with at least one block stored here.", status.feeds as u64),
            ("feeds_full", "Feeds that reached a storage limit.", self.feeds_full as u64),
            ("feeds_forked", "Feeds with two signed histories.", self.feeds_forked as u64),
            ("blocks_held", "Blocks stored here and verified.", status.have),
            ("blocks_wanted", "Blocks stored here or claimed by a peer.", status.want),
            ("held_bytes", "Bytes of the blocks stored here.", self.bytes_held),
            ("counted_bytes", "Bytes that count towards the limit per room.", self.bytes_counted),
            ("counted_bytes_max", "The limit per room.", limit(self.quota.room_mib)),
            ("feed_counted_bytes", "Counted bytes of the largest feed.", self.feed_bytes_counted),
            ("feed_counted_bytes_max", "The limit per feed.", limit(self.quota.author_mib)),
            ("uptime_seconds", "Seconds since the start.", self.uptime.as_secs()),
        ];
        let counters = [
            ("connections_opened_total", "Connections opened.", self.connected),
            ("connections_closed_total", "Connections closed.", self.disconnected),
            ("dial_failures_total", "Dials without an answer.", self.dial_failures),
            ("events_missed_total", "Events that were not counted.", self.missed),
        ];
        let mut page = String::with_capacity(4 * 1024);
        for (name, help, value) in gauges {
            write_metric(&mut page, Kind::Gauge, name, help, value);
        }
        for (name, help, value) in counters {
            write_metric(&mut page, Kind::Counter, name, help, value);
        }
        page
    }
}

fn write_metric(page: &mut String, kind: Kind, name: &str, help: &str, value: u64) {
    let kind = match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
    };
    let written = write!(
        page,
        "# HELP multichat_{name} {help}\n# TYPE multichat_{name} {kind}\nmultichat_{name} {value}\n"
    );
    written.expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests;
