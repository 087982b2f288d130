//! Tracks the delivery of our own messages.
//!
//! Rule: a peer holds a feed from its first block on, so one length per peer is enough.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::messages;

/// After this time without delivery, a message is reported as undelivered. Chosen: a connected
/// peer stores a message in well under a second.
const WAITING_AFTER: Duration = Duration::from_millis(1_000);

/// What the peers hold of our feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// The largest length that a peer holds.
    pub most: u64,
    /// How many peers hold all of it.
    pub complete: usize,
    /// How many peers are connected.
    pub here: usize,
}

/// The delivery of our messages since the room was opened.
#[derive(Debug)]
pub struct Delivery {
    /// The length of our feed that is durable here.
    length: u64,
    /// The length that was ever held by another peer.
    elsewhere: u64,
    /// When to report the oldest undelivered message.
    due: Option<Instant>,
    /// Whether undelivered messages were reported.
    told: bool,
}

impl Delivery {
    /// Starts with the messages that exist before; they are not tracked.
    pub fn new(length: u64) -> Self {
        Self { length, elsewhere: length, due: None, told: false }
    }

    /// Records that a message of ours is durable here.
    pub fn stored(&mut self, length: u64) {
        self.length = self.length.max(length);
        self.due.get_or_insert(Instant::now() + WAITING_AFTER);
    }

    /// Updates the delivery and returns the text to show, if any.
    pub fn look(&mut self, holders: &Holders) -> Option<String> {
        let waited = self.waiting();
        self.elsewhere = self.elsewhere.max(holders.most.min(self.length));
        if self.waiting() == 0 {
            self.due = None;
            let told = std::mem::take(&mut self.told);
            return (told && waited > 0).then(|| match holders.here {
                0 | 1 => format!("● {} now on 1 peer", messages(waited)),
                here => format!(
                    "● {} now on {} of {here} peers",
                    messages(waited),
                    holders.complete.max(1)
                ),
            });
        }
        if self.told || self.due.is_none_or(|due| due > Instant::now()) {
            return None;
        }
        self.told = true;
        Some(match holders.here {
            0 => "◌ stored here; it is sent when another member is online".to_string(),
            _ => "◌ stored here, not delivered yet".to_string(),
        })
    }

    /// Returns when to check again even without an event.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| !self.told)
    }

    /// Returns how many of our messages are stored only here.
    pub fn waiting(&self) -> u64 {
        self.length - self.elsewhere
    }
}

#[cfg(test)]
mod tests;
