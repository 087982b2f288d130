//! The values of a session: what it works on, what it sees of our sets, and what a step returns.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::crypto::hash::Hash;
use crate::id::{FeedId, Role};
use crate::planted::{self, Bug};
use crate::reconcile::changes::Overrun;
use crate::reconcile::estimate::Sizes;
use crate::reconcile::known::BasePair;
use crate::reconcile::root::Roots;
use crate::reconcile::sketch::cells_for;
use crate::reconcile::token::{ID_BITS, Item, Salt};
use crate::wire::multifeed::Claim;
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::{Entry, Fallback, Message};
use crate::wire::slice::{HEAD_CELLS, Slice};

/// Bytes of cells that are sent unasked: a stranger gets no more for its hello.
const UNASKED_BYTES_MAX: usize = 64 * 1024;

/// Most items that differ: what a peer has us remember of them is 4 MiB then. Above it is listed.
pub(crate) const DIFFERENCE_MAX: u64 = 65_536;

/// Our sets as they were when a session began.
pub(crate) trait View {
    /// Cells of a set; fewer if it has no more.
    fn slice(&self, set: SetKind, range: Range<u32>) -> Result<Slice, Overrun>;

    /// Our feeds the id of whose key begins with the `width` bits of `prefix`.
    fn find(&self, prefix: u64, width: u32) -> Vec<FeedId>;

    /// Our feed of a key.
    fn find_key(&self, key: &[u8; 32]) -> Option<FeedId>;

    /// One of our feeds.
    fn entry(&self, feed: FeedId) -> Entry;

    /// The hash by which a feed, of ours or not, is in the sets.
    fn item_key(&self, key: &[u8; 32]) -> Hash;

    /// Our feeds the id of whose head is one of these.
    fn find_heads(&self, salt: &Salt, ids: &BTreeSet<u64>) -> BTreeSet<FeedId>
    where
        Self: Sized,
    {
        let mut found = BTreeSet::new();
        for id in ids {
            let (prefix, width) = salt.lead(*id);
            let head = |feed: &FeedId| salt.token(&head_item(self, &self.entry(*feed))).id();
            found.extend(self.find(prefix, width).into_iter().filter(|feed| head(feed) == *id));
        }
        found
    }
}

/// What two sides reconcile on.
#[derive(Clone, Debug)]
pub(crate) struct Params {
    pub(crate) handshake_hash: [u8; 64],
    pub(crate) salt: Salt,
    /// How many feeds we hold.
    pub(crate) feeds: u64,
    pub(crate) roots: Roots,
    /// What the peer said.
    pub(crate) theirs: Claim,
}

impl Params {
    /// What a side of `role` says of its sets.
    pub(crate) fn claim(
        handshake_hash: &[u8; 64],
        role: Role,
        feeds: u64,
        roots: &mut Roots,
        base: Option<&BasePair>,
    ) -> Claim {
        let known = base.map(|base| base.claim(handshake_hash, role));
        let mut mac = |set| roots.of(set).mac(handshake_hash, role, set);
        Claim { feeds, keys: mac(SetKind::Keys), heads: mac(SetKind::Heads), known }
    }

    /// What the claims say by themselves, to a side of `role`: `Ok` the first set to look into.
    /// Both sides come to the same.
    pub(crate) fn compare(&mut self, role: Role) -> Result<SetKind, Outcome> {
        if planted::is(Bug::AgreesByCount) && self.feeds == self.theirs.feeds {
            return Err(Outcome::Agreed);
        }
        let peer = role.other();
        let mut is_equal =
            |set, mac| self.roots.of(set).mac(&self.handshake_hash, peer, set) == mac;
        let set = match (
            is_equal(SetKind::Keys, self.theirs.keys),
            is_equal(SetKind::Heads, self.theirs.heads),
        ) {
            (true, true) => return Err(Outcome::Agreed),
            (true, false) => SetKind::Heads,
            (false, _) => SetKind::Keys,
        };
        let (few, many) = (self.feeds.min(self.theirs.feeds), self.feeds.max(self.theirs.feeds));
        // A feed that is listed costs 35 bytes, one in the gap 8 for its cell and 33 for itself.
        let is_dearer = few.saturating_mul(12) < many.saturating_add(40);
        if is_dearer || many - few > DIFFERENCE_MAX { Err(Outcome::List) } else { Ok(set) }
    }

    /// Of two sets as they are compared: what only one side holds is out when heads are.
    pub(super) fn sizes(&self, set: SetKind) -> Sizes {
        let theirs = self.theirs.feeds;
        match set {
            SetKind::Keys => Sizes { ours: self.feeds, theirs },
            SetKind::Heads => Sizes { ours: theirs, theirs },
        }
    }

    /// Feeds for which both sides hold cells.
    pub(crate) fn items(&self) -> usize {
        usize::try_from(self.feeds.min(self.theirs.feeds)).unwrap_or(usize::MAX)
    }

    /// Cells that both sides hold.
    pub(super) fn cells(&self) -> u32 {
        cells_for(self.items())
    }

    /// The feeds of the responder, whose ids' leading bits are said.
    pub(crate) fn responder_feeds(&self, role: Role) -> u64 {
        match role {
            Role::Initiator => self.theirs.feeds,
            Role::Responder => self.feeds,
        }
    }

    /// Whether the peer remembers of us what we remember of it.
    pub(crate) fn matches_claim(&self, role: Role, base: &BasePair) -> bool {
        let known = self.theirs.known.as_ref();
        known.is_some_and(|known| base.matches_claim(&self.handshake_hash, role, known))
    }

    /// Feeds of the peer that have changed since, as it says.
    pub(crate) fn told_changes(&self) -> u32 {
        self.theirs.known.map_or(0, |known| known.changed)
    }

    /// Where the cells end that are sent unasked.
    pub(super) fn first_end(&self, set: SetKind) -> u32 {
        let heads = Slice::bytes_of(0, HEAD_CELLS);
        let by_bytes = (UNASKED_BYTES_MAX - heads) / Slice::bytes_of(HEAD_CELLS, 1);
        self.sizes(set).first_end(self.cells().min(by_bytes as u32))
    }
}

/// Bits of an id that tell it apart from those of `feeds` others: 1 in 128 is met by another.
pub(crate) fn prefix_bits(feeds: u64) -> u32 {
    let bits = u64::BITS - feeds.max(2).saturating_sub(1).leading_zeros();
    (bits + 7).min(ID_BITS)
}

pub(super) fn key_item(view: &impl View, entry: &Entry) -> Item {
    Item::Key(view.item_key(&entry.key))
}

pub(super) fn head_item(view: &impl View, entry: &Entry) -> Item {
    Item::Head(view.item_key(&entry.key), entry.head.length, entry.head.fork)
}

/// How a session ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Each side knows every difference.
    Agreed,
    /// Neither knows more than before but by chance.
    Retry,
    /// Not worth a session, or beyond one.
    List,
}

impl From<Fallback> for Outcome {
    fn from(fallback: Fallback) -> Self {
        match fallback {
            Fallback::FreshSalt => Self::Retry,
            Fallback::List => Self::List,
        }
    }
}

/// What no honest peer sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SessionError {
    /// The message does not belong here.
    OutOfTurn,
    /// Its parts contradict each other or what was said before.
    Inconsistent,
    /// It asks for or brings more than it may.
    TooMuch,
}

/// What came of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct StepResult {
    /// In this order.
    pub(crate) say: Vec<Message>,
    /// The feeds of ours that these messages are the first to name, in their order.
    pub(crate) naming: Vec<FeedId>,
    /// What the peer holds of the feeds that its message was the first to name, in their order.
    pub(crate) named: Vec<Entry>,
    /// What the peer holds of feeds that we named.
    pub(crate) learned: Vec<Entry>,
    /// Feeds that the peer has named in vain.
    pub(crate) skipped: usize,
    pub(crate) outcome: Option<Outcome>,
}

impl StepResult {
    pub(super) fn say(message: Message) -> Self {
        Self { say: vec![message], ..Self::default() }
    }

    pub(crate) fn give_up(fallback: Fallback) -> Self {
        let say = vec![Message::GiveUp(fallback)];
        Self { say, outcome: Some(fallback.into()), ..Self::default() }
    }

    pub(crate) fn end(outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..Self::default() }
    }

    /// Adds what came of the next message of a flight.
    pub(crate) fn join(&mut self, next: Self) {
        let Self { say, naming, named, learned, skipped, outcome } = next;
        self.say.extend(say);
        self.naming.extend(naming);
        self.named.extend(named);
        self.learned.extend(learned);
        self.skipped += skipped;
        self.outcome = self.outcome.or(outcome);
    }

    pub(super) fn naming(mut self, naming: Vec<FeedId>) -> Self {
        self.naming = naming;
        self
    }

    pub(super) fn named(mut self, named: Vec<Entry>) -> Self {
        self.named = named;
        self
    }
}
