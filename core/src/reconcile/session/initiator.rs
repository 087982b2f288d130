//! The side that decodes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::step::{head_item, key_item};
use super::{DIFFERENCE_MAX, Outcome, Params, SessionError, StepResult, View, prefix_bits};
use crate::id::Role;
use crate::reconcile::changes::Toggle;
use crate::reconcile::decoder::{Decoder, Progress};
use crate::reconcile::estimate::Estimate;
use crate::reconcile::root::Root;
use crate::reconcile::root::Roots;
use crate::reconcile::token::{ID_BITS, Item, Token};
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::{Entry, Fallback, HeadOf, Message};
use crate::wire::slice::{CELLS_MAX, Slice};

/// The message that the initiator expects.
#[derive(Debug)]
enum Stage {
    Cells { set: SetKind, decoder: Decoder, end: u32, sure: u32 },
    Entries { pushed: Vec<Entry>, wanted: usize },
    Heads { asked: Vec<Entry> },
    Over,
}

/// The initiator's side of a session, which decodes.
#[derive(Debug)]
pub(crate) struct Initiator {
    params: Params,
    /// The responder's roots, as reconstructed from its known items.
    theirs: Roots,
    /// The root of the united heads: the newer one of each feed.
    union: Root,
    /// Changes that turn our heads into those of the feeds that the responder holds.
    exclusive: Vec<Toggle>,
    /// Feeds that only we hold, and those that only the responder holds.
    gone: BTreeSet<[u8; 32]>,
    received: BTreeSet<[u8; 32]>,
    stage: Stage,
}

impl Initiator {
    /// Starts with the set that [`Params::compare`] returned.
    pub(crate) fn new(params: Params, set: SetKind) -> Self {
        let (theirs, union) = (params.roots.clone(), params.roots.heads.clone());
        let stage = cells(set, params.first_end(set));
        let (exclusive, gone, received) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        Self { params, theirs, union, exclusive, gone, received, stage }
    }

    /// Handles a message of the responder.
    pub(crate) fn handle(
        &mut self,
        view: &impl View,
        message: Message,
    ) -> Result<StepResult, SessionError> {
        let stage = core::mem::replace(&mut self.stage, Stage::Over);
        let turn = match (stage, message) {
            (_, Message::FallBack(fallback)) => return Ok(StepResult::end(fallback.into())),
            (Stage::Cells { set, decoder, end, sure }, Message::Cells(of, slice)) if of == set => {
                let is_asked = slice.start == decoder.cells()
                    && slice.start as usize + slice.cells.len() == end as usize;
                if !is_asked {
                    return Err(SessionError::Inconsistent);
                }
                self.on_cells(view, set, decoder, &slice, sure)
            }
            (Stage::Entries { pushed, wanted }, Message::Entries(entries)) => {
                // 1 in 128 requested prefixes is ambiguous; pushed entries collide rarely.
                if entries.len() > 2 * wanted + 8 * pushed.len() + 64 {
                    return Err(SessionError::TooMuch);
                }
                self.on_entries(view, &pushed, &entries)
            }
            (Stage::Heads { asked }, Message::Heads(heads)) if heads.len() == asked.len() => {
                self.on_heads(view, &asked, &heads)
            }
            _ => return Err(SessionError::OutOfTurn),
        };
        Ok(turn)
    }

    fn on_cells(
        &mut self,
        view: &impl View,
        set: SetKind,
        mut decoder: Decoder,
        slice: &Slice,
        sure: u32,
    ) -> StepResult {
        let end = slice.start + slice.cells.len() as u32;
        let Ok(mut ours) = view.slice(set, slice.start..end) else {
            return StepResult::fall_back(Fallback::FreshSalt);
        };
        if set == SetKind::Heads {
            self.exclusive.iter().for_each(|toggle| ours.toggle(*toggle));
        }
        let Some(difference) = slice.diff(&ours) else {
            return StepResult::fall_back(Fallback::List);
        };
        match decoder.extend(&difference) {
            Ok(Progress::Complete) => match set {
                SetKind::Keys => self.resolve_keys(view, &decoder),
                SetKind::Heads => self.resolve_heads(view, &decoder),
            },
            Ok(Progress::Partial) => self.request_more(set, decoder, sure),
            Err(_) => StepResult::fall_back(Fallback::FreshSalt),
        }
    }

    fn request_more(&mut self, set: SetKind, decoder: Decoder, sure: u32) -> StepResult {
        let sizes = self.params.sizes(set);
        let estimate = Estimate::of(&decoder, sizes);
        let cells = decoder.cells();
        // Each changed head is two items: the old and the new one.
        let is_beyond = estimate.difference > DIFFERENCE_MAX || cells == self.params.cells();
        if is_beyond || cells >= estimate.cells_max(sizes) {
            let is_held_up = !is_beyond && cells < CELLS_MAX;
            return StepResult::fall_back(if is_held_up {
                Fallback::FreshSalt
            } else {
                Fallback::List
            });
        }
        let end = estimate.next_end(cells, sure).min(self.params.cells());
        let sure = sure + u32::from(estimate.is_sure);
        self.stage = Stage::Cells { set, decoder, end, sure };
        StepResult::say(Message::More(set, end))
    }

    /// Handles decoded keys: sends our entries and requests the peer's.
    fn resolve_keys(&mut self, view: &impl View, decoder: &Decoder) -> StepResult {
        if decoder.len() as u64 > DIFFERENCE_MAX {
            return StepResult::fall_back(Fallback::List);
        }
        let width = prefix_bits(self.params.theirs.feeds);
        let (mut naming, mut wanted) = (Vec::new(), BTreeSet::new());
        for token in decoder.tokens() {
            let ours = view.find(token.id(), ID_BITS);
            if ours.is_empty() {
                wanted.insert(token.id() >> (ID_BITS - width));
            }
            naming.extend(ours);
        }
        let entries: Vec<Entry> = naming.iter().map(|feed| view.entry(*feed)).collect();
        for entry in &entries {
            self.theirs.keys.remove(key_item(view, entry));
            self.theirs.heads.remove(head_item(view, entry));
        }
        let is_known = wanted.is_empty() && self.is_theirs(SetKind::Keys);
        if entries.is_empty() && wanted.is_empty() && !is_known {
            // Keys with equal ids cancel each other, so the responder would have nothing to answer.
            return StepResult::fall_back(Fallback::FreshSalt);
        }
        if wanted.is_empty() && !is_known {
            // The responder holds a key that we believe it lacks, or the decoding is wrong.
            let tokens = entries.iter().map(|entry| self.token(&key_item(view, entry)));
            wanted.extend(tokens.map(|token| token.id() >> (ID_BITS - width)));
        }
        let count = wanted.len();
        let wanted = wanted.into_iter().collect();
        let say = Message::Different { entries: entries.clone(), wanted };
        if !is_known {
            self.stage = Stage::Entries { pushed: entries, wanted: count };
            return StepResult::say(say).naming(naming);
        }
        // The responder has nothing to answer, so continue at once.
        let mut turn = self.on_entries(view, &entries, &[]);
        turn.say.insert(0, say);
        turn.naming(naming)
    }

    fn on_entries(&mut self, view: &impl View, pushed: &[Entry], entries: &[Entry]) -> StepResult {
        let mut gone: BTreeMap<[u8; 32], Entry> = pushed.iter().map(|e| (e.key, *e)).collect();
        let mut learned = Vec::new();
        for entry in entries {
            if let Some(ours) = gone.remove(&entry.key) {
                // The responder holds the key: another key with the same id made the difference.
                self.theirs.keys.insert(key_item(view, &ours));
                self.theirs.heads.insert(head_item(view, &ours));
            }
            if view.find_key(&entry.key).is_none() && self.received.insert(entry.key) {
                self.theirs.keys.insert(key_item(view, entry));
                self.theirs.heads.insert(head_item(view, entry));
                self.union.insert(head_item(view, entry));
                learned.push(*entry);
            }
        }
        let named = entries.to_vec();
        if !self.is_theirs(SetKind::Keys) {
            return StepResult::fall_back(Fallback::FreshSalt).named(named);
        }
        if self.is_theirs(SetKind::Heads) {
            return self.agree().named(named);
        }
        let token = |entry| self.token(&head_item(view, entry));
        let exclusive = gone.values().map(|entry| Toggle::Removed(token(entry)));
        let exclusive = exclusive.chain(learned.iter().map(|e| Toggle::Inserted(token(e))));
        self.exclusive = exclusive.collect();
        self.gone = gone.into_keys().collect();
        let end = self.params.first_end(SetKind::Heads);
        self.stage = cells(SetKind::Heads, end);
        StepResult::say(Message::More(SetKind::Heads, end)).named(named)
    }

    /// Handles decoded heads: ours and the responder's for each changed feed.
    fn resolve_heads(&mut self, view: &impl View, decoder: &Decoder) -> StepResult {
        let width = prefix_bits(self.params.theirs.feeds);
        let prefix_of = |key: &[u8; 32]| {
            let token = self.token(&Item::Key(view.item_key(key)));
            token.id() >> (ID_BITS - width)
        };
        let received: BTreeSet<u64> = self.received.iter().map(prefix_of).collect();
        let ids: BTreeSet<u64> = decoder.tokens().map(Token::id).collect();
        let feeds = view.find_heads(&self.params.salt, &ids);
        let (mut by_prefix, mut entries) = (BTreeMap::new(), Vec::new());
        for (feed, entry) in feeds.into_iter().map(|feed| (feed, view.entry(feed))) {
            if self.gone.contains(&entry.key) {
                continue;
            }
            let prefix = prefix_of(&entry.key);
            let is_alone = view.find(prefix, width).len() == 1;
            if is_alone && !received.contains(&prefix) {
                _ = by_prefix.insert(prefix, (feed, entry));
            } else {
                entries.push((feed, entry))
            }
        }
        if by_prefix.is_empty() && entries.is_empty() {
            return StepResult::fall_back(Fallback::FreshSalt);
        }
        let heads = by_prefix.iter().map(|(prefix, (_, entry))| (*prefix, entry.head)).collect();
        let asked = by_prefix.into_values().chain(entries.iter().copied());
        let (naming, asked) = asked.unzip();
        self.stage = Stage::Heads { asked };
        let entries = entries.into_iter().map(|(_, entry)| entry).collect();
        StepResult::say(Message::Changed { heads, entries }).naming(naming)
    }

    fn on_heads(&mut self, view: &impl View, asked: &[Entry], heads: &[HeadOf]) -> StepResult {
        let mut learned = Vec::with_capacity(asked.len());
        for (ours, head) in asked.iter().zip(heads) {
            let theirs = Entry { key: ours.key, head: *head };
            self.theirs.heads.remove(head_item(view, ours));
            self.theirs.heads.insert(head_item(view, &theirs));
            if theirs.head > ours.head {
                self.union.remove(head_item(view, ours));
                self.union.insert(head_item(view, &theirs));
            }
            learned.push(theirs);
        }
        let turn = if self.is_theirs(SetKind::Heads) {
            self.agree()
        } else {
            StepResult::fall_back(Fallback::FreshSalt)
        };
        StepResult { learned, ..turn }
    }

    fn token(&self, item: &Item) -> Token {
        self.params.salt.token(item)
    }

    /// Whether the reconstructed root of a set equals the responder's claim.
    fn is_theirs(&mut self, set: SetKind) -> bool {
        let claimed = match set {
            SetKind::Keys => self.params.theirs.keys,
            SetKind::Heads => self.params.theirs.heads,
        };
        let hash = &self.params.handshake_hash;
        self.theirs.of(set).mac(hash, Role::Responder, set) == claimed
    }

    fn agree(&mut self) -> StepResult {
        self.stage = Stage::Over;
        let hash = &self.params.handshake_hash;
        let mac = self.union.mac(hash, Role::Initiator, SetKind::Heads);
        StepResult { outcome: Some(Outcome::Agreed), ..StepResult::say(Message::Agreed(mac)) }
    }
}

fn cells(set: SetKind, end: u32) -> Stage {
    Stage::Cells { set, decoder: Decoder::default(), end, sure: 0 }
}
