//! Two sets in memory and a session between them, without a store, a channel or a clock. Used by
//! fuzz bodies and by the measuring program.
//!
//! Rule: no protocol decisions here. A [`Side`] answers queries of a session and counts bytes.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Range;

use crate::crypto::hash::Hash;
use crate::feed::checkpoint::Checkpoint;
use crate::id::{FeedId, Role};
use crate::reconcile::changes::{Overrun, Toggle, Toggles};
use crate::reconcile::decoder::{Decoder, Progress};
use crate::reconcile::index::Index;
use crate::reconcile::known::BasePair;
use crate::reconcile::root::Root;
use crate::reconcile::root::Roots;
use crate::reconcile::session::{
    Delta, Initiator, Outcome, Params, Responder, StepResult, View, prefix_bits,
};
use crate::reconcile::sketch::Sketch;
use crate::reconcile::token::{ID_BITS, Item, Salt, Token};
use crate::wire::multifeed::{Claim, put};
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::encode;
use crate::wire::reconcile::{Entry, HeadOf, Message};
use crate::wire::slice::Slice;

/// The feeds of a side, and the reconciliation state for them.
#[doc(hidden)]
#[derive(Debug)]
pub struct Side {
    salt: Salt,
    feeds: Vec<Entry>,
    index: Index,
    sketches: [Sketch; 2],
    roots: Roots,
}

impl Side {
    /// Creates an empty side with sketches for `feeds` feeds.
    pub fn for_feeds(group_key: &[u8; 32], feeds: usize) -> Self {
        Self::with_salt(Salt::group(group_key), feeds)
    }

    pub(crate) fn with_salt(salt: Salt, feeds: usize) -> Self {
        Self {
            salt,
            feeds: Vec::with_capacity(feeds),
            index: Index::new(),
            sketches: [(); 2].map(|()| Sketch::for_items(feeds)),
            roots: Roots { keys: Root::empty(), heads: Root::empty() },
        }
    }

    /// The number of feeds.
    pub fn feeds(&self) -> u64 {
        self.feeds.len() as u64
    }

    /// Adds a feed that is not in the set. Keys must be as random as hashes.
    pub fn insert(&mut self, key: [u8; 32], length: u64) {
        let entry = Entry { key, head: HeadOf { fork: 0, length } };
        let slot = self.feeds.len() as u32;
        self.feeds.push(entry);
        self.roots.keys.insert(Item::Key(key));
        let token = self.token(SetKind::Keys, &entry);
        self.sketches[SetKind::Keys as usize].insert(token);
        self.index.insert(token.id(), slot);
        self.toggle_head(&entry, Toggle::Inserted);
    }

    /// Removes the feed that was added last.
    pub fn pop(&mut self) {
        let Some(entry) = self.feeds.pop() else { return };
        self.roots.keys.remove(Item::Key(entry.key));
        self.toggle_head(&entry, Toggle::Removed);
        let token = self.token(SetKind::Keys, &entry);
        self.sketches[SetKind::Keys as usize].toggle(Toggle::Removed(token));
        self.index.remove(token.id(), self.feeds.len() as u32);
    }

    /// Sets the length of the feed in `slot`, the order of insertion.
    pub fn set_length(&mut self, slot: usize, length: u64) {
        let before = self.feeds[slot];
        self.feeds[slot].head.length = length;
        let after = self.feeds[slot];
        self.toggle_head(&before, Toggle::Removed);
        self.toggle_head(&after, Toggle::Inserted);
    }

    fn toggle_head(&mut self, entry: &Entry, toggle: fn(Token) -> Toggle) {
        let token = self.token(SetKind::Heads, entry);
        let item = Item::Head(entry.key, entry.head.length, entry.head.fork);
        match toggle(token) {
            Toggle::Inserted(_) => self.roots.heads.insert(item),
            Toggle::Removed(_) => self.roots.heads.remove(item),
        }
        self.sketches[SetKind::Heads as usize].toggle(toggle(token));
    }

    /// Adds pending items to the roots.
    pub fn fold(&mut self) {
        self.roots.keys.fold();
        self.roots.heads.fold();
    }

    fn token(&self, set: SetKind, entry: &Entry) -> Token {
        self.salt.token(&match set {
            SetKind::Keys => Item::Key(entry.key),
            SetKind::Heads => Item::Head(entry.key, entry.head.length, entry.head.fork),
        })
    }

    pub(super) fn claim(&mut self, hash: &[u8; 64], role: Role) -> Claim {
        let feeds = self.feeds();
        Params::claim(hash, role, feeds, &mut self.roots, None)
    }

    pub(super) fn terms(&self, handshake_hash: &[u8; 64], theirs: Claim) -> Params {
        let (feeds, roots) = (self.feeds(), self.roots.clone());
        Params { handshake_hash: *handshake_hash, salt: self.salt, feeds, roots, theirs }
    }

    /// Whether an entry is unknown or longer than the held feed.
    fn lacks(&self, entry: &Entry) -> bool {
        self.find_key(&entry.key).is_none_or(|feed| self.entry(feed).head < entry.head)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.feeds
    }
}

impl View for Side {
    fn slice(&self, set: SetKind, range: Range<u32>) -> Result<Slice, Overrun> {
        self.sketches[set as usize].slice(range, &Toggles::default(), 0)
    }

    fn find(&self, prefix: u64, width: u32) -> Vec<FeedId> {
        let id = |feed: &FeedId| self.token(SetKind::Keys, &self.entry(*feed)).id();
        let is_of = |feed: &FeedId| id(feed) >> (ID_BITS - width) == prefix;
        self.index.find(prefix, width).map(FeedId::first).filter(is_of).collect()
    }

    fn find_key(&self, key: &[u8; 32]) -> Option<FeedId> {
        let id = self.salt.token(&Item::Key(*key)).id();
        let mut found = self.find(id, ID_BITS).into_iter();
        found.find(|feed| self.entry(*feed).key == *key)
    }

    fn entry(&self, feed: FeedId) -> Entry {
        self.feeds[feed.slot as usize]
    }

    fn item_key(&self, key: &[u8; 32]) -> Hash {
        *key
    }
}

/// The result of a session.
#[doc(hidden)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Bytes in both directions: messages, framing, keys and heads.
    pub bytes: usize,
    /// Runs of messages of one side, the crossing claims being the first.
    pub flights: usize,
    /// Keys of the feeds or new lengths that the initiator and the responder learned.
    pub learned: [Vec<[u8; 32]>; 2],
    /// The end of both sides; `None` if one still waits, or the ends differ.
    pub ending: Option<SessionEnd>,
}

/// The end of a session.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionEnd {
    /// Each side knows every difference.
    Agreed,
    /// The session restarts with another salt.
    Retry,
    /// All feeds are listed instead.
    Listed,
}

/// Runs a session of two honest sides.
#[doc(hidden)]
pub fn reconcile(handshake_hash: &[u8; 64], one: &mut Side, two: &mut Side) -> Cost {
    let claims =
        [one.claim(handshake_hash, Role::Initiator), two.claim(handshake_hash, Role::Responder)];
    let bytes = claims.iter().map(claim_bytes).sum();
    let mut cost = Cost { bytes, flights: 1, learned: [Vec::new(), Vec::new()], ending: None };
    let mut terms = [one.terms(handshake_hash, claims[1]), two.terms(handshake_hash, claims[0])];
    let compared = [terms[0].compare(Role::Initiator), terms[1].compare(Role::Responder)];
    let set = match compared {
        [Ok(set), Ok(_)] => set,
        [one, two] => return cost.ended([one.err(), two.err()]),
    };
    let [terms_of_one, terms_of_two] = terms;
    let mut initiator = Initiator::new(terms_of_one, set);
    let (mut responder, mut turn) = Responder::new(terms_of_two, set, two);
    let (mut outcomes, mut side) = ([None, None], 1);
    loop {
        let view = if side == 0 { &*one } else { &*two };
        outcomes[side] = outcomes[side].or(turn.outcome);
        let news = turn.named.iter().chain(&turn.learned).filter(|entry| view.lacks(entry));
        cost.learned[side].extend(news.map(|entry| entry.key));
        cost.flights += usize::from(!turn.say.is_empty());
        cost.bytes += turn.say.iter().map(|said| bytes_of(said, two.feeds())).sum::<usize>();
        let said = core::mem::take(&mut turn.say);
        if said.is_empty() {
            return cost.ended(outcomes);
        }
        side = 1 - side;
        turn = StepResult::default();
        for message in said {
            let next = match side {
                0 => initiator.handle(one, message),
                _ => responder.handle(two, message),
            };
            turn.join(next.expect("an honest side is accepted"));
        }
    }
}

/// Runs a session of two sides with a checkpoint. `changed` lists the feeds that have grown since,
/// by slot, with their length at the checkpoint.
#[doc(hidden)]
pub fn reconcile_known(
    handshake_hash: &[u8; 64],
    [one, two]: [&mut Side; 2],
    changed: [&[(usize, u64)]; 2],
) -> Cost {
    // The digests of the checkpoint may be arbitrary.
    let checkpoint = Checkpoint { ours: [1; 16], theirs: [1; 16], position: 0 };
    let bases = changed.map(|changed| {
        let changed = changed.iter().map(|(slot, before)| (FeedId::first(*slot as u32), *before));
        BasePair { checkpoint, changed: changed.collect() }
    });
    let roles = [Role::Initiator, Role::Responder];
    let claim = |side: &mut Side, at: usize| {
        let feeds = side.feeds();
        Params::claim(handshake_hash, roles[at], feeds, &mut side.roots, Some(&bases[at]))
    };
    let claims = [claim(one, 0), claim(two, 1)];
    let bytes = claims.iter().map(claim_bytes).sum();
    let mut cost = Cost { bytes, flights: 1, learned: [Vec::new(), Vec::new()], ending: None };
    let terms = [one.terms(handshake_hash, claims[1]), two.terms(handshake_hash, claims[0])];
    let [base_of_one, base_of_two] = bases;
    let [terms_of_one, terms_of_two] = terms;
    let (mut first, said) = Delta::new(terms_of_one, roles[0], base_of_one, one);
    let said_by_one = said.expect("an honest side is accepted");
    let (mut second, said) = Delta::new(terms_of_two, roles[1], base_of_two, two);
    let said_by_two = said.expect("an honest side is accepted");
    let mut outcomes = [said_by_one.outcome, said_by_two.outcome];
    let received = [(&mut first, &*one, said_by_two.say), (&mut second, &*two, said_by_one.say)];
    for (side, (delta, view, said)) in received.into_iter().enumerate() {
        for message in said {
            (cost.bytes, cost.flights) = (cost.bytes + bytes_of(&message, two.feeds()), 2);
            let turn = delta.handle(view, message).expect("an honest side is accepted");
            let news = turn.named.iter().filter(|entry| view.lacks(entry));
            cost.learned[side].extend(news.map(|entry| entry.key));
            outcomes[side] = outcomes[side].or(turn.outcome);
        }
    }
    cost.ended(outcomes)
}

impl Cost {
    fn ended(self, outcomes: [Option<Outcome>; 2]) -> Self {
        let ending = match outcomes {
            [Some(Outcome::Agreed), Some(Outcome::Agreed)] => Some(SessionEnd::Agreed),
            [Some(Outcome::Retry), Some(Outcome::Retry)] => Some(SessionEnd::Retry),
            [Some(Outcome::List), Some(Outcome::List)] => Some(SessionEnd::Listed),
            _ => None,
        };
        Self { ending, ..self }
    }
}

/// Framing bytes of a message: the channel, the type, and the length in a batch.
const FRAME_BYTES: usize = 3;

fn claim_bytes(claim: &Claim) -> usize {
    let mut body = Vec::new();
    put(&mut body, claim);
    FRAME_BYTES + body.len()
}

/// Bytes of a message to or from a responder with `feeds` feeds.
fn bytes_of(message: &Message, feeds: u64) -> usize {
    FRAME_BYTES + encode(message, prefix_bits(feeds)).1.len()
}

/// The number of cells that decode these ids, to within a thousandth, and whether the result is
/// correct.
#[doc(hidden)]
pub fn cells_to_decode(ids: &[u64]) -> (u32, bool) {
    let tokens: BTreeSet<Token> = ids.iter().map(|id| Token::of_id(*id)).collect();
    let sketch = Sketch::of(2 * tokens.len() + 64, tokens.iter().copied());
    let mut decoder = Decoder::default();
    let step = 1 + tokens.len() as u32 / 1_000;
    let mut end = tokens.len() as u32;
    loop {
        let slice = sketch.slice(decoder.cells()..end, &Toggles::default(), 0);
        let progress = decoder.extend(&slice.expect("nothing has changed"));
        if progress == Ok(Progress::Complete) || end >= sketch.cells() {
            return (decoder.cells(), decoder.tokens().eq(tokens));
        }
        end = (end + step).min(sketch.cells());
    }
}
