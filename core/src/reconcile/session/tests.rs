use std::collections::BTreeMap;
use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::step::*;
use super::*;
use crate::crypto::hash::Hash;
use crate::id::{FeedId, Role};
use crate::reconcile::changes::Overrun;
use crate::reconcile::changes::Toggles;
use crate::reconcile::root::{Root, Roots};
use crate::reconcile::sketch::Sketch;
use crate::reconcile::testing::{group_salt, handshake_hash};
use crate::reconcile::token::{ID_BITS, Item, Salt};
use crate::rng::Rng;
use crate::tests::cases;
use crate::wire::multifeed::Claim;
use crate::wire::reconcile::{Entry, HeadOf, Message, SetKind};
use crate::wire::rice;
use crate::wire::slice::Slice;
use core::ops::Range;

mod bytes;
mod delta;
mod hostile;

/// A side's sets in memory, with all indexes that a session uses.
struct Node {
    feeds: Vec<Entry>,
    by_key: BTreeMap<[u8; 32], FeedId>,
    by_id: Vec<(u64, FeedId)>,
    sketches: [Sketch; 2],
    roots: Roots,
    salt: Salt,
}

impl Node {
    /// Creates sketches for `items` items, as if both sides held more. Feeds that `other` holds,
    /// too, are omitted from the roots, because they add the same to both.
    fn new(feeds: &Heads, other: &Heads, salt: Salt, items: usize) -> Self {
        let roots = Roots { keys: Root::empty(), heads: Root::empty() };
        let sketches = [(); 2].map(|()| Sketch::for_items(items));
        let (feeds_of, by_id) = (Vec::new(), Vec::new());
        let by_key = BTreeMap::new();
        let mut node = Self { feeds: feeds_of, by_key, by_id, sketches, roots, salt };
        for (slot, (key, head)) in (0..).zip(feeds) {
            let entry = Entry { key: *key, head: *head };
            let items = [key_item(&node, &entry), head_item(&node, &entry)];
            node.feeds.push(entry);
            node.by_key.insert(*key, FeedId::first(slot));
            for (set, item) in items.iter().enumerate() {
                let token = salt.token(item);
                if set == 0 {
                    node.by_id.push((token.id(), FeedId::first(slot)));
                }
                node.sketches[set].insert(token);
            }
            if !other.contains_key(key) {
                node.roots.keys.insert(items[0]);
            }
            if other.get(key) != Some(head) {
                node.roots.heads.insert(items[1]);
            }
        }
        node.by_id.sort_unstable();
        node
    }

    fn terms(&self, feeds: u64, theirs: Claim) -> Params {
        let (handshake_hash, roots) = (handshake_hash(), self.roots.clone());
        Params { handshake_hash, salt: self.salt, feeds, roots, theirs }
    }
}

impl View for Node {
    fn slice(&self, set: SetKind, range: Range<u32>) -> Result<Slice, Overrun> {
        self.sketches[set as usize].slice(range, &Toggles::default(), 0)
    }

    fn find(&self, prefix: u64, width: u32) -> Vec<FeedId> {
        let index = &self.by_id;
        let (from, to) = (prefix << (ID_BITS - width), (prefix + 1) << (ID_BITS - width));
        let start = index.partition_point(|(id, _)| *id < from);
        let found = index[start..].iter().take_while(|(id, _)| *id < to);
        found.map(|(_, feed)| *feed).collect()
    }

    fn find_key(&self, key: &[u8; 32]) -> Option<FeedId> {
        self.by_key.get(key).copied()
    }

    fn entry(&self, feed: FeedId) -> Entry {
        self.feeds[feed.slot as usize]
    }

    fn item_key(&self, key: &[u8; 32]) -> Hash {
        // The keys of these tests are as random as hashes.
        *key
    }
}

type Heads = BTreeMap<[u8; 32], HeadOf>;

/// The result of a whole session.
#[derive(Debug)]
struct Run {
    outcome: Outcome,
    bytes: usize,
    /// Runs of messages of one side, the crossing claims being the first.
    flights: usize,
    learned: [Vec<Entry>; 2],
}

/// Runs a session of two sides that also claim `common` feeds, which neither of them holds.
fn run(initiator: &Node, responder: &Node, common: u64) -> Run {
    let nodes = [initiator, responder];
    let feeds = nodes.map(|node| node.feeds.len() as u64 + common);
    let claim = |node: &Node, role, feeds| {
        Params::claim(&handshake_hash(), role, feeds, &mut node.roots.clone(), None)
    };
    let claims =
        [claim(initiator, Role::Initiator, feeds[0]), claim(responder, Role::Responder, feeds[1])];
    let mut terms = [initiator.terms(feeds[0], claims[1]), responder.terms(feeds[1], claims[0])];
    let compared = terms[0].compare(Role::Initiator);
    assert_eq!(compared, terms[1].compare(Role::Responder), "both sides draw the same conclusion");
    let learned = [Vec::new(), Vec::new()];
    let mut run = Run { outcome: Outcome::Agreed, bytes: 2 * bytes::HELLO, flights: 1, learned };
    let set = match compared {
        Ok(set) => set,
        Err(outcome) => return Run { outcome, ..run },
    };
    let [terms_of_one, terms_of_two] = terms;
    let mut one = Initiator::new(terms_of_one, set);
    let (mut two, mut turn) = Responder::new(terms_of_two, set, responder);
    let (mut outcomes, mut side) = ([None, None], 1);
    loop {
        outcomes[side] = outcomes[side].or(turn.outcome);
        run.learned[side].extend(turn.named);
        run.learned[side].extend(turn.learned);
        let said: Vec<Message> = turn.say;
        run.flights += usize::from(!said.is_empty());
        run.bytes += said.iter().map(|said| bytes::of(said, feeds[1])).sum::<usize>();
        side = 1 - side;
        turn = StepResult::default();
        for message in said {
            let next = match side {
                0 => one.handle(initiator, message),
                _ => two.handle(responder, message),
            };
            turn.join(next.expect("an honest message"));
        }
        if turn == StepResult::default() {
            break;
        }
    }
    assert_eq!(outcomes[0], outcomes[1], "both sides end equally");
    run.outcome = outcomes[0].expect("the session ends");
    run
}

fn join(heads: &mut Heads, entry: &Entry) {
    let head = heads.entry(entry.key).or_insert(entry.head);
    *head = (*head).max(entry.head);
}

/// The nodes of two sets, with sketches for `items`.
fn nodes([one, two]: [&Heads; 2], salt: Salt, items: [usize; 2]) -> [Node; 2] {
    [Node::new(one, two, salt, items[0]), Node::new(two, one, salt, items[1])]
}

/// Runs a session and compares the result with the union of both sets.
fn check(sets: [&Heads; 2], salt: Salt) -> Run {
    let nodes = nodes(sets, salt, sets.map(Heads::len));
    let run = run(&nodes[0], &nodes[1], 0);
    if run.outcome == Outcome::Agreed {
        let mut union = sets[0].clone();
        sets[1].iter().for_each(|(key, head)| join(&mut union, &Entry { key: *key, head: *head }));
        for (set, learned) in sets.iter().zip(&run.learned) {
            let mut joined = (*set).clone();
            learned.iter().for_each(|entry| join(&mut joined, entry));
            assert_eq!(joined, union);
        }
    }
    run
}

/// Two sets with common feeds, feeds of one side, and common feeds that are longer on one side.
fn sets(rng: &mut Rng, common: u64, only: [u64; 2], changed: u64) -> [Heads; 2] {
    let mut sets = [Heads::new(), Heads::new()];
    let head = |length| HeadOf { fork: 0, length };
    for index in 0..common {
        let (key, length) = (rng.array(), 1 + rng.below(100));
        let more = if index < changed { 1 + rng.below(3) } else { 0 };
        let further = rng.below(2) as usize;
        sets[further].insert(key, head(length + more));
        sets[1 - further].insert(key, head(length));
    }
    for (set, only) in sets.iter_mut().zip(only) {
        set.extend((0..only).map(|_| (rng.array(), head(1 + rng.below(100)))));
    }
    sets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(16, 64)))]

    #[test]
    fn both_sides_learn_the_union(
        seed: [u8; 32],
        common in 0u64..600,
        only in [0u64..100, 0u64..100],
        changed in 0u64..60,
    ) {
        let [one, two] = sets(&mut Rng::new(seed), common, only, changed);
        let run = check([&one, &two], group_salt());
        // Small or very different sets are listed; no session is retried.
        prop_assert_ne!(run.outcome, Outcome::Retry);
        let [one_count, two_count] = only;
        if common > 2 * (one_count + two_count + changed) {
            prop_assert_eq!(run.outcome, Outcome::Agreed);
        }
    }

    #[test]
    fn colliding_ids_are_detected_or_resolved(
        seed: [u8; 32],
        common in 300u64..600,
        only in [0u64..40, 0u64..40],
        changed in 0u64..30,
        id_bits in 12u32..18,
    ) {
        let [one, two] = sets(&mut Rng::new(seed), common, only, changed);
        check([&one, &two], group_salt().narrow(id_bits));
    }
}

#[test]
fn few_collisions_are_resolved_without_a_retry() {
    let mut outcomes = BTreeMap::new();
    for seed in 0..80 {
        let [one, two] = sets(&mut Rng::new([seed; 32]), 500, [20, 20], 10);
        let run = check([&one, &two], group_salt().narrow(20));
        *outcomes.entry(std::format!("{:?}", run.outcome)).or_insert(0) += 1;
    }
    assert!(outcomes["Agreed"] >= 75, "{outcomes:?}");
}

#[test]
fn equal_sets_end_with_the_claims() {
    let [one, _] = sets(&mut Rng::new([1; 32]), 100, [0, 0], 0);
    let run = check([&one, &one], group_salt());
    assert_eq!((run.outcome, run.bytes, run.flights), (Outcome::Agreed, 96, 1));
}

#[test]
fn empty_and_very_different_sets_are_listed() {
    let [one, two] = sets(&mut Rng::new([2; 32]), 0, [1_000, 0], 0);
    assert_eq!(check([&one, &two], group_salt()).outcome, Outcome::List);
    assert_eq!(check([&two, &one], group_salt()).outcome, Outcome::List);
    assert_eq!(check([&two, &two], group_salt()).outcome, Outcome::Agreed);
}
