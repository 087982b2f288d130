//! Two sets in memory and a session between them, without a store, a channel or a clock: for fuzz
//! bodies and for the program that measures.
//!
//! Rule: nothing here decides anything. A [`Side`] answers what a session asks, and counts bytes.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Range;

use crate::crypto::hash::Hash;
use crate::id::{FeedId, Role};
use crate::reconcile::changes::{Overrun, Toggle, Toggles};
use crate::reconcile::decoder::{Decoder, Progress};
use crate::reconcile::rice;
use crate::reconcile::root::Root;
use crate::reconcile::session::{
    Claim, Entry, HeadOf, Initiator, Message, Outcome, Responder, Roots, Terms, Turn, View,
    prefix_bits,
};
use crate::reconcile::sketch::{Sketch, Slice};
use crate::reconcile::token::{ID_BITS, Item, Salt, SetKind, Token};

/// Bits of an index entry that are the feed's slot, beside its id.
const SLOT_BITS: u32 = u64::BITS - ID_BITS;

/// What a side holds: its feeds, and all that reconciliation keeps beside them.
#[doc(hidden)]
#[derive(Debug)]
pub struct Side {
    salt: Salt,
    feeds: Vec<Entry>,
    /// Ids with slots behind them, of both sets.
    ids: [BTreeSet<u64>; 2],
    sketches: [Sketch; 2],
    roots: Roots,
}

impl Side {
    /// Holds nothing yet, with sketches for so many feeds.
    pub fn for_feeds(group_key: &[u8; 32], feeds: usize) -> Self {
        Self::with_salt(Salt::group(group_key), feeds)
    }

    pub(crate) fn with_salt(salt: Salt, feeds: usize) -> Self {
        Self {
            salt,
            feeds: Vec::with_capacity(feeds),
            ids: Default::default(),
            sketches: [(); 2].map(|()| Sketch::for_items(feeds)),
            roots: Roots { keys: Root::empty(), heads: Root::empty() },
        }
    }

    /// How many feeds there are.
    pub fn feeds(&self) -> u64 {
        self.feeds.len() as u64
    }

    /// Adds a feed that must not be in yet. Keys are taken to be as random as hashes.
    pub fn insert(&mut self, key: [u8; 32], length: u64) {
        let entry = Entry { key, head: HeadOf { fork: 0, length } };
        let slot = self.feeds.len() as u64;
        self.feeds.push(entry);
        self.roots.keys.insert(Item::Key(key));
        let token = self.token(SetKind::Keys, &entry);
        self.sketches[SetKind::Keys as usize].insert(token);
        self.ids[SetKind::Keys as usize].insert(token.id() << SLOT_BITS | slot);
        self.toggle_head(slot as usize, &entry, Toggle::Inserted);
    }

    /// Takes off the feed that was added last.
    pub fn pop(&mut self) {
        let Some(entry) = self.feeds.pop() else { return };
        self.roots.keys.remove(Item::Key(entry.key));
        self.toggle_head(self.feeds.len(), &entry, Toggle::Removed);
        let token = self.token(SetKind::Keys, &entry);
        self.sketches[SetKind::Keys as usize].remove(token);
        self.ids[SetKind::Keys as usize].remove(&(token.id() << SLOT_BITS | self.feeds()));
    }

    /// Gives the feed that was added as number `slot` another length.
    pub fn set_length(&mut self, slot: usize, length: u64) {
        let before = self.feeds[slot];
        self.feeds[slot].head.length = length;
        let after = self.feeds[slot];
        self.toggle_head(slot, &before, Toggle::Removed);
        self.toggle_head(slot, &after, Toggle::Inserted);
    }

    fn toggle_head(&mut self, slot: usize, entry: &Entry, toggle: fn(Token) -> Toggle) {
        let token = self.token(SetKind::Heads, entry);
        let item = Item::Head(entry.key, entry.head.length, entry.head.fork);
        let (ids, id) = (&mut self.ids[SetKind::Heads as usize], token.id() << SLOT_BITS);
        match toggle(token) {
            Toggle::Inserted(_) => {
                self.roots.heads.insert(item);
                ids.insert(id | slot as u64);
            }
            Toggle::Removed(_) => {
                self.roots.heads.remove(item);
                ids.remove(&(id | slot as u64));
            }
        }
        self.sketches[SetKind::Heads as usize].toggle(toggle(token));
    }

    /// Adds to the roots what was put off.
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
        Terms::claim(hash, role, feeds, &mut self.roots)
    }

    pub(super) fn terms(&self, handshake_hash: &[u8; 64], theirs: Claim) -> Terms {
        let (feeds, roots) = (self.feeds(), self.roots.clone());
        Terms { handshake_hash: *handshake_hash, salt: self.salt, feeds, roots, theirs }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.feeds
    }
}

impl View for Side {
    fn slice(&self, set: SetKind, range: Range<u32>) -> Result<Slice, Overrun> {
        self.sketches[set as usize].slice(range, &Toggles::default(), 0)
    }

    fn find(&self, set: SetKind, prefix: u64, width: u32) -> Vec<FeedId> {
        let low = prefix << (u64::BITS - width);
        let high = low | u64::MAX >> width;
        let found = self.ids[set as usize].range(low..=high);
        found.map(|entry| FeedId((entry & ((1 << SLOT_BITS) - 1)) as u32)).collect()
    }

    fn find_key(&self, key: &[u8; 32]) -> Option<FeedId> {
        let id = self.salt.token(&Item::Key(*key)).id();
        let mut found = self.find(SetKind::Keys, id, ID_BITS).into_iter();
        found.find(|feed| self.entry(*feed).key == *key)
    }

    fn entry(&self, feed: FeedId) -> Entry {
        self.feeds[feed.0 as usize]
    }

    fn item_key(&self, key: &[u8; 32]) -> Hash {
        *key
    }
}

/// What a session came to.
#[doc(hidden)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Both ways: messages, their framing, keys and heads.
    pub bytes: usize,
    /// Runs of messages of one side, the crossing claims being the first.
    pub flights: usize,
    /// Keys of the feeds that the initiator and the responder learned of, or of new lengths of.
    pub learned: [Vec<[u8; 32]>; 2],
    /// How both ended; `None` if one still waits, or they do not end alike.
    pub ending: Option<Ending>,
}

/// How a session ends.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Each side knows every difference.
    Agreed,
    /// To be begun again, under another salt.
    Again,
    /// To be given up for a listing.
    Listed,
}

/// Runs a session of two honest sides.
#[doc(hidden)]
pub fn reconcile(handshake_hash: &[u8; 64], one: &mut Side, two: &mut Side) -> Cost {
    let claims =
        [one.claim(handshake_hash, Role::Initiator), two.claim(handshake_hash, Role::Responder)];
    let (mut initiator, begun) = Initiator::new(one.terms(handshake_hash, claims[1]));
    let (mut responder, mut turn) = Responder::new(two.terms(handshake_hash, claims[0]), two);
    let feeds = two.feeds();
    let mut outcomes = [begun.outcome, turn.outcome];
    let mut cost = Cost {
        bytes: 2 * CLAIM_BYTES,
        flights: 1,
        learned: [Vec::new(), Vec::new()],
        ending: None,
    };
    let mut side = 1;
    loop {
        outcomes[side] = outcomes[side].or(turn.outcome);
        cost.learned[side].extend(turn.learned.iter().map(|entry| entry.key));
        cost.flights += usize::from(!turn.say.is_empty());
        cost.bytes += turn.say.iter().map(|said| bytes_of(said, feeds)).sum::<usize>();
        let said = core::mem::take(&mut turn.say);
        if said.is_empty() {
            break;
        }
        side = 1 - side;
        turn = Turn::default();
        for message in said {
            let next = match side {
                0 => initiator.handle(one, message),
                _ => responder.handle(two, message),
            };
            let next = next.expect("an honest side is never refused");
            turn.say.extend(next.say);
            turn.learned.extend(next.learned);
            turn.outcome = turn.outcome.or(next.outcome);
        }
    }
    if outcomes[0] == outcomes[1] {
        cost.ending = outcomes[0].map(|outcome| match outcome {
            Outcome::Agreed => Ending::Agreed,
            Outcome::Again => Ending::Again,
            Outcome::List => Ending::Listed,
        });
    }
    cost
}

/// Framing of a message in a batch of the channel: its length, its type, and a share of the frame.
const FRAME_BYTES: usize = 3;

/// A type, a version, flags, the number of feeds, an epoch with a number in it, and two roots.
const CLAIM_BYTES: usize = FRAME_BYTES + 45;

fn varint(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// The fork is said if it is not 0, as one bit of the length says.
fn head_bytes(head: &HeadOf) -> usize {
    varint(head.length << 1) + if head.fork > 0 { varint(head.fork) } else { 0 }
}

fn entry_bytes(entries: &[Entry]) -> usize {
    let keys = 32 * entries.len();
    varint(entries.len() as u64) + keys + entries.iter().map(|e| head_bytes(&e.head)).sum::<usize>()
}

fn prefix_bytes(prefixes: &[u64], width: u32) -> usize {
    let mut packed = Vec::new();
    rice::encode(prefixes, width, &mut packed);
    varint(prefixes.len() as u64) + packed.len()
}

/// Bytes of a message to or from a responder of so many feeds.
fn bytes_of(message: &Message, feeds: u64) -> usize {
    let width = prefix_bits(feeds);
    FRAME_BYTES
        + match message {
            Message::Cells(_, slice) => {
                let cells = Slice::bytes_of(slice.start, slice.cells.len() as u32);
                1 + varint(slice.start.into()) + cells
            }
            Message::More(_, end) => 1 + varint((*end).into()),
            Message::Different { entries, wanted } => {
                entry_bytes(entries) + prefix_bytes(wanted, width)
            }
            Message::Entries(entries) => entry_bytes(entries),
            Message::Changed { heads, entries } => {
                let ids: Vec<u64> = heads.iter().map(|(prefix, _)| *prefix).collect();
                let heads: usize = heads.iter().map(|(_, head)| head_bytes(head)).sum();
                prefix_bytes(&ids, width) + heads + entry_bytes(entries)
            }
            Message::Heads(heads) => heads.iter().map(head_bytes).sum(),
            Message::Agreed(_) => 8,
            Message::GiveUp(_) => 1,
        }
}

/// How many cells it takes to decode these ids, to within a thousandth, and whether they are what
/// comes out.
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
