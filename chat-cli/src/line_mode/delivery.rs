//! Tracks the delivery of our own messages.
//!
//! Rule: a peer holds a feed from its first block on, so one length per peer is enough.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::your_messages;

/// After this time without delivery, a message is reported as undelivered. Chosen: a connected
/// peer stores a message in well under a second.
const DELIVERY_GRACE: Duration = Duration::from_millis(1_000);

/// What the peers hold of our feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HolderCounts {
    /// The largest length that a peer holds.
    pub(super) most: u64,
    /// How many peers hold all of it.
    pub(super) complete: usize,
    /// How many peers are connected.
    pub(super) connected: usize,
}

/// The delivery of our messages since the room was opened.
#[derive(Debug)]
pub(super) struct DeliveryTracker {
    /// The length of our feed that is durable here.
    length: u64,
    /// The length that was ever held by another peer.
    replicated: u64,
    /// When to report the oldest undelivered message.
    deadline: Option<Instant>,
    /// Whether undelivered messages were reported.
    notified: bool,
}

impl DeliveryTracker {
    /// Starts with the messages that exist before; they are not tracked.
    pub(super) fn new(length: u64) -> Self {
        Self { length, replicated: length, deadline: None, notified: false }
    }

    /// Records that a message of ours is durable here.
    pub(super) fn stored(&mut self, length: u64) {
        self.length = self.length.max(length);
        self.deadline.get_or_insert(Instant::now() + DELIVERY_GRACE);
    }

    /// Updates the delivery and returns the text to show, if any.
    pub(super) fn update(&mut self, holders: &HolderCounts) -> Option<String> {
        let waited = self.waiting();
        self.replicated = self.replicated.max(holders.most.min(self.length));
        if self.waiting() == 0 {
            self.deadline = None;
            let notified = std::mem::take(&mut self.notified);
            return (notified && waited > 0).then(|| match holders.connected {
                0 | 1 => format!("● {} now on 1 peer", your_messages(waited)),
                connected => format!(
                    "● {} now on {} of {connected} peers",
                    your_messages(waited),
                    holders.complete.max(1)
                ),
            });
        }
        if self.notified || self.deadline.is_none_or(|deadline| deadline > Instant::now()) {
            return None;
        }
        self.notified = true;
        Some(match holders.connected {
            0 => "◌ stored here; it is sent when another member is online".to_string(),
            _ => "◌ stored here, not delivered yet".to_string(),
        })
    }

    /// Returns when to check again even without an event.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.notified)
    }

    /// Returns how many of our messages are stored only here.
    pub(super) fn waiting(&self) -> u64 {
        self.length - self.replicated
    }
}

#[cfg(test)]
mod tests;
