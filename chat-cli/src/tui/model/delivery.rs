//! How far our own messages have got.
//!
//! Rule: a peer holds a message when it has said so; whoever had it once still has it when gone.
//! Nobody knows whether it was read.

use std::collections::BTreeMap;

/// The most peers that are remembered.
const PEERS_MAX: usize = 1_000;

/// How many blocks of our feed are elsewhere.
#[derive(Clone, Debug, Default)]
pub struct OwnFeedHolders {
    /// Every peer that was here since the room was opened, with how much of our feed it has.
    known: BTreeMap<[u8; 32], u64>,
    /// Up to where our feed was on some other disk when the room was opened.
    pub before: u64,
}

/// Where a message of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Here alone.
    LocalOnly,
    /// On another disk too, as was seen before.
    OnAnotherDisk,
    /// On so many peers of those that were here since.
    HeldBy {
        /// How many have it.
        holders: usize,
        /// How many were here.
        of: usize,
    },
}

impl Delivery {
    /// The mark behind a message.
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

    /// The same for those who hear it.
    pub fn words(self) -> String {
        match self {
            Self::LocalOnly => "stored here only".into(),
            Self::OnAnotherDisk => "on another disk too".into(),
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

    /// Where the message of an index is.
    pub fn of(&self, index: u64) -> Delivery {
        let holders = self.known.values().filter(|length| **length > index).count();
        match (holders, self.known.len()) {
            (0, _) if index < self.before => Delivery::OnAnotherDisk,
            (0, _) => Delivery::LocalOnly,
            (holders, of) => Delivery::HeldBy { holders, of },
        }
    }

    /// Up to where our feed is on some other disk.
    pub fn replicated(&self) -> u64 {
        self.known.values().copied().max().unwrap_or(0).max(self.before)
    }
}
