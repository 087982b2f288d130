//! A session between known peers. Both sides send what changed since their checkpoint.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::step::{head_item, key_item};
use super::{DIFFERENCE_MAX, Outcome, Params, SessionError, StepResult, View, prefix_bits};
use crate::id::{FeedId, Role};
use crate::reconcile::known::BasePair;
use crate::reconcile::token::ID_BITS;
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::{Entry, Fallback, HeadOf, Message};

/// A session between peers with the same checkpoint.
#[derive(Debug)]
pub(crate) struct Delta {
    params: Params,
    role: Role,
    base: BasePair,
    /// Width of an id prefix.
    width: u32,
}

impl Delta {
    /// Starts by sending our changes, if any. The session has ended if the peer has none.
    pub(crate) fn new(
        params: Params,
        role: Role,
        base: BasePair,
        view: &impl View,
    ) -> (Self, Result<StepResult, SessionError>) {
        let width = prefix_bits(params.responder_feeds(role));
        let delta = Self { params, role, base, width };
        let mut turn = delta.send_changes(view);
        if delta.params.change_count() == 0 {
            match delta.on_changes(view, &[]) {
                Ok(end) => turn.join(end),
                Err(fault) => return (delta, Err(fault)),
            }
        }
        (delta, Ok(turn))
    }

    /// Handles the peer's changes.
    pub(crate) fn handle(
        &mut self,
        view: &impl View,
        message: Message,
    ) -> Result<StepResult, SessionError> {
        match message {
            Message::FallBack(fallback) => Ok(StepResult::end(fallback.into())),
            Message::Changed { heads, entries } => {
                if self.sent_changes() as u64 > DIFFERENCE_MAX {
                    return Err(SessionError::TooMuch);
                }
                let are_ids_clear = self.base.sets_equal() || heads.is_empty();
                if heads.len() + entries.len() != self.sent_changes() || !are_ids_clear {
                    return Err(SessionError::Inconsistent);
                }
                let mut named = Vec::with_capacity(heads.len() + entries.len());
                for (prefix, head) in heads {
                    let [feed] = self.find(view, prefix)[..] else {
                        return Ok(StepResult {
                            skipped: self.sent_changes(),
                            ..StepResult::fall_back(Fallback::FreshSalt)
                        });
                    };
                    named.push(Entry { head, ..view.entry(feed) });
                }
                named.extend(entries);
                Ok(self.on_changes(view, &named)?.named(named))
            }
            _ => Err(SessionError::OutOfTurn),
        }
    }

    fn sent_changes(&self) -> usize {
        self.params.change_count() as usize
    }

    fn send_changes(&self, view: &impl View) -> StepResult {
        let (mut by_prefix, mut others) = (BTreeMap::new(), Vec::new());
        for (feed, before) in &self.base.changed {
            let entry = view.entry(*feed);
            let token = self.params.salt.token(&key_item(view, &entry));
            let prefix = token.id() >> (ID_BITS - self.width);
            // A feed that one side refused may share its id prefix with another feed here.
            let is_clear = self.base.sets_equal() && *before > 0;
            if is_clear && self.find(view, prefix) == [*feed] {
                _ = by_prefix.insert(prefix, (*feed, entry.head));
            } else {
                others.push((*feed, entry))
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

    /// Ends the session: all changes of the peer are known. If both held the same sets, the peer's
    /// root proves that nothing is missing, and the peer holds what we held of the feeds that
    /// changed only here. Otherwise the peer may have refused them.
    fn on_changes(&self, view: &impl View, theirs: &[Entry]) -> Result<StepResult, SessionError> {
        let distinct: BTreeSet<_> = theirs.iter().map(|entry| entry.key).collect();
        if distinct.len() != theirs.len() {
            return Err(SessionError::Inconsistent);
        }
        let is_checked = self.base.sets_equal();
        if is_checked && !self.matches_peer_root(view, theirs) {
            return Err(SessionError::Inconsistent);
        }
        let is_held = |before| self.base.sets_equal() && before > 0;
        let before = self.base.changed.iter().filter(|(_, before)| is_held(**before));
        let before = before.map(|(feed, before)| entry_of(view, *feed, *before));
        let learned = before.filter(|entry| !distinct.contains(&entry.key)).collect();
        Ok(StepResult { learned, ..StepResult::end(Outcome::Agreed) })
    }

    fn matches_peer_root(&self, view: &impl View, theirs: &[Entry]) -> bool {
        let mut root = self.params.roots.heads.clone();
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
        let (hash, peer) = (&self.params.handshake_hash, self.role.other());
        root.mac(hash, peer, SetKind::Heads) == self.params.theirs.heads
    }

    /// A feed's length at the checkpoint.
    fn before(&self, view: &impl View, feed: FeedId) -> u64 {
        let changed = self.base.changed.get(&feed);
        changed.copied().unwrap_or_else(|| view.entry(feed).head.length)
    }

    /// The feeds of the checkpoint whose id begins with `prefix`.
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
