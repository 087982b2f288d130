//! How far our own messages have got.
//!
//! Rule: a feed is held from its first block on, so one number for each peer says it all.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::messages;

/// Whoever is here has a message within this time, or it counts as waiting.
const WAITING_AFTER: Duration = Duration::from_millis(1_000);

/// What the peers have of our feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// The most that a single one has: so much is on one other disk at least.
    pub most: u64,
    /// How many have all of it.
    pub complete: usize,
    /// How many are here.
    pub here: usize,
}

/// Our messages since the chat was opened.
#[derive(Debug)]
pub struct Delivery {
    /// The feed's length, as far as it is durable here.
    length: u64,
    /// How much of it was on some other disk once.
    elsewhere: u64,
    /// When the oldest message that is nowhere else counts as waiting.
    due: Option<Instant>,
    /// Whether the user was told that messages wait.
    told: bool,
}

impl Delivery {
    /// What was there before is not counted.
    pub fn new(length: u64) -> Self {
        Self { length, elsewhere: length, due: None, told: false }
    }

    /// A message of ours is durable here.
    pub fn stored(&mut self, length: u64) {
        self.length = self.length.max(length);
        self.due.get_or_insert(Instant::now() + WAITING_AFTER);
    }

    /// Takes note of who has what, and gives what is to be told now.
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
            0 => "◌ stored here. Nobody else is online; it goes out by itself".to_string(),
            _ => "◌ stored here, on its way".to_string(),
        })
    }

    /// When to look again even if nothing happens.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| !self.told)
    }

    /// How many of our messages are nowhere else.
    pub fn waiting(&self) -> u64 {
        self.length - self.elsewhere
    }
}

#[cfg(test)]
mod tests;
