//! Memory of an idle feed.
//!
//! Rule: this file has a single test, because it counts the allocations of the whole process.

use multifeed_core::{
    Config, Event, Group, Input, Instant, KeyPair, Mode, Multifeed, Output, Role, Secure, Seed,
};
use multifeed_store::{MemoryStore, execute};
use multifeed_tests::{Node, run};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Enough feeds to make the multifeed's own memory negligible.
const FEEDS: usize = 5_000;

/// With one block and thus one root: 176 bytes for the feed, 48 for its root, and its entries in
/// two lists. Each further root takes 48 bytes; a feed has as many as its length has bits set.
const IDLE_FEED_BYTES_MAX: usize = 300;

fn config(seed: u8) -> Config {
    Config::new(Group::keyed([1; 32]), Seed::new([seed; 32]))
}

/// The store of a node that holds feeds of others.
fn reader() -> MemoryStore {
    let mut nodes = [1, 2].map(|seed| Node::open(config(seed)));
    for number in 0..FEEDS as u64 {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let feed = nodes[0].multifeed.writer(&format!("{number}"), KeyPair::from_seed(&seed));
        nodes[0].multifeed.append(feed.unwrap(), &[b"a block"]).unwrap();
    }
    let keys = nodes.each_ref().map(|node| node.multifeed.public_key());
    let roles = [(Role::Initiator, keys[1]), (Role::Responder, keys[0])];
    for (node, (role, remote)) in nodes.iter_mut().zip(roles) {
        node.connect(role, Secure::Plain { remote }, Mode::Live);
    }
    run(&mut nodes, |_, _| ());
    let [_, reader] = nodes;
    reader.store
}

#[test]
fn an_idle_feed_costs_at_most_300_bytes() {
    let mut store = reader();
    let before = ALLOCATOR.current_usage();
    let mut multifeed = Multifeed::open(config(3));
    let mut known = 0;
    while let Some(output) = multifeed.poll() {
        match output {
            Output::Event(Event::Ready { feeds }) => known = feeds,
            Output::Store(request) => execute(&mut store, [request], |reply| {
                multifeed.handle(Instant::ZERO, Input::Stored(reply));
            }),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(known, FEEDS);
    let bytes = (ALLOCATOR.current_usage() - before) / FEEDS;
    assert!(bytes <= IDLE_FEED_BYTES_MAX, "{bytes} bytes for each feed");
    // The lower bound shows that feeds are counted at all.
    assert!(bytes >= 200, "{bytes} bytes for each feed");
}
