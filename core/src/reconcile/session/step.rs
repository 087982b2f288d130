//! The inputs of a session (parameters and view) and the result of a step.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::crypto::hash::Hash;
use crate::id::{FeedId, Role};
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

/// Maximum bytes of cells sent unrequested, which bounds what a peer gets for its hello.
const UNASKED_BYTES_MAX: usize = 64 * 1024;

/// Maximum number of differing items of a session: 4 MiB of memory. Larger differences are listed.
pub(crate) const DIFFERENCE_MAX: u64 = 65_536;

/// Our sets when a session began.
pub(crate) trait View {
    /// Cells of a set's sketch, up to its last cell.
    fn slice(&self, set: SetKind, range: Range<u32>) -> Result<Slice, Overrun>;

    /// Our feeds whose key id begins with the `width` bits of `prefix`.
    fn find(&self, prefix: u64, width: u32) -> Vec<FeedId>;

    /// Our feed with this key.
    fn find_key(&self, key: &[u8; 32]) -> Option<FeedId>;

    /// One of our feeds.
    fn entry(&self, feed: FeedId) -> Entry;

    /// The hash that represents a feed in the sets, whether or not we hold it.
    fn item_key(&self, key: &[u8; 32]) -> Hash;

    /// Our feeds whose head id is one of `ids`.
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

/// The parameters of a session.
#[derive(Clone, Debug)]
pub(crate) struct Params {
    pub(crate) handshake_hash: [u8; 64],
    pub(crate) salt: Salt,
    /// Number of our feeds.
    pub(crate) feeds: u64,
    pub(crate) roots: Roots,
    /// The peer's claim.
    pub(crate) theirs: Claim,
}

impl Params {
    /// The claim that the side `role` sends about its sets.
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

    /// Compares both claims. `Ok`: the set to reconcile first. Both sides compute the same result.
    pub(crate) fn compare(&mut self, role: Role) -> Result<SetKind, Outcome> {
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
        // Listing a feed costs 35 bytes. Reconciling a missing one costs 8 for its cells and 33 for
        // its entry.
        let is_costlier = few.saturating_mul(12) < many.saturating_add(40);
        if is_costlier || many - few > DIFFERENCE_MAX { Err(Outcome::List) } else { Ok(set) }
    }

    /// The sizes of the sets to compare. Heads are compared after both sides hold the same keys.
    pub(super) fn sizes(&self, set: SetKind) -> Sizes {
        let theirs = self.theirs.feeds;
        match set {
            SetKind::Keys => Sizes { ours: self.feeds, theirs },
            SetKind::Heads => Sizes { ours: theirs, theirs },
        }
    }

    /// Number of items for which both sides hold cells.
    pub(crate) fn items(&self) -> usize {
        usize::try_from(self.feeds.min(self.theirs.feeds)).unwrap_or(usize::MAX)
    }

    /// Number of cells that both sides hold.
    pub(super) fn cells(&self) -> u32 {
        cells_for(self.items())
    }

    /// Number of the responder's feeds, which determines the width of id prefixes.
    pub(crate) fn responder_feeds(&self, role: Role) -> u64 {
        match role {
            Role::Initiator => self.theirs.feeds,
            Role::Responder => self.feeds,
        }
    }

    /// Whether the peer has the same checkpoint.
    pub(crate) fn matches_claim(&self, role: Role, base: &BasePair) -> bool {
        let known = self.theirs.known.as_ref();
        known.is_some_and(|known| base.matches_claim(&self.handshake_hash, role, known))
    }

    /// Number of the peer's feeds that changed since the checkpoint, as claimed.
    pub(crate) fn change_count(&self) -> u32 {
        self.theirs.known.map_or(0, |known| known.changed)
    }

    /// The end of the cells that are sent unrequested.
    pub(super) fn first_end(&self, set: SetKind) -> u32 {
        let heads = Slice::bytes_of(0, HEAD_CELLS);
        let by_bytes = (UNASKED_BYTES_MAX - heads) / Slice::bytes_of(HEAD_CELLS, 1);
        self.sizes(set).first_end(self.cells().min(by_bytes as u32))
    }
}

/// Width of an id prefix that identifies one of `feeds` feeds; 1 in 128 prefixes is ambiguous.
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

/// The outcome of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Both sides know every difference.
    Agreed,
    /// The session failed; another one with a fresh salt may succeed.
    Retry,
    /// The difference is too large for a session, or listing is cheaper.
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

/// A message that no honest peer sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SessionError {
    /// The message is not expected in this state.
    OutOfTurn,
    /// The message contradicts itself or earlier messages.
    Inconsistent,
    /// The message requests or contains more than allowed.
    TooMuch,
}

/// The result of handling a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct StepResult {
    /// Messages to send, in this order.
    pub(crate) say: Vec<Message>,
    /// Our feeds that these messages name for the first time, in order.
    pub(crate) naming: Vec<FeedId>,
    /// Entries of the feeds that the peer's message named for the first time, in order.
    pub(crate) named: Vec<Entry>,
    /// The peer's entries of feeds that we named.
    pub(crate) learned: Vec<Entry>,
    /// Number of feeds that the peer named and that are not used.
    pub(crate) skipped: usize,
    pub(crate) outcome: Option<Outcome>,
}

impl StepResult {
    pub(super) fn say(message: Message) -> Self {
        Self { say: vec![message], ..Self::default() }
    }

    pub(crate) fn fall_back(fallback: Fallback) -> Self {
        let say = vec![Message::FallBack(fallback)];
        Self { say, outcome: Some(fallback.into()), ..Self::default() }
    }

    pub(crate) fn end(outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..Self::default() }
    }

    /// Appends the result of the next message.
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
