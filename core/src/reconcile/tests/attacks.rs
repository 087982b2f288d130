//! Attacks by a member that knows the group's salt and chooses the keys of its feeds.

use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use crate::fuzzing::sides::{Cost, SessionEnd, Side, reconcile};
use crate::reconcile::mapping::Indices;
use crate::reconcile::root::Root;
use crate::reconcile::testing::{group_salt, handshake_hash};
use crate::reconcile::token::{Item, Salt};
use crate::rng::Rng;
use crate::wire::reconcile::SetKind;

type Key = [u8; 32];

/// Runs a session under `salt` between two sides with 300 common feeds.
fn session(salt: Salt, only: [&[Key]; 2]) -> Cost {
    let mut sides = only.map(|keys| {
        let mut side = Side::with_salt(salt, 300 + keys.len());
        let mut rng = Rng::new([1; 32]);
        (0..300).for_each(|_| side.insert(rng.array(), 1));
        keys.iter().for_each(|key| side.insert(*key, 1));
        side
    });
    let [one, two] = &mut sides;
    reconcile(&handshake_hash(), one, two)
}

/// The salt of the second attempt, which no peer can predict.
fn fresh() -> Salt {
    Salt::fresh(&handshake_hash(), 1)
}

fn assert_all_is_learned(cost: &Cost, only: [&[Key]; 2]) {
    assert_eq!(cost.ending, Some(SessionEnd::Agreed));
    for (learned, other) in cost.learned.iter().zip([only[1], only[0]]) {
        let (mut learned, mut other) = (learned.clone(), other.to_vec());
        learned.sort_unstable();
        other.sort_unstable();
        assert_eq!(learned, other);
    }
}

fn mac(items: &[Key]) -> [u8; 8] {
    let mut root = Root::empty();
    items.iter().for_each(|key| root.insert(Item::Key(*key)));
    root.mac(&handshake_hash(), crate::id::Role::Initiator, SetKind::Keys)
}

#[test]
fn keys_with_equal_sums_are_distinguished() {
    let mut rng = Rng::new([2; 32]);
    let (a, b): (Key, Key) = (rng.array(), rng.array());
    let (mut more, mut less) = (a, b);
    // As numbers: a + 2^160 and b - 2^160.
    (more[20], less[20]) = (a[20].wrapping_add(1), b[20].wrapping_sub(1));
    assert!(a[20] < 255 && b[20] > 0, "there is no carry");
    assert_ne!(mac(&[a, b]), mac(&[more, less]));
    let only: [&[Key]; 2] = [&[more, less], &[a, b]];
    assert_all_is_learned(&session(group_salt(), only), only);
}

/// Vectors whose XOR is `target`.
fn subset<const WORDS: usize>(
    vectors: &[[u64; WORDS]],
    mut target: [u64; WORDS],
) -> Option<Vec<usize>> {
    let leading = |vector: &[u64; WORDS]| {
        let word = vector.iter().position(|word| *word != 0)?;
        Some(64 * word + vector[word].leading_zeros() as usize)
    };
    let add = |to: &mut [u64; WORDS], from: &[u64; WORDS]| {
        to.iter_mut().zip(from).for_each(|(a, b)| *a ^= b);
    };
    // By leading bit: an XOR of vectors, and their indices.
    let mut basis: BTreeMap<usize, ([u64; WORDS], Vec<bool>)> = BTreeMap::new();
    for (at, vector) in vectors.iter().enumerate() {
        let (mut rest, mut which) = (*vector, vec![false; vectors.len()]);
        which[at] = true;
        while let Some(bit) = leading(&rest) {
            let Some((other, others)) = basis.get(&bit) else {
                basis.insert(bit, (rest, which));
                break;
            };
            add(&mut rest, other);
            which.iter_mut().zip(others).for_each(|(a, b)| *a ^= b);
        }
    }
    let mut which = vec![false; vectors.len()];
    while let Some(bit) = leading(&target) {
        let (other, others) = basis.get(&bit)?;
        add(&mut target, other);
        which.iter_mut().zip(others).for_each(|(a, b)| *a ^= b);
    }
    Some((0..vectors.len()).filter(|at| which[*at]).collect())
}

#[test]
fn keys_that_hide_a_key_under_xor_do_not_hide_it_here() {
    let mut rng = Rng::new([3; 32]);
    let honest: Key = rng.array();
    let keys: Vec<Key> = (0..300).map(|_| rng.array()).collect();
    let words = |key: &Key| {
        let hash = crate::crypto::hash::blake2b(&[key]);
        core::array::from_fn(|at| u64::from_be_bytes(hash[8 * at..][..8].try_into().unwrap()))
    };
    let vectors: Vec<[u64; 4]> = keys.iter().map(words).collect();
    let planted = subset(&vectors, words(&honest)).expect("300 vectors span 256 bits");
    let planted: Vec<Key> = planted.into_iter().map(|at| keys[at]).collect();
    let sum = planted.iter().map(words).fold(words(&honest), |mut sum, one: [u64; 4]| {
        sum.iter_mut().zip(one).for_each(|(a, b)| *a ^= b);
        sum
    });
    assert_eq!(sum, [0; 4], "XORs of the hashes would be equal");
    assert_ne!(mac(&planted), mac(&[honest]));
}

#[test]
fn tokens_with_a_zero_sum_are_found() {
    let salt = group_salt();
    let mut rng = Rng::new([4; 32]);
    let keys: Vec<Key> = (0..60).map(|_| rng.array()).collect();
    let bits = |key: &Key| salt.token(&Item::Key(*key)).bits();
    let vectors: Vec<[u64; 1]> = keys[1..].iter().map(|key| [bits(key)]).collect();
    let others = subset(&vectors, [bits(&keys[0])]).expect("59 vectors span 48 bits");
    let mut planted: Vec<Key> = others.into_iter().map(|at| keys[at + 1]).collect();
    planted.push(keys[0]);
    assert_eq!(planted.iter().fold(0, |sum, key| sum ^ bits(key)), 0, "cell 0 is empty");
    assert_all_is_learned(&session(salt, [&planted, &[]]), [&planted, &[]]);
}

/// Two keys with the same id.
fn colliding(salt: Salt, rng: &mut Rng) -> [Key; 2] {
    let mut by_id = BTreeMap::new();
    loop {
        let key: Key = rng.array();
        if let Some(other) = by_id.insert(salt.token(&Item::Key(key)).id(), key) {
            return [other, key];
        }
    }
}

#[test]
fn colliding_keys_are_detected_and_separated_by_a_fresh_salt() {
    // With 36 bits the search takes 2^18 keys instead of 2^12.
    let salt = group_salt().narrow(24);
    let mut rng = Rng::new([5; 32]);
    let [a, b] = colliding(salt, &mut rng);
    let more: Vec<Key> = (0..8).map(|_| rng.array()).collect();
    for (ours, theirs) in [(0, 0), (4, 0), (0, 4), (4, 4)] {
        let ours: Vec<Key> = [&[a], &more[..ours]].concat();
        let theirs: Vec<Key> = [&[b], &more[4..4 + theirs]].concat();
        let only: [&[Key]; 2] = [&ours, &theirs];
        let cost = session(salt, only);
        assert_eq!(
            cost.ending,
            Some(SessionEnd::Retry),
            "only the roots tell that the two are there"
        );
        assert!(cost.bytes < 1_500, "{}", cost.bytes);
        assert_all_is_learned(&session(fresh(), only), only);
    }
    // If one side has both, they cancel out.
    let both: [&[Key]; 2] = [&[a, b], &[]];
    assert_eq!(session(salt, both).ending, Some(SessionEnd::Retry));
    assert_all_is_learned(&session(fresh(), both), both);
}

#[test]
fn a_key_with_the_id_of_a_common_feed_is_found_in_one_attempt() {
    let salt = group_salt().narrow(16);
    let mut common = Rng::new([1; 32]);
    let ids: Vec<u64> = (0..300).map(|_| salt.token(&Item::Key(common.array())).id()).collect();
    let mut rng = Rng::new([6; 32]);
    let key = loop {
        let key: Key = rng.array();
        if ids.contains(&salt.token(&Item::Key(key)).id()) {
            break key;
        }
    };
    for only in [[&[key][..], &[]], [&[], &[key][..]]] {
        assert_all_is_learned(&session(salt, only), only);
    }
}

/// Two keys with the same cells below `end`.
fn inseparable(salt: Salt, end: u32, rng: &mut Rng) -> [Key; 2] {
    let mut by_cells = BTreeMap::new();
    loop {
        let key: Key = rng.array();
        let mut indices = Indices::of(salt.token(&Item::Key(key)));
        let cells: Vec<u32> = core::iter::from_fn(|| indices.next_below(end)).collect();
        if let Some(other) = by_cells.insert(cells, key) {
            return [other, key];
        }
    }
}

#[test]
fn keys_with_shared_cells_cost_no_more_than_the_budget() {
    let salt = group_salt();
    let planted = inseparable(salt, 400, &mut Rng::new([7; 32]));
    for only in [[&planted[..], &[]], [&[], &planted[..]]] {
        let cost = session(salt, only);
        assert_eq!(cost.ending, Some(SessionEnd::Retry));
        assert!(cost.bytes < 2_600, "{} bytes", cost.bytes);
        assert!(cost.flights < 30, "{} flights", cost.flights);
        assert_all_is_learned(&session(fresh(), only), only);
    }
    // If one of the two is common, the other is alone in its cells.
    let [a, b] = planted;
    assert_all_is_learned(&session(salt, [&[a, b], &[a]]), [&[b], &[]]);
}
