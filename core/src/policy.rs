//! The application's rulings: which feeds are accepted, refused or removed.
//!
//! Rule: a ruling is on a feed's key, whether or not the feed has held blocks. It takes effect with
//! the call and outlives the process once it is durable.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::config::Admission;
use crate::error::Misuse;
use crate::feed::record::{self, Decision, Ruling};
use crate::id::FeedKey;
use crate::io::Write;

/// The ruling on a feed that a peer announces and that is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyRuling {
    Accepted,
    Refused,
    /// The application has not ruled.
    Undecided,
}

/// All rulings, by feed.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    admission: Admission,
    rulings: BTreeMap<FeedKey, (u32, Ruling)>,
    /// The places of rulings in the store, damaged ones included.
    places: BTreeSet<u32>,
    /// No place before this one is free.
    next_place: u32,
    damaged: usize,
}

impl Policy {
    pub(crate) fn new(admission: Admission) -> Self {
        Self { admission, ..Self::default() }
    }

    /// Loads a ruling of the store; `None`: it is damaged, and its feed unknown.
    pub(crate) fn load(&mut self, place: u32, ruling: Option<(FeedKey, Ruling)>) {
        self.places.insert(place);
        match ruling {
            Some((key, ruling)) => _ = self.rulings.insert(key, (place, ruling)),
            None => self.damaged += 1,
        }
    }

    /// Whether a ruling is damaged. It may be the tombstone of any feed.
    pub(crate) fn has_damaged(&self) -> bool {
        self.damaged > 0
    }

    pub(crate) fn find(&self, key: &FeedKey) -> Option<Ruling> {
        self.rulings.get(key).map(|(_, ruling)| *ruling)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FeedKey, &Ruling)> {
        self.rulings.iter().map(|(key, (_, ruling))| (key, ruling))
    }

    /// The ruling on a feed that has no held block.
    pub(crate) fn admit(&self, key: &FeedKey) -> KeyRuling {
        match (self.find(key).map(|ruling| ruling.decision), self.admission) {
            (Some(Decision::Accepted), _) | (None, Admission::All) => KeyRuling::Accepted,
            (Some(Decision::Refused | Decision::Removed), _) => KeyRuling::Refused,
            (None, Admission::AcceptedOnly) => KeyRuling::Undecided,
        }
    }

    /// Whether feeds without a ruling are admitted.
    pub(crate) fn admits_all(&self) -> bool {
        self.admission == Admission::All
    }

    /// Whether a held feed is refused.
    pub(crate) fn is_refused(&self, key: &FeedKey) -> bool {
        self.find(key).is_some_and(|ruling| ruling.decision != Decision::Accepted)
    }

    /// Fails if `most` rulings exist and none of them is on this feed.
    pub(crate) fn check_room(&self, key: &FeedKey, most: usize) -> Result<(), Misuse> {
        let has_room = self.rulings.contains_key(key) || self.rulings.len() < most;
        if has_room { Ok(()) } else { Err(Misuse::TooManyRulings) }
    }

    /// Rules on a feed. The returned write makes the ruling durable.
    pub(crate) fn rule(&mut self, key: &FeedKey, ruling: Ruling) -> Write {
        let known = self.rulings.get(key).map(|(place, _)| *place);
        let place = known.unwrap_or_else(|| self.new_place());
        self.rulings.insert(*key, (place, ruling));
        Write::Put(record::ruling_key(place), record::encode_ruling(key, &ruling))
    }

    /// Accepts a feed. Returns the write that makes it durable; `None`: the store has no ruling,
    /// and the feed is admitted without one.
    pub(crate) fn accept(&mut self, key: &FeedKey, length: u64) -> Option<Write> {
        let signed = self.find(key).map_or(0, |ruling| ruling.signed);
        if self.admission == Admission::All && signed <= length {
            let (place, _) = self.rulings.remove(key)?;
            self.places.remove(&place);
            self.next_place = self.next_place.min(place);
            return Some(Write::Delete(record::ruling_key(place)));
        }
        Some(self.rule(key, Ruling { decision: Decision::Accepted, signed, leaving: None }))
    }

    fn new_place(&mut self) -> u32 {
        while !self.places.insert(self.next_place) {
            self.next_place = self.next_place.wrapping_add(1);
        }
        self.next_place
    }
}

#[cfg(test)]
mod tests;
