//! The side that encodes. It holds no state of the decoding, so it can be left at any message.

use alloc::vec::Vec;

use super::step::{head_item, key_item};
use super::{DIFFERENCE_MAX, Outcome, Params, SessionError, StepResult, View, prefix_bits};
use crate::id::Role;
use crate::reconcile::root::Root;
use crate::reconcile::token::ID_BITS;
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::{Entry, Fallback, HeadOf, Message};

/// Maximum number of requests for cells per session. An honest initiator makes about ten, because
/// its requests grow (see `Estimate::next_end`).
const REQUESTS_MAX: u32 = 64;

/// The responder's progress.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    /// Cells of the keys.
    Keys,
    /// Entries, and cells of the heads.
    Heads,
    /// Heads.
    Compared,
    Over,
}

/// The responder's side of a session, which encodes.
#[derive(Debug)]
pub(crate) struct Responder {
    params: Params,
    /// The root of the united heads: the newer one of each feed.
    union: Root,
    stage: Stage,
    /// End of the sent cells.
    sent: u32,
    requests: u32,
}

impl Responder {
    /// Starts with the set that [`Params::compare`] returned and sends the first cells.
    pub(crate) fn new(params: Params, set: SetKind, view: &impl View) -> (Self, StepResult) {
        let union = params.roots.heads.clone();
        let stage = match set {
            SetKind::Keys => Stage::Keys,
            SetKind::Heads => Stage::Heads,
        };
        let end = params.first_end(set);
        let mut session = Self { params, union, stage, sent: 0, requests: 0 };
        let turn = session.cells(view, set, end);
        (session, turn)
    }

    /// Handles a message of the initiator.
    pub(crate) fn handle(
        &mut self,
        view: &impl View,
        message: Message,
    ) -> Result<StepResult, SessionError> {
        match (self.stage, message) {
            (_, Message::FallBack(fallback)) => {
                self.stage = Stage::Over;
                Ok(StepResult::end(fallback.into()))
            }
            (Stage::Keys, Message::More(SetKind::Keys, end)) => self.more(view, SetKind::Keys, end),
            (Stage::Heads, Message::More(SetKind::Heads, end)) => {
                self.more(view, SetKind::Heads, end)
            }
            (Stage::Keys, Message::Different { entries, wanted }) => {
                self.stage = Stage::Heads;
                (self.sent, self.requests) = (0, 0);
                self.answer_keys(view, entries, &wanted)
            }
            (Stage::Heads, Message::Changed { heads, entries }) => {
                self.stage = Stage::Compared;
                self.answer_heads(view, &heads, &entries)
            }
            (Stage::Heads | Stage::Compared, Message::Agreed(mac)) => {
                self.stage = Stage::Over;
                let hash = &self.params.handshake_hash;
                let ours = self.union.mac(hash, Role::Initiator, SetKind::Heads);
                // The initiator saw our roots before it sent this, so it contradicts itself.
                if ours == mac {
                    Ok(StepResult::end(Outcome::Agreed))
                } else {
                    Err(SessionError::Inconsistent)
                }
            }
            _ => Err(SessionError::OutOfTurn),
        }
    }

    fn more(
        &mut self,
        view: &impl View,
        set: SetKind,
        end: u32,
    ) -> Result<StepResult, SessionError> {
        self.requests += 1;
        if end <= self.sent || end > self.params.cells() || self.requests > REQUESTS_MAX {
            return Err(SessionError::TooMuch);
        }
        Ok(self.cells(view, set, end))
    }

    fn cells(&mut self, view: &impl View, set: SetKind, end: u32) -> StepResult {
        match view.slice(set, self.sent..end) {
            Ok(slice) => {
                self.sent = end;
                StepResult::say(Message::Cells(set, slice))
            }
            Err(_) => {
                self.stage = Stage::Over;
                StepResult::fall_back(Fallback::FreshSalt)
            }
        }
    }

    fn answer_keys(
        &mut self,
        view: &impl View,
        entries: Vec<Entry>,
        wanted: &[u64],
    ) -> Result<StepResult, SessionError> {
        if wanted.len().max(entries.len()) as u64 > DIFFERENCE_MAX {
            return Err(SessionError::TooMuch);
        }
        let width = prefix_bits(self.params.feeds);
        if wanted.iter().any(|prefix| prefix >> width != 0) || !wanted.is_sorted_by(|a, b| a < b) {
            return Err(SessionError::Inconsistent);
        }
        let mut answer: Vec<_> =
            wanted.iter().flat_map(|prefix| view.find(*prefix, width)).collect();
        let (held, news): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| view.find_key(&entry.key).is_some());
        for entry in held {
            // We hold a key that the initiator believes we lack, because another of our keys has
            // the same id. Send all entries with this id.
            let item = key_item(view, entry);
            let id = self.params.salt.token(&item).id();
            answer.extend(view.find(id, ID_BITS));
        }
        answer.sort_unstable();
        answer.dedup();
        for entry in news {
            self.union.insert(head_item(view, entry));
        }
        // The initiator expects no answer.
        let is_waited_for = !answer.is_empty() || !wanted.is_empty();
        let turn = if is_waited_for {
            let ours = answer.iter().map(|feed| view.entry(*feed)).collect();
            StepResult::say(Message::Entries(ours)).naming(answer)
        } else {
            StepResult::default()
        };
        Ok(turn.named(entries))
    }

    fn answer_heads(
        &mut self,
        view: &impl View,
        heads: &[(u64, HeadOf)],
        entries: &[Entry],
    ) -> Result<StepResult, SessionError> {
        if (heads.len() + entries.len()) as u64 > DIFFERENCE_MAX {
            return Err(SessionError::TooMuch);
        }
        let width = prefix_bits(self.params.feeds);
        let mut pairs = Vec::with_capacity(heads.len() + entries.len());
        for (prefix, head) in heads {
            if prefix >> width != 0 {
                return Err(SessionError::Inconsistent);
            }
            match view.find(*prefix, width)[..] {
                [feed] => pairs.push((view.entry(feed), *head)),
                _ => return Err(SessionError::Inconsistent),
            }
        }
        for entry in entries {
            let feed = view.find_key(&entry.key).ok_or(SessionError::Inconsistent)?;
            pairs.push((view.entry(feed), entry.head));
        }
        let mut named = Vec::with_capacity(pairs.len());
        for (ours, head) in &pairs {
            let theirs = Entry { key: ours.key, head: *head };
            if theirs.head > ours.head {
                self.union.remove(head_item(view, ours));
                self.union.insert(head_item(view, &theirs));
            }
            named.push(theirs);
        }
        let heads = pairs.iter().map(|(ours, _)| ours.head).collect();
        Ok(StepResult::say(Message::Heads(heads)).named(named))
    }
}
