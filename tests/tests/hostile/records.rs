//! A store that was edited from outside, with valid checksums.

use std::collections::BTreeMap;

use bytes::Bytes;
use multifeed_core::crypto::hash;
use multifeed_core::{ConnectionId, Event, FeedKey, Role, StoreKey, Write};
use multifeed_store::{MemoryStore, Scan, Store};
use multifeed_tests::Node;

use super::ALLOCATOR;
use super::pen::{Mutant, blind, wholes};
use super::stage::{BYTES_MAX, config, connect, run_until_idle};

/// What a record's checksum starts with, and its length.
const DOMAIN: &[u8] = b"multifeed/1 record";
const CHECKSUM_BYTES: usize = 8;

/// An entry with each possible defect.
pub(super) fn suffer() -> usize {
    let mut honest = Node::open(config(2));
    for seed in [31, 32] {
        honest.write(&format!("{seed}"), seed, &[b"a block", b"and another"]);
    }
    let mut node = Node::open(config(1));
    let own = node.write("own", 11, &[b"one", b"two", b"three"]);
    let ruled = honest.multifeed.feeds().next().expect("it has two").key;
    let first = ConnectionId(1);
    connect(&mut node, &mut honest, first, Role::Responder);
    run_until_idle(&mut node, &mut honest, first);
    node.multifeed.clear(own, 0..1).expect("it is held");
    node.multifeed.accept(ruled).expect("there is room");
    node.handle(multifeed_core::Input::Timeout);
    let blocks = blocks(&mut node);
    let (mut count, mut opened) = (0, 0);
    for (key, value) in entries(&node.store) {
        for (number, mutant) in mutants(key, &value).into_iter().enumerate() {
            let mut store = node.store.clone();
            let write = Write::Put(key, Bytes::from(mutant.bytes));
            store.commit(&[&[write]]).expect("memory does not fail");
            let connection = ConnectionId(2 + (count + number) as u64);
            opened += usize::from(open(store, &blocks, &mut honest, connection, &mutant.name));
        }
        count += mutants(key, &value).len();
    }
    assert!(0 < opened && opened < count, "{opened} of {count}");
    count
}

/// Every entry of a store.
fn entries(store: &MemoryStore) -> Vec<(StoreKey, Bytes)> {
    let [from, until] = [0, 0xff].map(|byte| StoreKey::from_bytes([byte; 13]));
    let all = Scan { from, until, entries_max: usize::MAX, bytes_max: usize::MAX };
    store.scan(&all).expect("memory does not fail")
}

fn checksum(body: &[u8]) -> Vec<u8> {
    hash::blake2b(&[DOMAIN, body])[..CHECKSUM_BYTES].to_vec()
}

/// A value with a checksum gets a matching one, so that the defect itself is read.
fn mutants(key: StoreKey, value: &[u8]) -> Vec<Mutant> {
    let name = format!("entry {key:?}");
    let (body, sum) = value.split_at(value.len().saturating_sub(CHECKSUM_BYTES));
    if sum != checksum(body) {
        return wholes(&name, value);
    }
    let sealed = blind(&name, body).into_iter().map(|Mutant { name, bytes }| {
        let bytes = [&bytes[..], &checksum(&bytes)].concat();
        Mutant { name: format!("{name}, sealed"), bytes }
    });
    sealed.chain(wholes(&name, value)).collect()
}

/// Every block that a node can read, by feed and index.
fn blocks(node: &mut Node) -> BTreeMap<(FeedKey, u64), Bytes> {
    let feeds: Vec<_> = node.multifeed.feeds().map(|f| (f.key, f.id, f.length)).collect();
    let mut all = BTreeMap::new();
    for (key, id, length) in feeds {
        for index in 0..length.min(5) {
            _ = node.multifeed.read(id, index, index + 1);
            node.handle(multifeed_core::Input::Timeout);
            if let Some(Event::Blocks { blocks, .. }) = node.events.pop() {
                all.extend(blocks.first().map(|block| ((key, index), block.clone())));
            }
        }
    }
    all
}

/// Whether a store opens. If so, it contains only the blocks that were written, and an honest peer
/// gets every intact block.
fn open(
    store: MemoryStore,
    written: &BTreeMap<(FeedKey, u64), Bytes>,
    honest: &mut Node,
    connection: ConnectionId,
    name: &str,
) -> bool {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut node = Node::open_on(config(1), store);
    let most = ALLOCATOR.peak_usage().saturating_sub(before);
    assert!(most <= BYTES_MAX, "{name}: {most} bytes");
    let has = |wanted: fn(&Event) -> bool| node.events.iter().any(wanted);
    let is_ready = has(|event| matches!(event, Event::Ready { .. }));
    assert_ne!(is_ready, has(|event| matches!(event, Event::OpenFailed(_))), "{name}");
    if !is_ready {
        return false;
    }
    for ((_, index), block) in blocks(&mut node) {
        // The record says whose feed it is, and its signature is not verified again.
        let is_genuine = written.iter().any(|(place, known)| place.1 == index && *known == block);
        assert!(is_genuine, "{name}: block {index} is {block:?}");
    }
    connect(&mut node, honest, connection, Role::Responder);
    run_until_idle(&mut node, honest, connection);
    let served = honest.multifeed.feeds().filter(|feed| feed.is_writable).filter(|feed| {
        node.multifeed.find(&feed.key).is_some_and(|copy| copy.length == feed.length)
    });
    assert!(served.count() >= 1, "{name}: an honest peer is not served");
    honest.handle(multifeed_core::Input::Disconnected { connection });
    honest.events.clear();
    true
}
