//! Whole connections of two multifeeds, from the first byte of the handshake to the last block.

use multifeed_core::{Config, Group, Input, KeyPair, Mode, Role, Secure, Seed};
use multifeed_tests::{CONNECTION, Node, run};

/// Feeds that both hold at the start.
const FEEDS: u64 = 1_000;

/// What was measured, and its bytes in both directions.
pub(crate) fn connections() -> Vec<(&'static str, usize)> {
    let mut nodes =
        [1, 2].map(|seed| Node::open(Config::new(Group::keyed([9; 32]), Seed::new([seed; 32]))));
    (0..FEEDS).for_each(|number| write(&mut nodes[0], number));
    meet(&mut nodes);
    let nothing = meet(&mut nodes);
    (FEEDS..FEEDS + 10).for_each(|number| write(&mut nodes[0], number));
    let new = meet(&mut nodes);
    assert_eq!(nodes.map(|node| node.multifeed.feeds().count() as u64), [FEEDS + 10; 2]);
    vec![
        ("1,000 feeds, a peer that is known, nothing new", nothing),
        ("1,000 feeds, a peer that is known, 10 new feeds of a block", new),
    ]
}

/// A feed with one block of 100 bytes.
fn write(node: &mut Node, number: u64) {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let feed = node.multifeed.writer(&number.to_string(), KeyPair::from_seed(&seed));
    node.multifeed.append(feed.expect("a free name"), &[&[7; 100]]).expect("a writable feed");
}

/// Connects two nodes until both are idle. Returns the bytes.
fn meet(nodes: &mut [Node; 2]) -> usize {
    for (node, role) in nodes.iter_mut().zip([Role::Initiator, Role::Responder]) {
        node.connect(role, Secure::Noise, Mode::Live);
    }
    let mut bytes = 0;
    run(nodes, |_, flight| bytes += flight.len());
    for node in nodes {
        assert!(node.multifeed.peers().all(|peer| peer.is_synced));
        node.handle(Input::Disconnected { connection: CONNECTION });
    }
    bytes
}
