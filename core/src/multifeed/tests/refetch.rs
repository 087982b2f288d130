//! Blocks asked for again, by and of a peer that says what it likes.

use super::raw::{Raw, body, closed};
use super::*;
use crate::feed::tree;
use crate::wire::multifeed::{
    FeedRef, HeadEntry, Kind, RangeHeader, RefetchEntry, encode_range, entries, put,
};

/// A node that wrote twelve blocks and cleared some of them, and its peer.
fn cleared(blocks: core::ops::Range<u64>) -> (Node, FeedId, Raw) {
    let mut world = nodes(1);
    let key = write(&mut world, 0, 12);
    let mut node = world.nodes.remove(0);
    let feed = node.multifeed.find(&key).unwrap().id;
    node.multifeed.clear(feed, blocks).unwrap();
    node.drain();
    let raw = Raw::member(&mut node, &group(), 77);
    (node, feed, raw)
}

fn ask(raw: &mut Raw, node: &mut Node, start: u64, end: u64) {
    let name = FeedRef::Receiver(0);
    raw.say(node, Kind::Refetch, &body(&[RefetchEntry { name, start, end }]));
}

/// What the node asked for again.
fn asked(raw: &Raw) -> Vec<RefetchEntry> {
    let bodies = raw.bodies(Kind::Refetch);
    bodies.iter().flat_map(|body| entries(body).map(Result::unwrap)).collect()
}

/// A range of the twelve blocks, each changed.
fn range(name: FeedRef, start: u64, count: usize, change: fn(&mut Vec<u8>)) -> Vec<u8> {
    let blocks = (start..start + count as u64).map(|index| {
        let mut block = block(0, index as usize);
        change(&mut block);
        block
    });
    let (signature, blocks) = (Signature([7; 64]), blocks.collect::<Vec<_>>());
    let nodes = tree::cover(start + count as u64, 12).count() as u8;
    let header = RangeHeader { name, start, head_length: 12, fork: 0, signature, nodes };
    encode_range(&header, (0..nodes).map(|_| (1, [0; 32])), &blocks)
}

#[test]
fn a_refetch_is_answered_in_one_range_or_rejected() {
    let (mut node, _, mut raw) = cleared(4..8);
    ask(&mut raw, &mut node, 2, 6);
    ask(&mut raw, &mut node, 5, 12);
    ask(&mut raw, &mut node, 12, 1 << 40);
    assert_eq!(raw.bodies(Kind::Range).len(), 1, "blocks 2 and 3");
    let gone = body(&[(FeedRef::Sender(0), 3u8)]);
    assert_eq!(raw.bodies(Kind::Rejects), [gone.clone(), gone]);
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn requests_beyond_any_feed_close_the_connection() {
    let misuses = [
        (FeedRef::Receiver(0), 3, 3, CloseReason::Violation(Violation::OutOfRange)),
        (FeedRef::Receiver(0), 3, (1 << 40) + 1, CloseReason::Violation(Violation::OutOfRange)),
        (FeedRef::Receiver(7), 0, 1, CloseReason::Violation(Violation::UnknownReference)),
    ];
    for (name, start, end, reason) in misuses {
        let (mut node, _, mut raw) = cleared(4..8);
        raw.say(&mut node, Kind::Refetch, &body(&[RefetchEntry { name, start, end }]));
        assert_eq!(closed(&node, raw.connection), Some(reason));
    }
}

#[test]
fn forged_blocks_do_not_come_in_where_others_were_cleared() {
    let (mut node, feed, mut raw) = cleared(0..12);
    let request = node.multifeed.download(feed, 0..12).unwrap();
    let key = node.multifeed.feed(feed).unwrap().public_key;
    let head = |length| HeadEntry { name: FeedRef::New(key), length, fork: 0 };
    raw.say(&mut node, Kind::Heads, &body(&[head(12)]));
    assert_eq!(asked(&raw), [RefetchEntry { name: FeedRef::Sender(0), start: 0, end: 12 }]);
    let before = node.map.clone();
    let forged = range(FeedRef::Sender(0), 0, 12, |block| block[50] ^= 1);
    raw.say(&mut node, Kind::Range, &forged);
    // What comes unasked is nothing, right or wrong.
    raw.say(&mut node, Kind::Range, &range(FeedRef::Sender(0), 0, 12, |_| ()));
    assert!(node.map == before, "nothing was stored");
    assert_eq!(closed(&node, raw.connection), None, "our own disk may be what is wrong");
    assert_eq!(asked(&raw).len(), 1, "it is not asked twice");
    let mut honest = Raw::member(&mut node, &group(), 78);
    honest.say(&mut node, Kind::Heads, &body(&[head(12)]));
    assert_eq!(asked(&honest).len(), 1);
    honest.say(&mut node, Kind::Range, &range(FeedRef::Sender(0), 0, 5, |_| ()));
    assert_eq!(asked(&honest).last().map(|entry| entry.start), Some(5));
    honest.say(&mut node, Kind::Range, &range(FeedRef::Sender(0), 5, 7, |_| ()));
    let key = node.multifeed.feed(feed).unwrap().key;
    let done = Event::Downloaded { request, feed, key, start: 0, end: 12 };
    assert_eq!(node.events.last(), Some(&done));
}

#[test]
fn a_peer_that_does_not_answer_is_passed_over_in_time() {
    let (mut node, feed, mut raw) = cleared(0..12);
    let key = node.multifeed.feed(feed).unwrap().public_key;
    let head = body(&[HeadEntry { name: FeedRef::New(key), length: 12, fork: 0 }]);
    let mut other = Raw::member(&mut node, &group(), 78);
    raw.say(&mut node, Kind::Heads, &head);
    other.say(&mut node, Kind::Heads, &head);
    node.multifeed.download(feed, 0..12).unwrap();
    node.drain();
    raw.exchange(&mut node);
    other.exchange(&mut node);
    assert_eq!((asked(&raw).len(), asked(&other).len()), (1, 0));
    let late = Instant::from_micros(10_000_000);
    assert!(node.multifeed.deadline().unwrap() <= late);
    node.handle(late, Input::Timeout);
    node.drain();
    other.exchange(&mut node);
    assert_eq!(asked(&other).len(), 1);
}

#[test]
fn endless_refetch_requests_close_the_connection() {
    let mut config = Config::new(group(), [1; 32]);
    config.limits.serves = 3;
    let mut node = Node::with(config, Map::new());
    for index in 0..25 {
        let name = alloc::format!("{index}");
        let feed = node.multifeed.writer(&name, KeyPair::from_seed(&[index; 32])).unwrap();
        node.append(feed, &[b"x"]);
    }
    let mut raw = Raw::member(&mut node, &group(), 77);
    node.held = Some(Vec::new());
    let mut all = Vec::new();
    for number in 0..25 {
        put(&mut all, &RefetchEntry { name: FeedRef::Receiver(number), start: 0, end: 1 });
    }
    raw.say(&mut node, Kind::Refetch, &all);
    assert_eq!(closed(&node, raw.connection), Some(CloseReason::Limit(Limit::Serves)));
}
