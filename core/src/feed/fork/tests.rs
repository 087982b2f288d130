use alloc::vec;

use super::*;
use crate::crypto::sign::{KeyPair, Signature};
use crate::feed::manifest;
use crate::id::{FeedId, FeedKey};

const NAMESPACE: [u8; 32] = [3; 32];
const ID: FeedId = FeedId::first(0);

/// A feed with `same` blocks common to all histories, and different ones up to `length`.
fn history(seed: u8, same: u64, length: u64, name: &str) -> Feed {
    let key_pair = KeyPair::from_seed(&[seed; 32]);
    let public_key = key_pair.public_key();
    let mut feed = Feed::empty(manifest::feed_key(&NAMESPACE, &public_key), public_key);
    feed.set_writer("w", key_pair);
    let block = |index| alloc::format!("{} {index}", if index < same { "same" } else { name });
    let blocks: Vec<_> = (0..length).map(block).collect();
    let blocks: Vec<&[u8]> = blocks.iter().map(|block| block.as_bytes()).collect();
    feed.append(ID, &blocks, None).unwrap();
    feed.on_committed(length);
    feed
}

/// The folded leaves of such a history: nodes that cover its blocks in a range.
fn cover(same: u64, length: u64, name: &str, [start, end]: [u64; 2]) -> Vec<Node> {
    let mut made = Vec::new();
    let mut fold = Fold::default();
    for index in 0..length {
        let block = alloc::format!("{} {index}", if index < same { "same" } else { name });
        let leaf = Node::leaf(index, block.as_bytes());
        made.push(leaf);
        fold.push(leaf, |node| made.push(*node)).unwrap();
    }
    let find = |index| *made.iter().find(|node| node.index == index).unwrap();
    tree::cover(start, end).map(find).collect()
}

fn proof_of([same, shorter, longer]: [u64; 3]) -> (Feed, ForkProof) {
    let (a, b) = (history(1, same, shorter, "a"), history(1, same, longer, "b"));
    let before = cover(same, longer, "b", [0, shorter]);
    let after = cover(same, longer, "b", [shorter, longer]);
    let forked = prove(a.signed_head().unwrap(), &b.durable().unwrap().head, &before, &after);
    (a, forked)
}

#[test]
fn two_histories_of_any_lengths_are_proved() {
    for shorter in 1..20 {
        for longer in shorter..34 {
            for same in [0, shorter / 2, shorter - 1] {
                let (feed, forked) = proof_of([same, shorter, longer]);
                assert_eq!(feed.check_fork(&forked, None), Ok(()), "{same} {shorter} {longer}");
                assert_eq!(ForkProof::decode(&forked.encode()).as_ref(), Ok(&forked));
            }
        }
    }
}

#[test]
fn a_single_history_yields_no_fork_proof() {
    for [shorter, longer] in [[1, 1], [1, 2], [5, 7], [7, 7], [8, 21]] {
        let (feed, forked) = proof_of([longer, shorter, longer]);
        assert_eq!(feed.check_fork(&forked, None), Err(Violation::BadProof));
        // All nodes are included, even those that both have.
        let before = cover(longer, longer, "", [0, shorter]);
        let after = cover(longer, longer, "", [shorter, longer]);
        let nodes: Vec<_> =
            before.iter().chain(&after).map(|node| (node.size, node.hash)).collect();
        let head = ForkBranch { nodes: nodes.len() as u8, ..forked.head };
        let whole = ForkProof { head, nodes, ..forked.clone() };
        assert_eq!(feed.check_fork(&whole, None), Err(Violation::BadProof));
        // A parent has the sum of the sizes of its children, not each size.
        if before.len() > 1 || shorter < longer {
            let mut shifted = whole.clone();
            shifted.nodes[0].0 += 1;
            if let Some(next) = shifted.nodes.get_mut(1) {
                next.0 -= 1;
            }
            assert!(feed.check_fork(&shifted, None).is_err(), "{shorter} {longer}");
        }
    }
}

#[test]
fn a_proof_with_one_wrong_part_is_rejected() {
    let (feed, right) = proof_of([3, 6, 11]);
    let mut wrong = vec![];
    let mut add = |change: &dyn Fn(&mut ForkProof)| {
        let mut forked = right.clone();
        change(&mut forked);
        assert_ne!(forked, right);
        wrong.push(forked);
    };
    for byte in [0, 63] {
        add(&|forked| forked.head.signature.0[byte] ^= 1);
        add(&|forked| forked.signed_head.header.signature.0[byte] ^= 1);
    }
    add(&|forked| forked.head.signature = Signature([0; 64]));
    add(&|forked| forked.head.signature = forked.signed_head.header.signature);
    add(&|forked| forked.signed_head.header.signature = forked.head.signature);
    for length in [0, 5, 7, 11, 12, 1 << 40, (1 << 40) + 1, u64::MAX] {
        add(&|forked| forked.signed_head.header.length = length);
    }
    for length in [0, 5, 6, 10, 12, 1 << 40, (1 << 40) + 1, u64::MAX] {
        add(&|forked| forked.head.length = length);
    }
    for place in 0..right.nodes.len() {
        add(&|forked| forked.nodes[place].1[7] ^= 1);
        add(&|forked| forked.nodes[place].0 += 1);
        add(&|forked| forked.nodes[place].0 = u64::MAX);
        add(&|forked| _ = forked.nodes.remove(place));
    }
    for place in 0..right.signed_head.roots.len() {
        add(&|forked| forked.signed_head.roots[place].1[7] ^= 1);
        add(&|forked| forked.signed_head.roots[place].0 += 1);
        add(&|forked| _ = forked.signed_head.roots.remove(place));
    }
    add(&|forked| forked.nodes.push((1, [1; 32])));
    add(&|forked| forked.signed_head.roots.push((1, [1; 32])));
    add(&|forked| forked.nodes = vec![(1, [1; 32]); 255]);
    for forked in &wrong {
        assert!(feed.check_fork(forked, None).is_err(), "{forked:?}");
    }
    // The proof is valid only for its own feed.
    assert!(history(2, 3, 6, "a").check_fork(&right, None).is_err());
    let other = Feed { key: FeedKey([7; 32]), ..history(1, 3, 6, "a") };
    assert!(other.check_fork(&right, None).is_err());
}

#[test]
fn proof_sizes_match_the_documented_ones() {
    let size = |lengths: [u64; 3]| proof_of(lengths).1.encode().len();
    let sizes = [[0, 1, 1], [99, 100, 101], [0, 1_000, 1_001], [0, 1_023, 1_024]].map(size);
    assert_eq!(sizes, [230, 331, 605, 869]);
    // This pair of lengths needs the most nodes of all up to that length.
    let nodes = |shorter: u64, longer| {
        2 * tree::cover(0, shorter).count() + tree::cover(shorter, longer).count()
    };
    let pairs = (1..=1_024).flat_map(|longer| (1..=longer).map(move |shorter| (shorter, longer)));
    assert_eq!(
        pairs.map(|(shorter, longer)| nodes(shorter, longer)).max(),
        Some(nodes(511, 1_023))
    );
    assert_eq!(size([0, 511, 1_023]), 1_102);
}

#[test]
fn proofs_stay_within_their_size_bound() {
    let (count, node) = (|start, end| tree::cover(start, end).count(), (u64::MAX >> 11, [9; 32]));
    // All bits of both lengths are set, and no block is common.
    let (shorter, longer) = ((1 << 39) - 1, (1 << 40) - 1);
    let (_, mut forked) = proof_of([0, 1, 1]);
    forked.signed_head.roots = vec![node; count(0, shorter)];
    forked.nodes = vec![node; count(0, shorter) + count(shorter, longer)];
    assert!(forked.nodes.len() < 256);
    assert!(forked.encode().len() <= 5 * 1024, "{}", forked.encode().len());
}
