use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::reconcile::testing::{discovery_key, golden, handshake_hash, hex, key_item};

fn root(items: &[Item]) -> Root {
    let mut root = Root::empty();
    items.iter().for_each(|item| root.insert(*item));
    root
}

fn mac(root: &Root) -> RootMac {
    root.clone().mac(&handshake_hash(), Role::Initiator, SetKind::Keys)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_does_not_matter(
        numbers in prop::collection::btree_set(0u64..100, 1..20),
        folds: u32,
    ) {
        let items: Vec<Item> = numbers.iter().map(|number| key_item(*number)).collect();
        let mut other = Root::empty();
        for (at, item) in items.iter().rev().enumerate() {
            other.insert(*item);
            // A removed item leaves no trace, whether or not it was folded in between.
            other.insert(key_item(1_000));
            if folds >> at & 1 == 1 {
                other.fold();
            }
            other.remove(key_item(1_000));
        }
        prop_assert_eq!(mac(&other), mac(&root(&items)));
        other.remove(items[0]);
        prop_assert_eq!(mac(&other), mac(&root(&items[1..])));
        prop_assert_ne!(mac(&other), mac(&root(&items)));
    }
}

#[test]
fn roots_match_the_golden_file() {
    let items = [key_item(0), key_item(1), Item::Head(discovery_key(0), 7, 0)];
    for row in golden("roots") {
        let number = |name| row[name].as_u64().unwrap() as usize;
        let role = [Role::Initiator, Role::Responder][number("role")];
        let set = [SetKind::Keys, SetKind::Heads][number("set")];
        let mac = root(&items[..number("items")]).mac(&handshake_hash(), role, set);
        assert_eq!(hex(&mac), row["mac"].as_str().unwrap(), "{row}");
    }
}

#[test]
fn a_root_is_bound_to_connection_role_and_set() {
    let mut root = root(&[key_item(0)]);
    let mut macs = Vec::new();
    for hash in [handshake_hash(), [0; 64]] {
        for role in [Role::Initiator, Role::Responder] {
            macs.extend([SetKind::Keys, SetKind::Heads].map(|set| root.mac(&hash, role, set)));
        }
    }
    macs.sort_unstable();
    macs.dedup();
    assert_eq!(macs.len(), 8);
}

#[test]
fn repeated_appends_to_a_feed_are_two_changes() {
    let head = |length| Item::Head(discovery_key(0), length, 0);
    let mut grown = root(&[head(1)]);
    grown.fold();
    for length in 1..1_000 {
        grown.remove(head(length));
        grown.insert(head(length + 1));
    }
    grown.cancel_pending();
    assert_eq!(grown.pending.len(), 2);
    assert_eq!(mac(&grown), mac(&root(&[head(1_000)])));
}

#[test]
fn pending_changes_are_bounded() {
    let mut root = Root::empty();
    for number in 0..2_000 {
        root.insert(key_item(number));
        assert!(root.pending.len() < PENDING_MAX);
    }
}

#[test]
fn a_clone_is_independent_and_free_until_changed() {
    let mut first = root(&[key_item(0)]);
    first.fold();
    let pinned = first.clone();
    assert!(Arc::ptr_eq(&first.sums, &pinned.sums));
    first.insert(key_item(1));
    assert_ne!(mac(&first), mac(&pinned));
    assert_eq!(mac(&pinned), mac(&root(&[key_item(0)])));
}

#[test]
fn keys_that_cancel_under_xor_change_the_root() {
    // Any 257 vectors of 256 bits have a subset whose XOR is zero. Here even the shortest such
    // subset, one item twice, changes the root.
    assert_ne!(mac(&root(&[key_item(0), key_item(0)])), mac(&Root::empty()));
}
