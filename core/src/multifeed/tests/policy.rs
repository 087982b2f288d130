//! What the application wants of feeds: cleared, downloaded again, removed, refused, accepted.

use super::raw::{Raw, body, closed};
use super::*;
use crate::feed::record;
use crate::io::StoreRequest;
use crate::wire::multifeed::{FeedRef, HeadEntry, Kind, Reject, RejectEntry, WantEntry};

fn last(node: &Node) -> &Event {
    node.events.last().unwrap()
}

fn id(node: &Node, key: &FeedKey) -> FeedId {
    node.multifeed.find(key).unwrap().id
}

/// Two nodes in sync. The first wrote the blocks.
fn pair(blocks: usize) -> (World, FeedKey, [ConnectionId; 2]) {
    let mut world = nodes(2);
    let key = write(&mut world, 0, blocks);
    let ids = world.connect(0, 1, Mode::Live);
    world.run();
    (world, key, ids)
}

fn clear(world: &mut World, node: usize, key: &FeedKey, blocks: core::ops::Range<u64>) {
    let node = &mut world.nodes[node];
    let (feed, start, end) = (id(node, key), blocks.start, blocks.end);
    let request = node.multifeed.clear(feed, blocks).unwrap();
    node.drain();
    assert_eq!(*last(node), Event::Cleared { request, feed, key: *key, start, end });
}

/// What a read of some blocks is answered by.
fn read(node: &mut Node, key: &FeedKey, start: u64, end: u64) -> Event {
    node.multifeed.read(id(node, key), start, end).unwrap();
    node.drain();
    node.events.pop().unwrap()
}

fn assert_reads(node: &mut Node, key: &FeedKey, blocks: core::ops::Range<u64>) {
    let mut at = blocks.start;
    while at < blocks.end {
        let Event::Blocks { blocks: found, .. } = read(node, key, at, blocks.end) else {
            panic!("no block {at}");
        };
        for found in found {
            assert_eq!(found, block(0, at as usize));
            at += 1;
        }
    }
}

fn remove(world: &mut World, node: usize, key: &FeedKey) {
    let node = &mut world.nodes[node];
    let request = node.multifeed.remove(id(node, key)).unwrap();
    node.drain();
    assert_eq!(*last(node), Event::Removed { request: Some(request), key: *key });
}

fn rule(world: &mut World, node: usize, key: &FeedKey, is_accepted: bool) {
    let node = &mut world.nodes[node];
    let request = if is_accepted { node.multifeed.accept(key) } else { node.multifeed.refuse(key) };
    node.drain();
    let ruled = Event::Ruled { request: request.unwrap(), key: *key };
    assert!(node.events.contains(&ruled));
}

/// The entries of the store but for its name and the rulings.
fn entries(node: &Node) -> usize {
    node.map.range(record::feed_key(0)..record::ruling_key(0)).count()
}

fn reopen(world: &mut World, node: usize) {
    let map = core::mem::take(&mut world.nodes[node].map);
    world.nodes[node] = Node::open(&group(), 90 + node as u8, map);
}

fn assert_in_sync(world: &World) {
    for node in &world.nodes {
        assert!(node.multifeed.peers().all(|peer| peer.is_synced), "a sync is held open");
        assert!(node.closed.is_empty(), "{:?}", node.closed);
    }
}

#[test]
fn cleared_blocks_are_gone_and_the_feed_continues() {
    let (mut world, key, _) = pair(20);
    clear(&mut world, 0, &key, 3..9);
    let node = &mut world.nodes[0];
    assert!(matches!(read(node, &key, 4, 20), Event::Missing { start: 4, end: 9, .. }));
    assert!(matches!(read(node, &key, 0, 20), Event::Blocks { blocks, .. } if blocks.len() == 3));
    assert_reads(node, &key, 9..20);
    let feed = id(node, &key);
    assert_eq!(node.multifeed.feed(feed).unwrap().cleared, 6);
    assert!((3..9).all(|index| !node.map.contains_key(&record::block_key(feed.slot, index))));
    node.append(feed, &[&block(0, 20)]);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 21);
    reopen(&mut world, 0);
    let node = &mut world.nodes[0];
    assert!(matches!(read(node, &key, 3, 4), Event::Missing { start: 3, end: 4, .. }));
    assert_reads(node, &key, 9..21);
    let feed = node.writer(100);
    node.append(feed, &[&block(0, 21)]);
    assert_reads(node, &key, 9..22);
}

#[test]
fn cleared_blocks_are_not_served_and_the_rest_is() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 20);
    world.connect(0, 1, Mode::Once);
    world.run();
    world.nodes[0].closed.clear();
    world.nodes[1].closed.clear();
    clear(&mut world, 0, &key, 5..10);
    world.connect(2, 0, Mode::Live);
    world.run();
    assert_eq!(world.nodes[2].multifeed.find(&key).unwrap().length, 5);
    assert_in_sync(&world);
    let refused =
        |event: &Event| matches!(event, Event::Refused { refusal: Refusal::Unavailable, .. });
    assert!(world.nodes[2].events.iter().any(refused));
    // Another has them, but not what came later; that comes from the first again.
    let feed = id(&world.nodes[0], &key);
    world.nodes[0].append(feed, &[&block(0, 20)]);
    world.run();
    world.connect(2, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 2, 0, &key, 21);
    assert_holds(&mut world, 1, 0, &key, 21);
    assert_in_sync(&world);
}

#[test]
fn blocks_are_restored_from_a_peer_and_kept() {
    let (mut world, key, _) = pair(300);
    clear(&mut world, 1, &key, 3..290);
    let node = &mut world.nodes[1];
    let feed = id(node, &key);
    let request = node.multifeed.download(feed, 0..300).unwrap();
    assert_eq!(node.multifeed.clear(feed, 0..1), Err(Misuse::Downloading));
    world.run();
    let node = &mut world.nodes[1];
    assert_eq!(*last(node), Event::Downloaded { request, feed, key, start: 0, end: 300 });
    assert_reads(node, &key, 0..300);
    assert_eq!(node.multifeed.feed(feed).unwrap().cleared, 0);
    assert_in_sync(&world);
    reopen(&mut world, 1);
    assert_reads(&mut world.nodes[1], &key, 0..300);
}

#[test]
fn damaged_blocks_are_restored_from_a_peer() {
    for length in [1, 2, 3, 5, 8, 13, 64] {
        for damaged in 0..length {
            let (mut world, key, _) = pair(length);
            let node = &mut world.nodes[1];
            let feed = id(node, &key);
            let at = record::block_key(feed.slot, damaged as u64);
            match damaged % 2 {
                0 => _ = node.map.remove(&at),
                _ => _ = node.map.insert(at, "rotten".into()),
            }
            let end = length as u64;
            let request = node.multifeed.download(feed, 0..end).unwrap();
            world.run();
            let node = &mut world.nodes[1];
            assert_eq!(*last(node), Event::Downloaded { request, feed, key, start: 0, end });
            assert_reads(node, &key, 0..end);
        }
    }
}

#[test]
fn a_download_waits_for_a_holder_and_can_be_cancelled() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 10);
    world.connect(0, 1, Mode::Once);
    world.connect(0, 2, Mode::Once);
    world.run();
    clear(&mut world, 0, &key, 0..10);
    clear(&mut world, 1, &key, 0..10);
    let ids = world.connect(1, 0, Mode::Live);
    let feed = id(&world.nodes[1], &key);
    let request = world.nodes[1].multifeed.download(feed, 0..10).unwrap();
    let second = world.nodes[1].multifeed.download(feed, 4..6).unwrap();
    world.run();
    assert!(world.nodes[1].multifeed.peers().all(|peer| peer.is_synced), "no peer is pending");
    world.nodes[1].multifeed.cancel(second).unwrap();
    assert_eq!(world.nodes[1].multifeed.cancel(second), Err(Misuse::UnknownRequest));
    world.cut(ids);
    world.connect(1, 2, Mode::Live);
    world.run();
    assert!(world.nodes[1].events.contains(&Event::Canceled { request: second }));
    let done = Event::Downloaded { request, feed, key, start: 0, end: 10 };
    assert!(world.nodes[1].events.contains(&done));
    assert_reads(&mut world.nodes[1], &key, 0..10);
}

#[test]
fn a_removed_feed_leaves_nothing_and_does_not_return_by_itself() {
    let (mut world, key, _) = pair(30);
    remove(&mut world, 1, &key);
    assert!(world.nodes[1].multifeed.find(&key).is_none());
    assert_eq!(entries(&world.nodes[1]), 0);
    world.run();
    let feed = id(&world.nodes[0], &key);
    world.nodes[0].append(feed, &[&block(0, 30)]);
    world.run();
    assert_eq!(entries(&world.nodes[1]), 0);
    assert_in_sync(&world);
    reopen(&mut world, 1);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_eq!(entries(&world.nodes[1]), 0);
    rule(&mut world, 1, &key, true);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 31);
}

#[test]
fn a_feed_accepted_again_is_received_over_the_same_connection() {
    let (mut world, key, _) = pair(30);
    remove(&mut world, 1, &key);
    world.run();
    rule(&mut world, 1, &key, true);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 30);
    let feed = id(&world.nodes[0], &key);
    world.nodes[0].append(feed, &[&block(0, 30)]);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 31);
    assert_in_sync(&world);
}

#[test]
fn a_slot_is_reused_once_no_peer_has_an_alias_of_its_removed_feed() {
    let (mut world, key, ids) = pair(30);
    let old = id(&world.nodes[1], &key);
    remove(&mut world, 1, &key);
    world.cut(ids);
    let feed = world.nodes[1].writer(101);
    assert_eq!(feed.slot, old.slot);
    assert_ne!(feed, old, "its id means another feed");
    world.nodes[1].append(feed, &[&block(1, 0)]);
    let other = world.nodes[1].multifeed.feed(feed).unwrap().key;
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 0, 1, &other, 1);
}

#[test]
fn an_own_feed_that_was_removed_is_written_only_once_all_that_was_signed_is_back() {
    let (mut world, key, ids) = pair(5);
    let key_pair = || KeyPair::from_seed(&[100; 32]);
    remove(&mut world, 0, &key);
    world.cut(ids);
    for _ in 0..2 {
        let removed = world.nodes[0].multifeed.writer("local", key_pair());
        assert_eq!(removed, Err(Misuse::FeedRemoved));
        reopen(&mut world, 0);
    }
    rule(&mut world, 0, &key, true);
    reopen(&mut world, 0);
    let behind = world.nodes[0].multifeed.writer("local", key_pair());
    assert_eq!(behind, Err(Misuse::FeedBehind));
    world.connect(0, 1, Mode::Live);
    world.run();
    let feed = world.nodes[0].writer(100);
    world.nodes[0].append(feed, &[&block(0, 5)]);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 6);
    assert_in_sync(&world);
}

#[test]
fn a_refused_feed_is_neither_downloaded_nor_served_and_its_blocks_stay() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 5);
    world.connect(0, 1, Mode::Live);
    world.run();
    rule(&mut world, 1, &key, false);
    world.connect(1, 2, Mode::Live);
    world.run();
    let feed = id(&world.nodes[0], &key);
    world.nodes[0].append(feed, &[&block(0, 5)]);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 5);
    assert!(world.nodes[2].multifeed.find(&key).is_none());
    let declined =
        |event: &Event| matches!(event, Event::Refused { refusal: Refusal::Declined, .. });
    assert!(world.nodes[0].events.iter().any(declined));
    assert_in_sync(&world);
    rule(&mut world, 1, &key, true);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 6);
    assert_holds(&mut world, 2, 0, &key, 6);
    assert_in_sync(&world);
}

#[test]
fn a_feed_refused_before_it_was_seen_stays_refused_after_restarts() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 5);
    rule(&mut world, 1, &key, false);
    for _ in 0..2 {
        reopen(&mut world, 1);
        world.connect(0, 1, Mode::Once);
        world.run();
        assert_eq!(entries(&world.nodes[1]), 0);
        assert_eq!(world.nodes[1].multifeed.feeds.len(), 0, "it has no slot");
        let closed = world.nodes.iter().flat_map(|node| &node.closed);
        assert!(closed.map(|closed| closed.1).all(|reason| reason == CloseReason::Synced));
    }
    world.connect(0, 1, Mode::Live);
    world.run();
    rule(&mut world, 1, &key, true);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 5);
}

#[test]
fn offers_are_reported_if_only_accepted_feeds_are_admitted() {
    let mut config = Config::new(group(), Seed::new([2; 32]));
    config.admission = Admission::AcceptedOnly;
    config.limits.remembered_offers = 2;
    let mut world =
        World::of(vec![Node::open(&group(), 1, Map::new()), Node::with(config, Map::new())]);
    for writer in 0..4 {
        let key_pair = KeyPair::from_seed(&[writer; 32]);
        let name = alloc::format!("{writer}");
        let feed = world.nodes[0].multifeed.writer(&name, key_pair).unwrap();
        world.nodes[0].append(feed, &[&block(0, 0)]);
    }
    world.connect(0, 1, Mode::Live);
    world.run();
    let offered = world.nodes[1].events.iter().filter_map(|event| match event {
        Event::Offered { key, length: 1, .. } => Some(*key),
        _ => None,
    });
    let offered: Vec<_> = offered.collect();
    assert_eq!(offered.len(), 2, "no more than the limit is remembered");
    assert_eq!(world.nodes[1].multifeed.feeds.len(), 0);
    assert_in_sync(&world);
    rule(&mut world, 1, &offered[1], true);
    world.run();
    assert_holds(&mut world, 1, 0, &offered[1], 1);
    assert_eq!(world.nodes[1].multifeed.feeds().count(), 1);
    let feed = id(&world.nodes[0], &offered[1]);
    world.nodes[0].append(feed, &[&block(0, 1)]);
    world.run();
    assert_holds(&mut world, 1, 0, &offered[1], 2);
}

#[test]
fn policy_bounds_are_reached_and_reported() {
    let mut config = Config::new(group(), Seed::new([1; 32]));
    (config.limits.cleared_runs, config.limits.rulings, config.limits.downloads) = (2, 1, 1);
    let mut node = Node::with(config, Map::new());
    let feed = node.writer(100);
    let blocks: Vec<_> = (0..10).map(|index| block(0, index)).collect();
    node.append(feed, &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for start in [0, 4] {
        node.multifeed.clear(feed, start..start + 1).unwrap();
        node.drain();
    }
    assert_eq!(node.multifeed.clear(feed, 8..9), Err(Misuse::TooManyRuns));
    assert_eq!(node.multifeed.clear(feed, 5..5), Err(Misuse::OutOfRange));
    assert_eq!(node.multifeed.clear(feed, 5..11), Err(Misuse::OutOfRange));
    node.multifeed.clear(feed, 1..4).unwrap();
    node.multifeed.download(feed, 0..1).unwrap();
    assert_eq!(node.multifeed.download(feed, 0..1), Err(Misuse::Downloading));
    assert_eq!(node.multifeed.download(feed, 9..11), Err(Misuse::OutOfRange));
    node.multifeed.refuse(FeedKey([1; 32])).unwrap();
    assert_eq!(node.multifeed.refuse(FeedKey([2; 32])), Err(Misuse::TooManyRulings));
    assert_eq!(node.multifeed.remove(feed), Err(Misuse::TooManyRulings));
    assert_eq!(node.multifeed.remove(FeedId::first(9)), Err(Misuse::UnknownFeed));
}

/// What is done to a pair, on the second node: the request, if it begins at all.
type Call = fn(&mut Multifeed, FeedId, &FeedKey) -> Result<RequestId, Misuse>;

const CALLS: [(&str, Call); 5] = [
    ("clear", |multifeed, feed, _| multifeed.clear(feed, 2..7)),
    ("download", |multifeed, feed, _| multifeed.download(feed, 0..12)),
    ("remove", |multifeed, feed, _| multifeed.remove(feed)),
    ("refuse", |multifeed, _, key| multifeed.refuse(key)),
    ("accept", |multifeed, _, key| multifeed.accept(key)),
];

/// Lets a node carry out its store requests one by one, in an order, up to a number.
fn work(world: &mut World, order: usize, requests: usize) -> usize {
    let mut done = 0;
    world.nodes[1].held.get_or_insert_default();
    loop {
        world.run();
        let node = &mut world.nodes[1];
        let held = node.held.as_mut().unwrap();
        if held.is_empty() || done == requests {
            return done;
        }
        // Carried out in their order; answered in any.
        let all = core::mem::take(held);
        let mut replies: Vec<_> = Vec::new();
        for request in all {
            if done == requests {
                break;
            }
            done += 1;
            replies.push(node.answer(request));
        }
        while !replies.is_empty() {
            let reply = replies.remove(order % replies.len());
            node.handle(Instant::ZERO, Input::Stored(reply));
            node.drain();
        }
    }
}

/// What is acknowledged by an event holds after the crash; and all goes on.
fn assert_kept(world: &mut World, key: &FeedKey, name: &str, events: &[Event]) {
    let node = &mut world.nodes[1];
    let length = node.multifeed.find(key).map_or(0, |feed| feed.length);
    let is_answered = |event: &Event| {
        matches!(
            event,
            Event::Cleared { .. }
                | Event::Downloaded { .. }
                | Event::Removed { .. }
                | Event::Ruled { .. }
        )
    };
    if events.iter().any(is_answered) {
        match name {
            "clear" => {
                assert!(matches!(read(node, key, 2, 7), Event::Missing { end: 7, .. }));
            }
            "download" => assert_reads(node, key, 0..length),
            "remove" => assert_eq!((entries(node), length), (0, 0)),
            "refuse" => assert!(node.multifeed.find(key).unwrap().is_refused),
            _ => assert!(!node.multifeed.find(key).unwrap().is_refused),
        }
    }
    // Nothing is damaged, wherever it ended.
    for index in 0..length {
        let event = read(node, key, index, index + 1);
        let is_whole = match &event {
            Event::Blocks { blocks, .. } => blocks[0] == block(0, index as usize),
            event => matches!(event, Event::Missing { .. }),
        };
        assert!(is_whole, "{name}: block {index}: {event:?}");
    }
}

#[test]
fn a_crash_at_any_request_of_the_store_loses_nothing_that_was_said() {
    for (name, call) in CALLS {
        for order in 0..3 {
            for requests in 0..40 {
                let (mut world, key, _) = pair(12);
                if name == "download" {
                    clear(&mut world, 1, &key, 1..9);
                }
                if name == "accept" {
                    rule(&mut world, 1, &key, false);
                }
                let feed = id(&world.nodes[1], &key);
                world.nodes[1].events.clear();
                world.nodes[1].held = Some(Vec::new());
                // Something of the feed is under way while it is called.
                let own = id(&world.nodes[0], &key);
                world.nodes[0].append(own, &[&block(0, 12)]);
                world.run();
                call(&mut world.nodes[1].multifeed, feed, &key).unwrap();
                let done = work(&mut world, order, requests);
                let events = core::mem::take(&mut world.nodes[1].events);
                let map = core::mem::take(&mut world.nodes[1].map);
                world.nodes.truncate(1);
                world.nodes.push(Node::open(&group(), 99, map));
                assert_kept(&mut world, &key, name, &events);
                if done < requests {
                    break;
                }
                assert!(requests < 39, "{name} comes to no end");
            }
        }
    }
}

#[test]
fn a_removal_interrupted_by_a_crash_finishes_on_reopening() {
    for requests in 1..12 {
        let (mut world, key, _) = pair(12);
        let feed = id(&world.nodes[1], &key);
        world.nodes[1].held = Some(Vec::new());
        world.nodes[1].multifeed.remove(feed).unwrap();
        work(&mut world, 0, requests);
        let map = core::mem::take(&mut world.nodes[1].map);
        let node = Node::open(&group(), 99, map);
        assert_eq!(entries(&node), 0, "{requests}");
        assert!(node.multifeed.find(&key).is_none());
    }
}

#[test]
fn a_removal_waits_for_reads_and_writes_of_the_feed() {
    let (mut world, key, _) = pair(12);
    let node = &mut world.nodes[1];
    let feed = id(node, &key);
    node.held = Some(Vec::new());
    let read = node.multifeed.read(feed, 0, 12).unwrap();
    let clear = node.multifeed.clear(feed, 0..3).unwrap();
    node.multifeed.remove(feed).unwrap();
    node.drain();
    let is_commit = |request: &StoreRequest| matches!(request, StoreRequest::Commit(_));
    assert!(!node.held.as_ref().unwrap().iter().any(is_commit));
    assert_eq!(node.multifeed.append(feed, &[b"x"]), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.read(feed, 0, 1), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.remove(feed), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.accept(key), Err(Misuse::FeedRemoved));
    node.release();
    let answers = |request: RequestId| {
        node.events.iter().filter(move |event| match event {
            Event::Blocks { request: of, .. } | Event::Canceled { request: of } => *of == request,
            _ => false,
        })
    };
    assert_eq!((answers(read).count(), answers(clear).count()), (1, 1));
    assert!(matches!(last(node), Event::Removed { .. }));
    assert_eq!(entries(node), 0);
}

#[test]
fn each_want_of_a_refused_feed_is_rejected() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 3);
    let node = &mut world.nodes[0];
    let mut raw = Raw::member(node, &group(), 77);
    let feed = id(node, &key);
    node.multifeed.refuse(key).unwrap();
    node.drain();
    raw.exchange(node);
    // Another one is refused before the peer names it, and no feed is made of it.
    let other = KeyPair::from_seed(&[66; 32]).public_key();
    let other_key = manifest::feed_key(group().feed_namespace(), &other);
    node.multifeed.refuse(other_key).unwrap();
    node.drain();
    let head = HeadEntry { name: FeedRef::New(other), length: 5, fork: 0 };
    raw.say(node, Kind::Heads, &body(&[head]));
    let rejects = raw.bodies(Kind::Rejects).len();
    assert_eq!(rejects, 2, "once for each");

    for (name, turned) in
        [(FeedRef::Receiver(0), FeedRef::Sender(0)), (FeedRef::Sender(0), FeedRef::Receiver(0))]
    {
        raw.say(node, Kind::Wants, &body(&[WantEntry { name, start: 0 }]));
        let declined = RejectEntry { name: turned, reject: Reject::Declined };
        assert_eq!(raw.bodies(Kind::Rejects).last(), Some(&body(&[declined])));
    }
    assert_eq!(raw.bodies(Kind::Rejects).len(), rejects + 2);
    assert_eq!(closed(node, raw.connection), None);
    assert!(node.multifeed.feed(feed).is_some(), "what is held stays");
}

#[test]
fn a_refused_feed_stays_refused_when_the_peer_declines_it() {
    let (mut world, key, ends) = pair(3);
    world.cut(ends);
    // It is in the sets of neither when they meet again, and the peer names it to say no to it.
    rule(&mut world, 0, &key, false);
    rule(&mut world, 1, &key, false);
    world.connect(0, 1, Mode::Live);
    world.run();
    rule(&mut world, 1, &key, true);
    rule(&mut world, 1, &key, false);
    world.run();
    // What is gone from the disk is offered again by the peer, and is still refused.
    remove(&mut world, 0, &key);
    rule(&mut world, 1, &key, true);
    world.run();
    assert!(world.nodes[0].multifeed.find(&key).is_none_or(|feed| feed.length == 0));
    assert_in_sync(&world);
    rule(&mut world, 0, &key, true);
    world.run();
    assert_holds(&mut world, 0, 0, &key, 3);
    assert_in_sync(&world);
}
