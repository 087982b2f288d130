//! How far our own messages have got.
//!
//! Rule: a feed is held from its first block on, so one number for each peer says it all.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::your_messages;

/// Whoever is here has a message within this time, or it counts as waiting.
const DELIVERY_GRACE: Duration = Duration::from_millis(1_000);

/// What the peers have of our feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HolderCounts {
    /// The most that a single one has: so much is on one other disk at least.
    pub(super) most: u64,
    /// How many have all of it.
    pub(super) complete: usize,
    /// How many are here.
    pub(super) connected: usize,
}

/// Our messages since the chat was opened.
#[derive(Debug)]
pub(super) struct DeliveryTracker {
    /// The feed's length, as far as it is durable here.
    length: u64,
    /// How much of it was on some other disk once.
    replicated: u64,
    /// When the oldest message that is nowhere else counts as waiting.
    deadline: Option<Instant>,
    /// Whether the user was told that messages wait.
    notified: bool,
}

impl DeliveryTracker {
    /// What was there before is not counted.
    pub(super) fn new(length: u64) -> Self {
        Self { length, replicated: length, deadline: None, notified: false }
    }

    /// A message of ours is durable here.
    pub(super) fn stored(&mut self, length: u64) {
        self.length = self.length.max(length);
        self.deadline.get_or_insert(Instant::now() + DELIVERY_GRACE);
    }

    /// Takes note of who has what, and gives what is to be told now.
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
            0 => "◌ stored here. Nobody else is online; it goes out by itself".to_string(),
            _ => "◌ stored here, on its way".to_string(),
        })
    }

    /// When to look again even if nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.notified)
    }

    /// How many of our messages are nowhere else.
    pub(super) fn waiting(&self) -> u64 {
        self.length - self.replicated
    }
}

#[cfg(test)]
mod tests;
