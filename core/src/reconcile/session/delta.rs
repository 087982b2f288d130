//! A side that knows what the other held when they last spoke. Both do the same.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::step::{head_item, key_item};
use super::{DIFFERENCE_MAX, Outcome, Params, SessionError, StepResult, View, prefix_bits};
use crate::id::{FeedId, Role};
use crate::planted::{self, Bug};
use crate::reconcile::known::BasePair;
use crate::reconcile::token::ID_BITS;
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::{Entry, Fallback, HeadOf, Message};

/// A session of two sides that know each other.
#[derive(Debug)]
pub(crate) struct Delta {
    terms: Params,
    role: Role,
    base: BasePair,
    /// Bits of an id that stand for a feed.
    width: u32,
}

impl Delta {
    /// Begins by saying what has changed here, if anything has. It has ended if nothing has there.
    pub(crate) fn new(
        terms: Params,
        role: Role,
        base: BasePair,
        view: &impl View,
    ) -> (Self, Result<StepResult, SessionError>) {
        let width = prefix_bits(terms.responder_feeds(role));
        let delta = Self { terms, role, base, width };
        let mut turn = delta.tell(view);
        if delta.terms.told_changes() == 0 {
            match delta.learn(view, &[]) {
                Ok(end) => turn.join(end),
                Err(fault) => return (delta, Err(fault)),
            }
        }
        (delta, Ok(turn))
    }

    /// Takes what has changed there.
    pub(crate) fn handle(
        &mut self,
        view: &impl View,
        message: Message,
    ) -> Result<StepResult, SessionError> {
        match message {
            Message::GiveUp(fallback) => Ok(StepResult::end(fallback.into())),
            Message::Changed { heads, entries } => {
                if self.told() as u64 > DIFFERENCE_MAX {
                    return Err(SessionError::TooMuch);
                }
                let are_ids_clear = self.base.sets_equal() || heads.is_empty();
                if heads.len() + entries.len() != self.told() || !are_ids_clear {
                    return Err(SessionError::Inconsistent);
                }
                let mut named = Vec::with_capacity(heads.len() + entries.len());
                for (prefix, head) in heads {
                    let [feed] = self.find(view, prefix)[..] else {
                        return Ok(StepResult {
                            skipped: self.told(),
                            ..StepResult::give_up(Fallback::FreshSalt)
                        });
                    };
                    named.push(Entry { head, ..view.entry(feed) });
                }
                named.extend(entries);
                Ok(self.learn(view, &named)?.named(named))
            }
            _ => Err(SessionError::OutOfTurn),
        }
    }

    fn told(&self) -> usize {
        self.terms.told_changes() as usize
    }

    fn tell(&self, view: &impl View) -> StepResult {
        let (mut by_prefix, mut others) = (BTreeMap::new(), Vec::new());
        for (feed, before) in &self.base.changed {
            let entry = view.entry(*feed);
            let token = self.terms.salt.token(&key_item(view, &entry));
            let prefix = token.id() >> (ID_BITS - self.width);
            // What one side has refused, it may have held under an id that is another's here.
            let is_clear = self.base.sets_equal() && *before > 0;
            match is_clear && self.find(view, prefix) == [*feed] {
                true => _ = by_prefix.insert(prefix, (*feed, entry.head)),
                false => others.push((*feed, entry)),
            }
        }
        if by_prefix.is_empty() && others.is_empty() {
            return StepResult::default();
        }
        let heads = by_prefix.iter().map(|(prefix, (_, head))| (*prefix, *head)).collect();
        let named = by_prefix.values().map(|(feed, _)| *feed);
        let naming = named.chain(others.iter().map(|(feed, _)| *feed)).collect();
        let entries = others.into_iter().map(|(_, entry)| entry).collect();
        StepResult::say(Message::Changed { heads, entries }).naming(naming)
    }

    /// Ends it: of the feeds that changed there all is known. Where both held the same, its root
    /// tells whether that is all, and of those that changed here alone it holds what we held.
    /// Elsewhere it may have refused them.
    fn learn(&self, view: &impl View, theirs: &[Entry]) -> Result<StepResult, SessionError> {
        let distinct: BTreeSet<_> = theirs.iter().map(|entry| entry.key).collect();
        if distinct.len() != theirs.len() {
            return Err(SessionError::Inconsistent);
        }
        let is_checked = self.base.sets_equal() && !planted::is(Bug::TrustsMarks);
        if is_checked && !self.comes_to_theirs(view, theirs) {
            return Err(SessionError::Inconsistent);
        }
        let is_held = |before| self.base.sets_equal() && before > 0;
        let before = self.base.changed.iter().filter(|(_, before)| is_held(**before));
        let before = before.map(|(feed, before)| entry_of(view, *feed, *before));
        let learned = before.filter(|entry| !distinct.contains(&entry.key)).collect();
        Ok(StepResult { learned, ..StepResult::end(Outcome::Agreed) })
    }

    fn comes_to_theirs(&self, view: &impl View, theirs: &[Entry]) -> bool {
        let mut root = self.terms.roots.heads.clone();
        for (feed, before) in &self.base.changed {
            root.remove(head_item(view, &view.entry(*feed)));
            if *before > 0 {
                root.insert(head_item(view, &entry_of(view, *feed, *before)));
            }
        }
        for entry in theirs {
            let held = view.find_key(&entry.key).map(|feed| (feed, self.before(view, feed)));
            if let Some((feed, before)) = held.filter(|(_, before)| *before > 0) {
                root.remove(head_item(view, &entry_of(view, feed, before)));
            }
            root.insert(head_item(view, entry));
        }
        let (hash, peer) = (&self.terms.handshake_hash, self.role.other());
        root.mac(hash, peer, SetKind::Heads) == self.terms.theirs.heads
    }

    /// How long a feed was when they last spoke.
    fn before(&self, view: &impl View, feed: FeedId) -> u64 {
        let changed = self.base.changed.get(&feed);
        changed.copied().unwrap_or_else(|| view.entry(feed).head.length)
    }

    /// The feeds that were there then and whose id begins so.
    fn find(&self, view: &impl View, prefix: u64) -> Vec<FeedId> {
        let mut found = match prefix >> self.width {
            0 => view.find(prefix, self.width),
            _ => Vec::new(),
        };
        found.retain(|feed| self.before(view, *feed) > 0);
        found
    }
}

fn entry_of(view: &impl View, feed: FeedId, length: u64) -> Entry {
    Entry { head: HeadOf { fork: 0, length }, ..view.entry(feed) }
}
