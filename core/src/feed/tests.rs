use alloc::collections::BTreeMap;
use alloc::vec;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::crypto::hash::Hash;
use crate::io::StoreKey;

impl Feed {
    /// Verifies and stages any bytes from a peer.
    pub(super) fn accept(
        &mut self,
        feed: FeedId,
        range: &Range<&[u8]>,
        memo: Option<&SignatureMemo>,
    ) -> Result<Option<Staging>, Violation> {
        Ok(self.verify(feed, range, memo)?.map(|verified| self.stage_verified(feed, verified)))
    }
}

pub(super) const ID: FeedId = FeedId::first(3);
const NAMESPACE: [u8; 32] = [4; 32];

fn key_pair() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn empty() -> Feed {
    let public_key = key_pair().public_key();
    Feed::empty(manifest::feed_key(&NAMESPACE, &public_key), public_key)
}

pub(super) fn written(blocks: &[Vec<u8>]) -> (Feed, BTreeMap<StoreKey, Bytes>) {
    let mut feed = empty();
    feed.set_writer("local", key_pair());
    let mut map = BTreeMap::new();
    for block in blocks {
        let staging = feed.append(ID, &[block], None).unwrap();
        feed.on_committed(staging.end);
        store(&mut map, staging.writes);
    }
    (feed, map)
}

pub(super) fn store(map: &mut BTreeMap<StoreKey, Bytes>, writes: Vec<Write>) {
    for write in writes {
        let Write::Put(key, value) = write else { panic!("nothing is deleted") };
        map.insert(key, value);
    }
}

/// Reads and proves a run of blocks as a server would.
pub(super) fn read(
    feed: &Feed,
    map: &BTreeMap<StoreKey, Bytes>,
    blocks: core::ops::Range<u64>,
) -> Result<Range<Bytes>, StoreFailure> {
    let (mut read, scan) = read::RangeRead::begin(ID, feed, blocks, 1_000, 1 << 20).unwrap();
    let entries = map.range(scan.from..scan.until).map(|(key, value)| (*key, value.clone()));
    let keys = read.take_blocks(entries.collect())?;
    read.take_nodes(keys.iter().map(|key| map.get(key).cloned()).collect())
}

pub(super) fn borrowed(range: &Range<Bytes>) -> Range<&[u8]> {
    let blocks = range.blocks.iter().map(|block| &block[..]).collect();
    Range { start: range.start, blocks, right: range.right.clone(), head: range.head }
}

pub(super) fn blocks(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| vec![index as u8; index % 50]).collect()
}

pub(super) fn bytes32(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let hex = value.as_str().unwrap().as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn node(value: &Value) -> Node {
    Node {
        index: value["index"].as_u64().unwrap(),
        size: value["byte_length"].as_u64().unwrap(),
        hash: bytes32(&value["hash"]),
    }
}

/// `tests/golden/README.md` says where the vectors come from.
fn golden_feeds() -> Vec<Value> {
    let text = include_str!("../../../tests/golden/hypercore.json");
    let value: Value = serde_json::from_str(text).unwrap();
    let feeds = value["feeds"].as_array().unwrap().iter();
    feeds.filter(|feed| feed["compat"] == false).cloned().collect()
}

#[test]
fn keys_trees_and_signatures_match_hypercore() {
    let feeds = golden_feeds();
    assert_eq!(feeds.len(), 2);
    for golden in feeds {
        let key_pair = KeyPair::from_seed(&bytes32(&golden["seed"]));
        let namespace = bytes32(&golden["namespace"]);
        let public_key = key_pair.public_key();
        assert_eq!(public_key.0, bytes32(&golden["public_key"]));
        assert_eq!(manifest::manifest(&namespace, &public_key)[..], bytes(&golden["manifest"]));
        let key = manifest::feed_key(&namespace, &public_key);
        assert_eq!(key.0, bytes32(&golden["key"]));
        let mut feed = Feed::empty(key, public_key);
        feed.set_writer("golden", key_pair);
        let mut heads = golden["heads"].as_array().unwrap().iter().peekable();
        for block in golden["blocks"].as_array().unwrap() {
            let staging = feed.append(ID, &[&bytes(block)], None).unwrap();
            feed.on_committed(staging.end);
            let tip = feed.durable().unwrap();
            let Some(head) = heads.next_if(|head| head["length"] == tip.length) else { continue };
            assert_eq!(feed.byte_length(), head["byte_length"].as_u64().unwrap());
            let roots: Vec<_> = head["roots"].as_array().unwrap().iter().map(node).collect();
            assert_eq!(*tip.roots, *roots);
            let tree_hash: Hash = tree::tree_hash(&tip.roots);
            assert_eq!(tree_hash, bytes32(&head["tree_hash"]));
            let signable = manifest::signable(&key, &tree_hash, tip.length, 0);
            assert_eq!(signable[..], bytes(&head["signable"]));
            assert_eq!(tip.head.signature.0[..], bytes(&head["signature"]));
            let wire = manifest::wire_signature(&tip.head.signature);
            assert_eq!(wire[..], bytes(&head["wire_signature"]));
        }
        assert!(heads.next().is_none(), "each golden head was reached");
    }
}

#[test]
fn every_run_is_verified_by_a_reader_of_the_blocks_before_it() {
    let all = blocks(21);
    let (feed, map) = written(&all);
    for start in 0..21 {
        for end in start + 1..=21 {
            let range = read(&feed, &map, start..end).unwrap();
            let mut reader = empty();
            if start > 0 {
                let before = read(&feed, &map, 0..start).unwrap();
                let staging = reader.accept(ID, &borrowed(&before), None).unwrap().unwrap();
                assert_eq!(reader.on_committed(staging.end), 0..start);
            }
            let staging = reader.accept(ID, &borrowed(&range), None).unwrap().unwrap();
            assert_eq!((staging.start, staging.end), (start, end));
            assert_eq!(reader.on_committed(end), start..end);
        }
    }
}

#[test]
fn a_partial_reader_can_prove_every_held_run() {
    let all = blocks(40);
    let (feed, map) = written(&all);
    for held in 1..40 {
        let mut part = empty();
        let mut part_map = BTreeMap::new();
        let range = read(&feed, &map, 0..held).unwrap();
        let staging = part.accept(ID, &borrowed(&range), None).unwrap().unwrap();
        part.on_committed(staging.end);
        store(&mut part_map, staging.writes);
        for start in 0..held {
            let range = read(&part, &part_map, start..held).unwrap();
            assert_eq!(range.head.length, 40);
            let mut reader = empty();
            if start > 0 {
                let before = read(&feed, &map, 0..start).unwrap();
                reader.accept(ID, &borrowed(&before), None).unwrap().unwrap();
            }
            reader.accept(ID, &borrowed(&range), None).unwrap().unwrap();
            assert_eq!(reader.staged_length(), held);
        }
    }
}

#[test]
fn an_overlapping_range_is_accepted_from_its_first_new_block() {
    let all = blocks(20);
    let (feed, map) = written(&all);
    let mut reader = empty();
    let first = read(&feed, &map, 0..7).unwrap();
    reader.accept(ID, &borrowed(&first), None).unwrap().unwrap();
    assert!(reader.accept(ID, &borrowed(&first), None).unwrap().is_none(), "nothing new");
    let gap = read(&feed, &map, 9..12).unwrap();
    assert!(reader.accept(ID, &borrowed(&gap), None).unwrap().is_none(), "a gap before it");
    let over = read(&feed, &map, 3..12).unwrap();
    let staging = reader.accept(ID, &borrowed(&over), None).unwrap().unwrap();
    assert_eq!((staging.start, staging.end), (7, 12));
}

#[test]
fn any_change_of_a_range_is_rejected() {
    let (feed, map) = written(&blocks(20));
    let good = read(&feed, &map, 3..11).unwrap();
    let before = read(&feed, &map, 0..3).unwrap();
    let refuse = |name: &str, change: &dyn Fn(&mut Range<Bytes>)| {
        let mut reader = empty();
        reader.accept(ID, &borrowed(&before), None).unwrap().unwrap();
        let mut range = good.clone();
        change(&mut range);
        let result = reader.accept(ID, &borrowed(&range), None);
        assert!(matches!(result, Err(Violation::BadProof | Violation::BadSignature)), "{name}");
        assert_eq!(reader.staged_length(), 3, "{name}");
    };
    refuse("a block", &|range| range.blocks[4] = Bytes::from_static(b"forged"));
    refuse("two blocks swapped", &|range| range.blocks.swap(5, 6));
    refuse("a block left out", &|range| _ = range.blocks.remove(2));
    refuse("a node's hash", &|range| range.right[0].hash[0] ^= 1);
    refuse("a node's size", &|range| range.right[0].size += 1);
    refuse("a node's size, huge", &|range| range.right[0].size = u64::MAX);
    refuse("a node left out", &|range| _ = range.right.pop());
    refuse("a node too many", &|range| range.right.push(range.right[0]));
    refuse("the head's length", &|range| range.head.length += 1);
    refuse("the head's fork", &|range| range.head.fork = 1);
    refuse("the signature", &|range| range.head.signature.0[63] ^= 1);
}

#[test]
fn a_signature_is_kept_until_all_of_its_blocks_are_held() {
    let (feed, map) = written(&blocks(20));
    let mut reader = empty();
    let mut accept = |blocks| {
        let range = read(&feed, &map, blocks).unwrap();
        let staging = reader.accept(ID, &borrowed(&range), None).unwrap().unwrap();
        reader.on_committed(staging.end);
        reader.activity.as_ref().map(|activity| activity.proven.unwrap().0)
    };
    let head = accept(0..5);
    assert_eq!(head.map(|head| head.length), Some(20));
    assert_eq!(accept(5..12), head);
    assert_eq!(accept(12..20), None, "an idle feed keeps no signature");
}

#[test]
fn a_feed_of_another_group_has_another_key_and_is_rejected() {
    let (feed, map) = written(&blocks(5));
    let range = read(&feed, &map, 0..5).unwrap();
    let public_key = key_pair().public_key();
    let mut other = Feed::empty(manifest::feed_key(&[5; 32], &public_key), public_key);
    assert_ne!(other.key, feed.key);
    assert!(matches!(other.accept(ID, &borrowed(&range), None), Err(Violation::BadSignature)));
}

#[test]
fn a_commit_counts_once_it_and_all_earlier_ones_are_durable() {
    let mut feed = empty();
    feed.set_writer("local", key_pair());
    let first = feed.append(ID, &[b"a", b"b"], None).unwrap();
    let second = feed.append(ID, &[b"c"], None).unwrap();
    assert_eq!((feed.length(), feed.staged_length()), (0, 3));
    assert_eq!(feed.on_committed(second.end), 0..0);
    assert_eq!(feed.on_committed(first.end), 0..3);
    assert_eq!(feed.length(), 3);
}

#[test]
fn a_failed_feed_accepts_no_more_blocks() {
    let (feed, map) = written(&blocks(5));
    let mut reader = empty();
    let range = read(&feed, &map, 0..2).unwrap();
    reader.accept(ID, &borrowed(&range), None).unwrap().unwrap();
    reader.fail(StoreFailure::Full);
    assert_eq!(reader.on_committed(2), 0..0);
    assert!(reader.accept(ID, &borrowed(&range), None).unwrap().is_none());
    assert!(!reader.is_candidate(), "its slot may be on the disk");
}

#[test]
fn reading_detects_any_flipped_bit_of_the_store() {
    let (feed, map) = written(&blocks(12));
    for key in map.keys().filter(|key| key.0[0] > 1) {
        let value = &map[key];
        for bit in [0, 77, 250].into_iter().filter(|bit| bit / 8 < value.len()) {
            let mut map = map.clone();
            let mut value = value.to_vec();
            value[bit / 8] ^= 1 << (bit % 8);
            map.insert(*key, value.into());
            for start in 0..12 {
                // A read fails exactly if it touches the damage.
                if let Ok(range) = read(&feed, &map, start..12) {
                    assert!(
                        range
                            .blocks
                            .iter()
                            .zip(start..)
                            .all(|(block, index)| { block[..] == blocks(12)[index as usize] })
                    );
                }
            }
        }
    }
}

#[test]
fn a_missing_block_or_node_is_damage() {
    let (feed, map) = written(&blocks(12));
    for key in map.keys().filter(|key| key.0[0] > 1) {
        let mut map = map.clone();
        map.remove(key);
        let failed = (0..12).any(|start| read(&feed, &map, start..start + 1).is_err());
        // Roots are in memory and prove the rest, so they are never read.
        let roots = &feed.durable().unwrap().roots;
        let is_root = roots.iter().any(|root| record::node_key(ID.slot, root.index) == *key);
        assert_eq!(failed, !is_root, "{key:?}");
    }
}

proptest! {
    #[test]
    fn batch_sizes_do_not_change_the_feed(
        sizes in proptest::collection::vec(1usize..9, 1..12),
    ) {
        let all = blocks(sizes.iter().sum());
        let (one_by_one, _) = written(&all);
        let mut feed = empty();
        feed.set_writer("local", key_pair());
        let mut rest = &all[..];
        for size in sizes {
            let (batch, after) = rest.split_at(size);
            let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
            let staging = feed.append(ID, &batch, None).unwrap();
            feed.on_committed(staging.end);
            rest = after;
        }
        prop_assert_eq!(feed.durable(), one_by_one.durable(), "{} blocks", all.len());
    }
}
