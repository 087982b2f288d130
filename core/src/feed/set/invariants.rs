//! The invariants of the feeds of a group.

use super::{Feeds, start_of};
use crate::feed::{Feed, FeedStatus, ForkEvidence};

impl Feeds {
    /// Panics with the first violated invariant.
    pub(crate) fn check_invariants(&self) {
        let all = self.iter().count();
        assert_eq!(self.by_key.len(), all, "the keys list each feed once");
        for (id, feed) in self.iter() {
            assert!(self.by_key.contains(&(start_of(&feed.key), id.slot)), "{id:?} has no key");
            assert!(id.generation <= self.generation, "{id:?} is of a later generation");
            feed.check_invariants();
        }
        for (name, id) in &self.by_name {
            let named = self.get(*id).and_then(Feed::name);
            assert_eq!(named, Some(&**name), "a local name leads to another feed");
        }
        for free in &self.free {
            let slot = self.slots.get(*free as usize);
            assert!(slot.is_some_and(Option::is_none), "slot {free:?} is free and in use");
        }
        if let Some(index) = &self.by_discovery {
            assert_eq!(index.len(), all, "the discovery keys list each feed once");
        }
        let proofs = self.iter().filter(|(_, feed)| feed.has_proof()).count();
        assert_eq!(self.proofs.len(), proofs, "the proofs of forks are miscounted");
        for feed in &self.proofs {
            assert!(self.get(*feed).is_some_and(Feed::has_proof), "feed {feed:?} has no proof");
        }
        let bytes = self.iter().map(|(_, feed)| u128::from(feed.bytes_counted()));
        // A fabricated store may claim more bytes than a number can count.
        if let Ok(bytes) = u64::try_from(bytes.sum::<u128>())
            && bytes < u64::MAX / 2
        {
            assert_eq!(self.quota.bytes(), bytes, "the bytes of all feeds are miscounted");
        }
        for (feed, _) in self.quota.full() {
            assert!(self.get(feed).is_some(), "a feed is full that is not here");
        }
    }
}

impl Feed {
    fn has_proof(&self) -> bool {
        let fork = self.activity.as_ref().and_then(|activity| activity.fork.as_ref());
        fork.is_some_and(|fork| matches!(fork.evidence, ForkEvidence::Proof(_)))
    }

    /// Panics with the first violated invariant.
    fn check_invariants(&self) {
        let mut length = self.length();
        if let Some(tip) = self.durable() {
            assert!(tip.length <= tip.head.length, "a feed is longer than its author signed");
            assert!(tip.length > 0, "an empty feed counts as held");
        }
        for staged in self.staged_lengths() {
            assert!(staged > length, "a commit does not extend the one before it");
            length = staged;
        }
        assert_eq!(self.staged_length(), length, "the staged length is not the last commit's");
        if self.broken().is_some() {
            assert_eq!(length, self.length(), "a broken feed grows");
        }
        if self.is_offered() {
            assert_eq!(self.status, FeedStatus::Accepted, "a feed is offered that is not accepted");
        }
    }
}
