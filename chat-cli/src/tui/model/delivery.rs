//! Tracks the delivery of our own messages.
//!
//! Rule: a peer holds a message once it has said so, and still holds it after it disconnects. It
//! is unknown whether a message was read.

use std::collections::BTreeMap;

/// The most peers that are remembered. Chosen: bounds memory.
const PEERS_MAX: usize = 1_000;

/// How much of our feed other peers hold.
#[derive(Clone, Debug, Default)]
pub struct OwnFeedHolders {
    /// Every peer connected since the room was opened, with the length of our feed that it holds.
    known: BTreeMap<[u8; 32], u64>,
    /// The length that another peer held when the room was opened.
    pub before: u64,
}

/// Where a message of ours is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Here only.
    LocalOnly,
    /// On another peer too, in an earlier session.
    OnAnotherDisk,
    /// On some of the peers connected in this session.
    HeldBy {
        /// How many peers hold it.
        holders: usize,
        /// How many peers were connected.
        of: usize,
    },
}

impl Delivery {
    /// Returns the mark after a message.
    pub fn glyph(self) -> String {
        match self {
            Self::LocalOnly => "◌".into(),
            Self::OnAnotherDisk => "●".into(),
            Self::HeldBy { holders, of } if of <= 3 => {
                "●".repeat(holders) + &"○".repeat(of - holders)
            }
            Self::HeldBy { holders, of } => format!("{holders}/{of}"),
        }
    }

    /// Returns the same in words, for screen readers.
    pub fn words(self) -> String {
        match self {
            Self::LocalOnly => "stored here only".into(),
            Self::OnAnotherDisk => "on another peer too".into(),
            Self::HeldBy { holders, of } if holders == of => {
                format!("held by all {of} known peers")
            }
            Self::HeldBy { holders, of } => format!("held by {holders} of {of} known peers"),
        }
    }
}

impl OwnFeedHolders {
    pub(in crate::tui) fn record(&mut self, lengths: &[([u8; 32], u64)]) {
        for (peer, length) in lengths {
            if self.known.len() < PEERS_MAX || self.known.contains_key(peer) {
                let known = self.known.entry(*peer).or_default();
                *known = (*known).max(*length);
            }
        }
    }

    /// Returns where the message at an index is stored.
    pub fn of(&self, index: u64) -> Delivery {
        let holders = self.known.values().filter(|length| **length > index).count();
        match (holders, self.known.len()) {
            (0, _) if index < self.before => Delivery::OnAnotherDisk,
            (0, _) => Delivery::LocalOnly,
            (holders, of) => Delivery::HeldBy { holders, of },
        }
    }

    /// Returns the length of our feed that another peer holds.
    pub fn replicated(&self) -> u64 {
        self.known.values().copied().max().unwrap_or(0).max(self.before)
    }
}
