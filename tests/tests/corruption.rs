//! Corruption of stored data below a multifeed with a peer.

use multifeed_core::{Config, Event, Group, KeyPair, Mode, Role, Secure, StoreFailure};
use multifeed_store::{Check, DiskImage, DiskStore, SimDisk};
use multifeed_tests::{Node, run_between};

const PATH: &str = "platter";

/// Blocks that are unlike anything else on the disk.
fn block(index: u8) -> Vec<u8> {
    vec![b'a' + index; 200]
}

fn config(seed: u8) -> Config {
    Config::new(Group::keyed([4; 32]), [seed; 32])
}

fn connect(one: &mut Node<DiskStore>, other: &mut Node) {
    let (ours, theirs) = (one.multifeed.public_key(), other.multifeed.public_key());
    one.connect(Role::Initiator, Secure::Plain { remote: theirs }, Mode::Live);
    other.connect(Role::Responder, Secure::Plain { remote: ours }, Mode::Live);
    run_between(one, other, |_, _| ());
}

/// A reader's disk with four blocks of a peer, and the peer.
fn reader() -> (DiskImage, Node) {
    let mut peer = Node::open(config(2));
    for (name, seed) in [("first", 1), ("second", 2)] {
        let feed = peer.multifeed.writer(name, KeyPair::from_seed(&[seed; 32])).unwrap();
        let blocks: Vec<_> = (0..4).map(|index| block(4 * seed + index)).collect();
        let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        peer.multifeed.append(feed, &blocks).unwrap();
        peer.drain();
    }
    let disk = SimDisk::new(DiskImage::default());
    let store = DiskStore::create_on(disk.clone(), PATH).unwrap();
    let mut node = Node::open_on(config(1), store);
    connect(&mut node, &mut peer);
    drop(node);
    let store = peer.store.clone();
    (disk.image(), Node::open_on(config(3), store))
}

/// The disk with one flipped byte in this pattern, opened again.
fn opened_after_rot(mut image: DiskImage, of: &[u8]) -> Node<DiskStore> {
    let bytes = image.to_bytes();
    let places = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(of));
    let places: Vec<u64> = places.map(|place| place as u64).collect();
    assert!(!places.is_empty());
    // The engine may have rewritten it, so it can exist more than once.
    places.iter().for_each(|place| image.flip_bits(place + 3, 1));
    let store = DiskStore::open_on(SimDisk::new(image), PATH, Check::Quick).unwrap();
    Node::open_on(config(4), store)
}

#[test]
fn a_damaged_block_is_fetched_again() {
    let (image, mut peer) = reader();
    let mut node = opened_after_rot(image, &block(6));
    assert_eq!(node.events, [Event::Ready { feeds: 2 }]);
    let key = peer.multifeed.feeds().next().unwrap().key;
    let feed = node.multifeed.find(&key).unwrap().id;

    let request = node.multifeed.read(feed, 2, 3).unwrap();
    node.drain();
    let failure = StoreFailure::Damaged;
    assert_eq!(node.events.last(), Some(&Event::Failed { request, failure }));

    connect(&mut node, &mut peer);
    let request = node.multifeed.download(feed, 0..4).unwrap();
    node.drain();
    run_between(&mut node, &mut peer, |_, _| ());
    let downloaded = Event::Downloaded { request, feed, key, start: 0, end: 4 };
    assert_eq!(node.events.last(), Some(&downloaded));
    let request = node.multifeed.read(feed, 2, 3).unwrap();
    node.drain();
    let blocks = vec![block(6).into()];
    let read = Event::Blocks { request, feed, key, start: 2, blocks };
    assert_eq!(node.events.last(), Some(&read));
}

#[test]
fn a_damaged_record_on_disk_affects_only_its_feed() {
    let (image, peer) = reader();
    let feeds: Vec<_> = peer.multifeed.feeds().collect();
    let node = opened_after_rot(image, &feeds[0].public_key.0);
    assert!(matches!(node.events[..], [Event::FeedBroken { .. }, Event::Ready { feeds: 1 }]));
    assert_eq!(node.multifeed.feeds().map(|feed| feed.key).next(), Some(feeds[1].key));
}
