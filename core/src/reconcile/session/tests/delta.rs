//! Sessions between two sides that share a checkpoint.

use super::*;
use crate::feed::checkpoint::Checkpoint;
use crate::reconcile::known::BasePair;
use crate::reconcile::testing::{discovery_key, golden, hex};
use crate::wire::multifeed::KnownClaim;
use crate::wire::reconcile::{decode, encode};

/// A side with its state at the checkpoint.
struct Then {
    node: Node,
    then: Heads,
    checkpoint: Checkpoint,
    role: Role,
}

impl Then {
    fn base(&self) -> BasePair {
        let grown = (0..).zip(&self.node.feeds);
        let changed = grown.filter_map(|(slot, entry)| {
            let before = self.then.get(&entry.key).map_or(0, |head| head.length);
            (before != entry.head.length).then_some((FeedId::first(slot), before))
        });
        BasePair { checkpoint: self.checkpoint, changed: changed.collect() }
    }

    fn claim(&self) -> Claim {
        let (hash, feeds) = (handshake_hash(), self.node.feeds.len() as u64);
        Params::claim(&hash, self.role, feeds, &mut self.node.roots.clone(), Some(&self.base()))
    }

    fn begin(&self, theirs: Claim) -> (Delta, Result<StepResult, SessionError>) {
        let terms = self.node.terms(self.node.feeds.len() as u64, theirs);
        assert!(terms.matches_claim(self.role, &self.base()));
        Delta::new(terms, self.role, self.base(), &self.node)
    }
}

/// Two sides that held the feeds `then` at their checkpoint and hold `now`.
fn sides(then: [&Heads; 2], now: [&Heads; 2], salt: Salt) -> [Then; 2] {
    let digests = then.map(|heads| {
        let mut root = Root::empty();
        heads.iter().for_each(|(key, head)| root.insert(Item::Head(*key, head.length, 0)));
        root.digest()
    });
    let nothing = Heads::new();
    [(0, Role::Initiator), (1, Role::Responder)].map(|(side, role)| {
        let (ours, theirs) = (digests[side], digests[1 - side]);
        let checkpoint = Checkpoint { ours, theirs, position: 0 };
        let node = Node::new(now[side], &nothing, salt, now[side].len());
        Then { node, then: then[side].clone(), checkpoint, role }
    })
}

/// The outcome at a side, the entries that it received, and their bytes.
type End = (Option<Outcome>, Vec<Entry>, usize);

fn meet(sides: &[Then; 2]) -> Result<[End; 2], SessionError> {
    let claims = [sides[0].claim(), sides[1].claim()];
    let [mut one, mut two] = [sides[0].begin(claims[1]), sides[1].begin(claims[0])];
    let turns = [one.1.clone()?, two.1.clone()?];
    let mut ends = Vec::new();
    for (side, delta) in [(0, &mut one.0), (1, &mut two.0)] {
        let StepResult { outcome, learned, .. } = turns[side].clone();
        let mut turn = StepResult { outcome, learned, ..StepResult::default() };
        let mut bytes = 0;
        for message in &turns[1 - side].say {
            let width = prefix_bits(sides[1].node.feeds.len() as u64);
            let (kind, body) = encode(message, width);
            bytes += body.len();
            let message = decode(kind, &body, width).unwrap().unwrap();
            turn.join(delta.handle(&sides[side].node, message)?);
        }
        turn.named.extend(turn.learned);
        ends.push((turn.outcome, turn.named, bytes));
    }
    Ok(ends.try_into().unwrap())
}

fn heads(feeds: impl IntoIterator<Item = (u64, u64)>) -> Heads {
    let feeds = feeds.into_iter();
    feeds.map(|(number, length)| (discovery_key(number), HeadOf { fork: 0, length })).collect()
}

/// Checks that `side` knows the other's heads: those received, or else those that it holds itself.
fn assert_knows(sides: &[Then; 2], side: usize, received: &[Entry], refused: &[u64]) {
    let refused: Vec<_> = refused.iter().map(|number| discovery_key(*number)).collect();
    for theirs in &sides[1 - side].node.feeds {
        let ours = sides[side].node.find_key(&theirs.key).map(|feed| sides[side].node.entry(feed));
        let received = received.iter().find(|entry| entry.key == theirs.key);
        let known = received.copied().or(ours);
        assert!(known == Some(*theirs) || refused.contains(&theirs.key), "{known:?} {theirs:?}");
    }
}

/// Some of these feeds, with lengths.
fn lengths(feeds: Range<u64>, most: usize) -> impl Strategy<Value = BTreeMap<u64, u64>> {
    prop::collection::btree_map(feeds, 1u64..300, 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_side_learns_every_change(
        common in 1u64..60,
        grown in [lengths(0..60, 20), lengths(0..60, 20)],
        new in [lengths(100..110, 5), lengths(100..110, 5)],
        id_bits in 5u32..=ID_BITS,
    ) {
        let then = heads((0..common).map(|number| (number, 5)));
        let now = [0, 1].map(|side: usize| {
            let grown = grown[side].iter().filter(|(number, _)| **number < common);
            let mut now = then.clone();
            now.extend(heads(grown.map(|(number, more)| (*number, 5 + more))));
            now.extend(heads(new[side].iter().map(|(number, length)| (*number, *length))));
            now
        });
        let sides = sides([&then; 2], [&now[0], &now[1]], group_salt().narrow(id_bits));
        let ends = meet(&sides).unwrap();
        for (side, (outcome, received, _)) in ends.iter().enumerate() {
            prop_assert_eq!(*outcome, Some(Outcome::Agreed));
            assert_knows(&sides, side, received, &[]);
        }
    }
}

#[test]
fn feeds_refused_at_the_checkpoint_are_skipped() {
    // The first refuses 1 and 2, the second 3.
    let all = |numbers: &[u64]| heads(numbers.iter().map(|number| (*number, 5)));
    let then = [all(&[0, 3, 4, 5]), all(&[0, 1, 2, 4, 5])];
    let mut now = then.clone();
    now[0].extend(heads([(4, 9), (7, 1)]));
    now[1].extend(heads([(5, 6)]));
    let sides = sides([&then[0], &then[1]], [&now[0], &now[1]], group_salt());
    let ends = meet(&sides).unwrap();
    for (side, (outcome, received, _)) in ends.iter().enumerate() {
        assert_eq!(*outcome, Some(Outcome::Agreed));
        // The other side may have refused the feed that grew only here.
        let own = [4, 5][side];
        assert_knows(&sides, side, received, &[1, 2, 3, own]);
        assert_eq!(received.len(), [1, 2][side]);
    }
    // A feed that the first side refused grows: the second sends its whole key.
    now[1].extend(heads([(1, 6)]));
    let sides = self::sides([&then[0], &then[1]], [&now[0], &now[1]], group_salt());
    let [(outcome, received, _), _] = meet(&sides).unwrap();
    assert_eq!((outcome, received.len()), (Some(Outcome::Agreed), 2));
}

#[test]
fn colliding_ids_of_refused_feeds_are_not_confused() {
    // Each side has refused every third of 60 feeds, and there are only 2^5 ids.
    let refused = |side: u64| move |number: &u64| number % 3 == side;
    let then = [0, 1].map(|side| heads((0..60).filter(|n| !refused(side)(n)).map(|n| (n, 5))));
    let mut now = then.clone();
    now.iter_mut().for_each(|now| now.values_mut().step_by(2).for_each(|head| head.length += 1));
    let salt = group_salt().narrow(5);
    let sides = sides([&then[0], &then[1]], [&now[0], &now[1]], salt);
    for (side, (outcome, received, _)) in meet(&sides).unwrap().iter().enumerate() {
        assert_eq!(*outcome, Some(Outcome::Agreed));
        assert_eq!(received.len(), now[1 - side].len().div_ceil(2));
        assert!(received.iter().all(|entry| now[1 - side].get(&entry.key) == Some(&entry.head)));
    }
}

#[test]
fn a_changed_feed_costs_at_most_4_bytes() {
    let then = heads((0..20_000).map(|number| (number, 1 + number % 100)));
    let mut now = then.clone();
    now.values_mut().step_by(20).for_each(|head| head.length += 1);
    let sides = sides([&then; 2], [&now, &then], group_salt());
    let ends = meet(&sides).unwrap();
    assert_eq!(ends[1].1.len(), 1_000);
    let bytes = ends[1].2;
    assert!(bytes <= 4_000, "{bytes} bytes");
}

#[test]
fn an_unreported_change_is_detected() {
    let then = heads((0..50).map(|number| (number, 5)));
    let mut now = then.clone();
    now.extend(heads([(3, 6), (4, 7), (60, 1)]));
    let sides = sides([&then; 2], [&now, &then], group_salt());
    let theirs = sides[0].claim();
    let received = sides[0].begin(sides[1].claim()).1.unwrap().say.remove(0);
    let Message::Changed { heads, entries } = received.clone() else { panic!() };
    let take = |changed, message| {
        let known = Some(KnownClaim { changed, ..theirs.known.unwrap() });
        let (mut delta, turn) = sides[1].begin(Claim { known, ..theirs });
        turn.and_then(|_| delta.handle(&sides[1].node, message))
    };
    assert_eq!(take(3, received).map(|turn| turn.outcome), Ok(Some(Outcome::Agreed)));
    let without = |at| {
        let mut heads = heads.clone();
        heads.remove(at);
        Message::Changed { heads, entries: entries.clone() }
    };
    assert_eq!(take(2, without(0)), Err(SessionError::Inconsistent));
    assert_eq!(take(3, without(0)), Err(SessionError::Inconsistent));
    let new = Message::Changed { heads: heads.clone(), entries: Vec::new() };
    assert_eq!(take(2, new), Err(SessionError::Inconsistent));
    let nothing = Message::Changed { heads: Vec::new(), entries: Vec::new() };
    assert_eq!(take(0, nothing), Err(SessionError::Inconsistent));
    // Lengths that are too small and too large.
    for length in [4, 8] {
        let mut heads = heads.clone();
        heads[0].1.length = length;
        let message = Message::Changed { heads, entries: entries.clone() };
        assert_eq!(take(3, message), Err(SessionError::Inconsistent));
    }
}

#[test]
fn changes_are_encoded_as_in_the_golden_file() {
    for row in golden("changes") {
        let numbers = |name: &str| -> Vec<(u64, u64)> {
            let of =
                |pair: &serde_json::Value| (pair[0].as_u64().unwrap(), pair[1].as_u64().unwrap());
            row[name].as_array().unwrap().iter().map(of).collect()
        };
        let width = prefix_bits(100);
        let id = |number| {
            let token = group_salt().token(&Item::Key(discovery_key(number)));
            token.id() >> (ID_BITS - width)
        };
        let head = |length| HeadOf { fork: 0, length };
        let mut heads: Vec<_> = numbers("heads")
            .into_iter()
            .map(|(number, length)| (id(number), head(length)))
            .collect();
        heads.sort_unstable();
        let entries = numbers("entries").into_iter();
        let entries = entries
            .map(|(number, length)| Entry { key: [number as u8; 32], head: head(length) })
            .collect();
        let message = Message::Changed { heads, entries };
        let (kind, body) = encode(&message, width);
        assert_eq!(hex(&body), row["bytes"].as_str().unwrap(), "{row}");
        assert_eq!(decode(kind, &body, width), Ok(Some(message)));
    }
}
