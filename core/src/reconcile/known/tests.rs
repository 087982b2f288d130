use std::vec::Vec;

use bytes::Bytes;

use super::*;
use crate::crypto::sign::PublicKey;
use crate::feed::record::{KnownEntry, decode_known};
use crate::feed::runs::Runs;
use crate::feed::{Tip, tree};
use crate::io::StoreKey;
use crate::reconcile::testing::{discovery_key, golden, handshake_hash, hex, key_item};
use crate::reconcile::token::Item;

const CHANGES_MAX: usize = 8;

/// The stored entries of the log and the checkpoints.
type Map = BTreeMap<StoreKey, Bytes>;

fn write(map: &mut Map, write: Option<Write>) {
    match write {
        Some(Write::Put(key, value)) => _ = map.insert(key, value),
        Some(Write::Delete(key)) => _ = map.remove(&key),
        None => (),
    }
}

fn reopened(map: &Map) -> Known {
    let mut known = Known::default();
    for (key, value) in map {
        match decode_known(key, value) {
            Ok(KnownEntry::Checkpoint(peer, mark)) => {
                known.load_checkpoint(record::slot_of(key), peer, mark)
            }
            Ok(KnownEntry::Change(change)) => known.load_change(change),
            Err(_) => (),
        }
    }
    known.opened();
    known
}

/// Feeds with these lengths.
fn feeds(lengths: &[u64]) -> Feeds {
    let mut feeds = Feeds::default();
    for (slot, length) in (0..).zip(lengths) {
        let key = crate::id::FeedKey([slot as u8; 32]);
        let roots =
            tree::cover(0, *length).map(|index| tree::Node { index, size: 1, hash: [0; 32] });
        let head = crate::feed::Head {
            length: *length,
            fork: 0,
            signature: crate::crypto::sign::Signature([0; 64]),
        };
        let tip = Tip { length: *length, roots: roots.collect(), head };
        let (public_key, cleared) = (PublicKey([slot as u8; 32]), Runs::default());
        let origin = crate::feed::manifest::Origin::Group;
        let record = record::Record { public_key, name: None, tip, cleared, origin };
        feeds.load(slot, Some((key, record)));
    }
    feeds
}

fn root(feeds: &Feeds) -> Root {
    let mut root = Root::empty();
    feeds.iter().for_each(|(_, feed)| root.insert(Item::head(&feed.key, feed.length())));
    root
}

fn note(known: &mut Known, feeds: &Feeds, slot: u32, before: u64) -> Option<Write> {
    known.note((FeedId::first(slot), feeds.get(FeedId::first(slot)).unwrap()), before, CHANGES_MAX)
}

/// Stores a checkpoint of the current feeds with a peer that has the same.
fn checkpoint(known: &mut Known, peer: u8, feeds: &Feeds) -> Option<Write> {
    let (digest, stamp) = (root(feeds).digest(), known.stamp());
    known.set_checkpoint([peer; 16], [digest; 2], &stamp, 2)
}

fn changed(known: &Known, peer: u8, feeds: &Feeds) -> Option<Vec<(u32, u64)>> {
    let base = known.base(&[peer; 16], feeds, &root(feeds))?;
    Some(base.changed.into_iter().map(|(feed, before)| (feed.slot, before)).collect())
}

#[test]
fn logged_changes_outlive_a_restart() {
    let (mut known, mut map) = (Known::default(), Map::new());
    let then = feeds(&[3, 4, 5]);
    assert_eq!(note(&mut known, &then, 0, 2), None, "there is no checkpoint");
    write(&mut map, checkpoint(&mut known, 1, &then));
    let now = feeds(&[5, 4, 6, 1]);
    for (slot, before) in [(0, 3), (2, 5), (0, 4), (3, 0)] {
        write(&mut map, note(&mut known, &now, slot, before));
    }
    let expected = [(0, 3), (2, 5), (3, 0)];
    assert_eq!(changed(&known, 1, &now), Some(expected.to_vec()));
    assert_eq!(map.len(), 4, "a feed that grows twice is logged once");
    let mut known = reopened(&map);
    assert_eq!(changed(&known, 1, &now), Some(expected.to_vec()));
    // The log continues, and a later checkpoint starts at its current position.
    write(&mut map, checkpoint(&mut known, 2, &now));
    let later = feeds(&[5, 9, 6, 1]);
    write(&mut map, note(&mut known, &later, 1, 4));
    for known in [&known, &reopened(&map)] {
        assert_eq!(changed(known, 1, &later), Some([(0, 3), (1, 4), (2, 5), (3, 0)].to_vec()));
        assert_eq!(changed(known, 2, &later), Some([(1, 4)].to_vec()));
        assert_eq!(changed(known, 3, &later), None, "no checkpoint with this peer");
    }
}

#[test]
fn a_checkpoint_takes_64_bytes() {
    let (mut known, feeds) = (Known::default(), feeds(&[1]));
    let Some(Write::Put(_, value)) = checkpoint(&mut known, 1, &feeds) else { panic!() };
    assert_eq!(value.len(), 64);
    assert_eq!(checkpoint(&mut known, 1, &feeds), None, "an equal checkpoint is not written");
}

#[test]
fn a_short_log_or_one_with_a_gap_is_not_used() {
    let lengths = [2; CHANGES_MAX + 1];
    let (then, now) = (feeds(&[1; CHANGES_MAX + 1]), feeds(&lengths));
    let (mut known, mut map) = (Known::default(), Map::new());
    write(&mut map, checkpoint(&mut known, 1, &then));
    for slot in 0..CHANGES_MAX as u32 {
        write(&mut map, note(&mut known, &now, slot, 1));
    }
    let mut most = lengths;
    most[CHANGES_MAX] = 1;
    assert_eq!(changed(&known, 1, &feeds(&most)).map(|all| all.len()), Some(CHANGES_MAX));
    let gap = *map.keys().nth(4).unwrap();
    let mut gappy = map.clone();
    gappy.remove(&gap);
    assert_eq!(changed(&reopened(&gappy), 1, &feeds(&most)), None);
    // The last entry is lost, and another change takes its position.
    let last = *map.keys().next_back().unwrap();
    gappy = map.clone();
    gappy.remove(&last);
    assert_eq!(changed(&reopened(&gappy), 1, &feeds(&most)), None);
    write(&mut map, note(&mut known, &now, CHANGES_MAX as u32, 1));
    assert_eq!(map.len(), 1 + CHANGES_MAX);
    assert_eq!(changed(&known, 1, &now), None, "one more than is remembered");
    assert_eq!(changed(&reopened(&map), 1, &now), None);
    assert!(known.changes() <= CHANGES_MAX);
    // A new checkpoint starts an empty log.
    write(&mut map, checkpoint(&mut known, 1, &now));
    assert_eq!(changed(&reopened(&map), 1, &now), Some(Vec::new()));
}

#[test]
fn a_checkpoint_is_not_used_if_the_log_contradicts_the_sets() {
    let (mut known, then) = (Known::default(), feeds(&[3, 4]));
    checkpoint(&mut known, 1, &then);
    assert_eq!(changed(&known, 1, &then), Some(Vec::new()));
    assert_eq!(changed(&known, 1, &feeds(&[3, 5])), None, "the growth was not logged");
    assert_eq!(changed(&known, 1, &feeds(&[3])), None, "a feed is gone");
    note(&mut known, &feeds(&[3, 5]), 1, 4);
    assert_eq!(changed(&known, 1, &feeds(&[3, 5])), Some([(1, 4)].to_vec()));
    assert_eq!(changed(&known, 1, &then), Some(Vec::new()), "the feed did not grow");
}

#[test]
fn the_oldest_checkpoint_is_evicted() {
    let (mut known, mut map) = (Known::default(), Map::new());
    let all = feeds(&[1, 1]);
    for peer in 1..=3 {
        write(&mut map, checkpoint(&mut known, peer, &all));
        write(&mut map, note(&mut known, &all, 0, 1));
    }
    let is_known = |known: &Known| [1, 2, 3].map(|peer| changed(known, peer, &all).is_some());
    assert_eq!(is_known(&known), [false, true, true]);
    assert_eq!((known.peers(), is_known(&reopened(&map))), (2, [false, true, true]));
    let stamp = known.stamp();
    known.forget_all().for_each(|delete| write(&mut map, Some(delete)));
    assert_eq!(is_known(&known), [false; 3]);
    assert_eq!(is_known(&reopened(&map)), [false; 3]);
    assert!(!known.is_current(&stamp), "the earlier position is outdated");
}

#[test]
fn digests_and_tags_match_the_golden_file() {
    let items = [key_item(0), key_item(1), Item::Head(discovery_key(0), 7, 0)];
    let digest = |count: usize| {
        let mut root = Root::empty();
        items[..count].iter().for_each(|item| root.insert(*item));
        root.digest()
    };
    for row in golden("digests") {
        let count = row["items"].as_u64().unwrap() as usize;
        assert_eq!(hex(&digest(count)), row["digest"].as_str().unwrap(), "{row}");
    }
    for row in golden("tags") {
        let count = |side: usize| row["items"][side].as_u64().unwrap() as usize;
        let (ours, theirs) = (digest(count(0)), digest(count(1)));
        let mark = Checkpoint { ours, theirs, position: 0 };
        let role = [Role::Initiator, Role::Responder][row["role"].as_u64().unwrap() as usize];
        let tag = mark.tag(&handshake_hash(), Role::Initiator, role);
        assert_eq!(hex(&tag), row["tag"].as_str().unwrap(), "{row}");
    }
}

#[test]
fn only_the_two_sides_of_a_checkpoint_compute_the_same_tag() {
    let ours = Checkpoint { ours: [1; 16], theirs: [2; 16], position: 7 };
    let theirs = Checkpoint { ours: [2; 16], theirs: [1; 16], position: 9 };
    let (us, them, hash) = (Role::Initiator, Role::Responder, [5; 64]);
    for role in [us, them] {
        assert_eq!(ours.tag(&hash, us, role), theirs.tag(&hash, them, role));
        assert_ne!(ours.tag(&hash, us, role), ours.tag(&hash, them, role), "swapped roles");
        assert_ne!(ours.tag(&hash, us, role), ours.tag(&[6; 64], us, role));
    }
    assert_ne!(ours.tag(&hash, us, us), ours.tag(&hash, us, them), "the tag cannot be reflected");
}

#[test]
fn impossible_log_positions_are_damage() {
    let key = record::known_key(0);
    for (position, is_right) in [(7, true), (1 << 53, false), (u64::MAX, false)] {
        let mark = Checkpoint { ours: [1; 16], theirs: [2; 16], position };
        let change = Change { position, feed: FeedId::first(3), before: 9 };
        let value = record::encode_checkpoint(&[4; 16], &mark);
        let found = decode_known(&key, &value).ok();
        assert_eq!(found, is_right.then_some(KnownEntry::Checkpoint([4; 16], mark)));
        let value = record::encode_change(&change);
        let found = decode_known(&record::change_key(0), &value).ok();
        assert_eq!(found, is_right.then_some(KnownEntry::Change(change)));
    }
}
