//! An author of two histories is proved to be one, to everybody who holds its feed.

use alloc::vec::Vec;

use super::raw::{Raw, closed};
use super::rig::{End, Map, Node, World};
use super::{assert_holds, block, group, nodes, write};
use crate::wire::codec::Malformed;
use crate::wire::fork::{ForkProof, SignedHead};
use crate::wire::multifeed::Kind;
use crate::*;

/// Gives a node the feed of node 0's writer, with another history of `count` blocks.
fn write_twin(world: &mut World, node: usize, count: usize) {
    let twin = world.nodes[node].writer(100);
    for index in 0..count {
        world.nodes[node].append(twin, &[&block(7, index)]);
    }
}

fn is_forked(node: &Node, key: &FeedKey) -> bool {
    node.multifeed.find(key).is_some_and(|feed| feed.is_forked)
}

fn forks_reported(node: &Node) -> usize {
    node.events.iter().filter(|event| matches!(event, Event::Forked { .. })).count()
}

/// Proofs in a node's store.
fn proofs(node: &Node) -> usize {
    node.map.keys().filter(|key| key.as_bytes()[0] == 7).count()
}

/// A chain of five: a history of three blocks at its one end, and one of five at the other.
fn chain() -> (World, FeedKey) {
    let mut world = nodes(5);
    let key = write(&mut world, 0, 3);
    write_twin(&mut world, 4, 5);
    for (a, b) in [(0, 1), (1, 2), (4, 3)] {
        world.connect(a, b, Mode::Live);
        world.run();
    }
    world.connect(2, 3, Mode::Live);
    world.run();
    (world, key)
}

#[test]
fn a_fork_is_proved_to_every_holder_of_the_feed() {
    let (mut world, key) = chain();
    for (node, length) in [3, 3, 3, 5, 5].into_iter().enumerate() {
        let node = &world.nodes[node];
        assert!(is_forked(node, &key));
        assert_eq!(forks_reported(node), 1, "once");
        assert_eq!(node.multifeed.find(&key).unwrap().length, length, "as it was first");
        assert!(node.closed.is_empty(), "{:?}", node.closed);
        assert!(node.multifeed.peers().all(|peer| peer.is_synced));
    }
    assert_holds(&mut world, 2, 0, &key, 3);
    // Both writers are readers from now on.
    for node in [0, 4] {
        let feed = world.nodes[node].multifeed.find(&key).unwrap();
        assert!(!feed.is_writable);
        let id = feed.id;
        assert_eq!(world.nodes[node].multifeed.append(id, &[b"x"]), Err(Misuse::FeedForked));
    }
    let before = world.bytes;
    world.run();
    assert_eq!(world.bytes, before, "nothing more is said");
}

#[test]
fn the_status_counts_forked_feeds_and_the_fork_shows_both_heads() {
    let (world, key) = chain();
    for node in &world.nodes {
        let status = node.multifeed.sync_status();
        assert_eq!((status.forked, status.contested), (1, 0));
        let fork = node.multifeed.fork(key).unwrap();
        assert_eq!(fork.heads.map(|head| head.length), [3, 5]);
        assert_eq!(fork.diverges, 0..2, "the first root differs");
    }
    let mut world = nodes(1);
    let key = write(&mut world, 0, 3);
    let multifeed = &world.nodes[0].multifeed;
    assert_eq!((multifeed.fork(key), multifeed.sync_status().forked), (None, 0));
}

#[test]
fn the_status_counts_contested_feeds_until_their_fork_is_proved() {
    let mut world = nodes(2);
    write(&mut world, 0, 3);
    write_twin(&mut world, 1, 5);
    world.connect(1, 0, Mode::Live);
    let counts = |world: &World| -> Vec<(usize, usize)> {
        let status = world.nodes.iter().map(|node| node.multifeed.sync_status());
        status.map(|status| (status.forked, status.contested)).collect()
    };
    let mut was_contested = false;
    for _ in 0..1_000 {
        world.step_once();
        was_contested |= counts(&world).contains(&(0, 1));
    }
    assert!(was_contested);
    assert_eq!(counts(&world), [(1, 0); 2]);
}

/// Two histories of node 0's writer that share their first blocks, each at a node, and the feed's
/// key. The first node has the shorter one.
fn diverged(nodes: usize, shared: usize, lengths: [usize; 2]) -> (World, FeedKey) {
    let mut world = super::nodes(nodes as u8);
    let mut key = None;
    for (node, length) in lengths.into_iter().enumerate() {
        let feed = world.nodes[node].writer(100);
        for index in 0..length {
            let history = if index < shared { 0 } else { node };
            world.nodes[node].append(feed, &[&block(history, index)]);
        }
        key = world.nodes[node].multifeed.feed(feed).map(|feed| feed.key);
    }
    world.connect(0, 1, Mode::Live);
    world.run();
    assert!(world.nodes[..2].iter().all(|node| is_forked(node, &key.unwrap())));
    (world, key.unwrap())
}

#[test]
fn a_new_peer_gets_what_both_histories_share_and_then_the_proof() {
    for mode in [Mode::Live, Mode::Once] {
        for source in [0, 1] {
            let (mut world, key) = diverged(3, 100, [101, 120]);
            let other = world.nodes[1].multifeed.writer("other", KeyPair::from_seed(&[7; 32]));
            world.nodes[1].append(other.unwrap(), &[b"x"]);
            let ends = world.connect(2, source, mode);
            world.run();
            // The roots of 101 blocks are 64, 32, 4 and 1.
            assert_eq!(world.nodes[2].multifeed.fork(key).unwrap().diverges, 100..101);
            assert_holds(&mut world, 2, 0, &key, 100);
            assert!(is_forked(&world.nodes[2], &key));
            let status = world.nodes[2].multifeed.sync_status();
            assert_eq!((status.forked, status.contested), (1, 0));
            let closed = &world.nodes[2].closed;
            match mode {
                Mode::Live => assert!(closed.is_empty(), "{closed:?}"),
                _ => assert!(closed.iter().all(|end| end.1 == CloseReason::Synced), "{closed:?}"),
            }
            // A peer that has the proof gets nothing again.
            if mode == Mode::Live {
                assert!(world.nodes[2].multifeed.peers().all(|peer| peer.is_synced));
                world.cut(ends);
                let before = world.nodes[2].map.clone();
                world.connect(2, 1 - source, mode);
                world.run();
                assert!(world.nodes[2].multifeed.peers().all(|peer| peer.is_synced));
                assert_eq!(world.nodes[2].multifeed.find(&key).unwrap().length, 100);
                assert!(world.nodes[2].map.keys().count() >= before.len());
            }
        }
    }
}

#[test]
fn a_new_peer_passes_on_what_both_histories_share() {
    let (mut world, key) = diverged(4, 64, [70, 80]);
    for (a, b) in [(2, 0), (3, 2)] {
        world.connect(a, b, Mode::Once);
        world.run();
    }
    let shared = world.nodes[3].multifeed.fork(key).unwrap().diverges.start;
    assert_eq!(shared, 64);
    assert_holds(&mut world, 3, 0, &key, 64);
    assert!(is_forked(&world.nodes[3], &key));
}

#[test]
fn a_forked_feed_that_is_refused_is_given_to_no_peer() {
    let (mut world, key) = diverged(3, 64, [70, 80]);
    world.nodes[0].multifeed.refuse(key).unwrap();
    world.nodes[0].drain();
    world.connect(2, 0, Mode::Live);
    world.run();
    assert_eq!(world.nodes[2].multifeed.find(&key), None);
    // And a peer that refuses it takes nothing.
    let mut world = diverged(3, 64, [70, 80]).0;
    world.nodes[2].multifeed.refuse(key).unwrap();
    world.nodes[2].drain();
    world.connect(2, 0, Mode::Live);
    world.run();
    assert_eq!(world.nodes[2].multifeed.find(&key), None);
    assert!(world.nodes[2].multifeed.peers().all(|peer| peer.is_synced));
}

#[test]
fn the_peer_with_the_longer_history_is_not_in_sync_before_the_proof_is_durable() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 3);
    write_twin(&mut world, 1, 5);
    world.connect(1, 0, Mode::Live);
    world.run();
    let events = &world.nodes[1].events;
    let at = |wanted: fn(&Event) -> bool| events.iter().position(wanted).unwrap();
    let forked = at(|event| matches!(event, Event::Forked { .. }));
    let synced = at(|event| matches!(event, Event::Synced { .. }));
    assert!(synced > forked, "{events:?}");
    assert!(world.nodes.iter().all(|node| is_forked(node, &key)));
}

#[test]
fn a_proof_that_the_store_fails_to_write_does_not_delay_a_sync() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 2);
    write_twin(&mut world, 1, 3);
    let ends = world.connect(1, 2, Mode::Live);
    world.run();
    world.cut(ends);
    let feed = world.nodes[1].multifeed.find(&key).unwrap().id;
    (3..5).for_each(|index| world.nodes[1].append(feed, &[&block(7, index)]));
    world.nodes[1].failure = Some(StoreFailure::Full);
    world.connect(1, 0, Mode::Live);
    world.run();
    let broken = Event::FeedBroken { feed, key: Some(key), failure: StoreFailure::Full };
    assert!(world.nodes[1].events.contains(&broken) && !is_forked(&world.nodes[1], &key));
    // Somebody else speaks of the feed.
    world.connect(1, 2, Mode::Live);
    world.run();
    assert!(world.nodes[1].multifeed.peers().all(|peer| peer.is_synced));
}

#[test]
fn other_feeds_go_on_after_a_fork() {
    let (mut world, _) = chain();
    let honest = write(&mut world, 2, 4);
    world.run();
    for node in 0..5 {
        assert_holds(&mut world, node, 2, &honest, 4);
    }
}

#[test]
fn a_fork_outlives_a_restart_and_later_peers_are_notified() {
    let (mut world, key) = chain();
    let map = core::mem::take(&mut world.nodes[2].map);
    let reopened = Node::open(&group(), 30, map);
    assert!(is_forked(&reopened, &key));
    assert_eq!(forks_reported(&reopened), 0, "it is reported once");
    // One that has the feed and knows of nothing, and one that has nothing.
    let mut later = World::of([reopened].into_iter().chain(nodes(3).nodes.drain(1..)).collect());
    let writer = later.nodes[1].writer(100);
    (0..2).for_each(|index| later.nodes[1].append(writer, &[&block(0, index)]));
    for other in [1, 2] {
        later.connect(0, other, Mode::Live);
        later.run();
    }
    assert!(is_forked(&later.nodes[1], &key));
    assert!(later.nodes[2].multifeed.find(&key).is_none(), "a forked feed is not served");
    assert_eq!(forks_reported(&later.nodes[0]), 0);
    // It holds the feed as well, and again after both are opened again.
    let mut maps: Vec<Map> = later.nodes.drain(..2).map(|node| node.map).collect();
    let [b, a] = [maps.pop().unwrap(), maps.pop().unwrap()];
    let mut again = World::of([Node::open(&group(), 31, a), Node::open(&group(), 32, b)].into());
    again.connect(0, 1, Mode::Once);
    again.run();
    assert!(again.nodes.iter().all(|node| is_forked(node, &key)));
    let synced = |node: &Node| node.closed.iter().all(|(_, reason)| *reason == CloseReason::Synced);
    assert!(again.nodes.iter().all(synced));
}

#[test]
fn a_ruling_does_not_undo_a_fork_and_a_removal_does() {
    let (mut world, key) = chain();
    let node = &mut world.nodes[2];
    node.multifeed.refuse(key).unwrap();
    node.multifeed.accept(key).unwrap();
    node.drain();
    assert!(is_forked(node, &key) && node.multifeed.is_refused(key));
    assert_eq!(proofs(node), 1);
    let feed = node.multifeed.find(&key).unwrap().id;
    assert_eq!(node.multifeed.download(feed, 0..1), Err(Misuse::FeedForked));
    node.multifeed.remove(feed).unwrap();
    node.drain();
    assert!(node.multifeed.find(&key).is_none());
    assert_eq!(proofs(node), 0);
}

/// The stores of two that hold a history each, of three blocks and of five.
fn two_stores() -> ([Map; 2], FeedKey) {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 3);
    write_twin(&mut world, 1, 5);
    let maps: Vec<Map> = world.nodes.into_iter().map(|node| node.map).collect();
    (maps.try_into().unwrap(), key)
}

#[test]
fn a_crash_during_a_fork_proof_sends_the_proof_on_reconnect() {
    let (maps, key) = two_stores();
    let open = |maps: &[Map; 2]| {
        World::of([0, 1].map(|at| Node::open(&group(), at as u8, maps[at].clone())).into())
    };
    let mut cut_off = 0;
    for (node, after, is_done) in [0, 1]
        .into_iter()
        .flat_map(|node| (0..8).flat_map(move |at| [(node, at, false), (node, at, true)]))
    {
        let mut world = open(&maps);
        world.nodes[node].end = Some(End { after, is_done });
        world.connect(0, 1, Mode::Live);
        world.run();
        let is_known = |node: &Node| is_forked(node, &key);
        cut_off += usize::from(!world.nodes.iter().all(is_known));
        let maps: Vec<Map> = world.nodes.into_iter().map(|node| node.map).collect();
        let mut again = open(&maps.try_into().unwrap());
        again.connect(0, 1, Mode::Live);
        again.run();
        for (node, length) in again.nodes.iter().zip([3, 5]) {
            assert!(is_known(node), "{after} {is_done}");
            assert_eq!(node.multifeed.find(&key).unwrap().length, length);
        }
        assert!(again.nodes.iter().all(|node| node.closed.is_empty()));
    }
    assert!(cut_off > 4, "{cut_off}");
}

#[test]
fn a_head_that_is_not_held_whole_is_disputed_once_it_is() {
    let (maps, key) = two_stores();
    let stores = maps.into_iter().chain([Map::new()]).zip(1..);
    let open = |(map, seed)| {
        let mut config = Config::new(group(), Seed::new([seed; 32]));
        // One block comes at a time, so the first two leave the head half held.
        config.limits.range_blocks = 1;
        Node::with(config, map)
    };
    let mut world = World::of(stores.map(open).collect());
    let ends = world.connect(2, 0, Mode::Live);
    while world.nodes[2].multifeed.find(&key).is_none() {
        world.step_once();
    }
    assert_eq!(world.nodes[2].multifeed.find(&key).unwrap().length, 1);
    world.cut(ends);
    world.connect(2, 1, Mode::Live);
    world.run();
    let contested = |event: &Event| matches!(event, Event::Contested { .. });
    assert!(world.nodes[2].events.iter().any(contested));
    assert!(world.nodes.iter().all(|node| !is_forked(node, &key)));
    world.connect(2, 0, Mode::Live);
    world.run();
    for (node, length) in world.nodes.iter().zip([3, 5, 3]) {
        assert!(is_forked(node, &key));
        assert_eq!(node.multifeed.find(&key).unwrap().length, length);
    }
}

#[test]
fn proofs_have_a_bound_and_every_forked_feed_stays_frozen() {
    const FORKED: u8 = 5;
    let open = |seed, map| {
        let mut config = Config::new(group(), Seed::new([seed; 32]));
        config.limits.forks = 2;
        Node::with(config, map)
    };
    let mut world = World::of([1, 2, 3].map(|seed| open(seed, Map::new())).into());
    world.connect(0, 1, Mode::Live);
    for writer in 0..FORKED {
        for (number, count) in [(0, 3), (1, 5)] {
            let node = &mut world.nodes[number];
            let key_pair = KeyPair::from_seed(&[100 + writer; 32]);
            let feed = node.multifeed.writer(&alloc::format!("{writer}"), key_pair).unwrap();
            // The first two blocks are the same in both.
            let history = |index| if index < 2 { 0 } else { number };
            (0..count).for_each(|index| node.append(feed, &[&block(history(index), index)]));
        }
        world.run();
    }
    let forked = |node: &Node| {
        node.multifeed.feeds().filter(|feed| feed.is_forked).map(|feed| feed.id).collect::<Vec<_>>()
    };
    let whole = |node: &Node| {
        let values = node.map.iter().filter(|(key, _)| key.as_bytes()[0] == 7);
        values.filter(|(_, value)| value.len() > 100).count()
    };
    let stored = world.nodes[..2].iter().map(|node| node.map.clone()).collect::<Vec<_>>();
    let reopened = stored.into_iter().map(|map| open(9, map)).collect::<Vec<_>>();
    // A new peer gets what is shared of the feeds with a proof, and the proofs.
    world.connect(2, 0, Mode::Live);
    world.run();
    let lengths = world.nodes[2].multifeed.feeds().map(|feed| (feed.is_forked, feed.length));
    assert_eq!(lengths.collect::<Vec<_>>(), [(true, 2); 2]);
    assert!(world.nodes[2].multifeed.peers().all(|peer| peer.is_synced));
    assert_eq!(world.nodes[0].multifeed.sync_status().forked, usize::from(FORKED));
    for node in world.nodes[..2].iter_mut().chain(&mut reopened.into_iter().collect::<Vec<_>>()) {
        assert_eq!((forked(node).len(), proofs(node)), (usize::from(FORKED), 5));
        assert_eq!(whole(node), 2, "of the others 32 bytes are kept");
        assert!(node.closed.is_empty(), "{:?}", node.closed);
        for feed in forked(node) {
            let error = node.multifeed.append(feed, &[b"more"]).err();
            assert!(matches!(error, Some(Misuse::FeedForked | Misuse::NotWritable)), "{error:?}");
        }
        // Removing feeds makes room.
        for feed in forked(node) {
            node.multifeed.remove(feed).unwrap();
            node.drain();
        }
        assert_eq!(proofs(node), 0);
    }
}

#[test]
fn a_removed_feed_gets_no_proof() {
    let (mut node, key, forked, _) = target();
    let feed = node.multifeed.find(&key).unwrap().id;
    let mut raw = Raw::member(&mut node, &group(), 50);
    node.held = Some(Vec::new());
    node.multifeed.remove(feed).unwrap();
    node.drain();
    raw.say(&mut node, Kind::ForkProof, &forked.encode());
    node.release();
    node.drain();
    assert_eq!((forks_reported(&node), proofs(&node)), (0, 0));
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn a_damaged_proof_costs_no_more_than_itself() {
    let (mut world, key) = chain();
    for is_sealed in [false, true] {
        let mut map = world.nodes[2].map.clone();
        let (place, value) = map.iter().find(|(key, _)| key.as_bytes()[0] == 7).unwrap();
        let (place, mut forked) = (*place, ForkProof::decode(value).unwrap());
        forked.head.signature.0[0] ^= 1;
        let damaged = if is_sealed {
            crate::feed::record::encode_fork(&forked.encode())
        } else {
            forked.encode().into()
        };
        map.insert(place, damaged);
        let node = Node::open(&group(), 30, map);
        assert!(!is_forked(&node, &key));
        assert_eq!(node.multifeed.find(&key).unwrap().length, 3);
        let broken = |event: &Event| {
            matches!(event, Event::FeedBroken { failure: StoreFailure::Damaged, .. })
        };
        assert!(node.events.iter().any(broken));
    }
    world.run();
}

#[test]
fn a_fork_whose_proof_is_not_durable_is_not_announced() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 3);
    write_twin(&mut world, 1, 5);
    world.connect(2, 0, Mode::Live);
    world.run();
    world.nodes[1].failure = Some(StoreFailure::Io);
    world.connect(2, 1, Mode::Live);
    world.run();
    assert!(world.nodes.iter().all(|node| !is_forked(node, &key) && forks_reported(node) == 0));
    // The longer history is there, so the proof is made there.
    let broken = |event: &Event| matches!(event, Event::FeedBroken { .. });
    assert!(world.nodes[1].events.iter().any(broken));
}

/// A node that holds a feed of three blocks, a right proof that it has two histories, and a head
/// of the other one.
fn target() -> (Node, FeedKey, ForkProof, SignedHead) {
    let (mut world, key) = chain();
    let id = world.nodes[2].multifeed.find(&key).unwrap().id;
    let proof = world.nodes[2].multifeed.feeds.get(id).unwrap().fork_proof().cloned();
    let forked = ForkProof::decode(&proof.unwrap()).unwrap();
    let mut two = nodes(2);
    write(&mut two, 0, 3);
    two.connect(0, 1, Mode::Live);
    two.run();
    write_twin(&mut world, 4, 0);
    let id = world.nodes[4].multifeed.find(&key).unwrap().id;
    let dispute = world.nodes[4].multifeed.feeds.get(id).unwrap().signed_head().unwrap();
    (two.nodes.remove(1), key, forked, dispute)
}

#[test]
fn a_fork_proof_is_accepted_from_any_peer_once() {
    let (mut node, key, forked, _) = target();
    let mut raw = Raw::member(&mut node, &group(), 50);
    for _ in 0..1_000 {
        raw.say(&mut node, Kind::ForkProof, &forked.encode());
    }
    assert!(is_forked(&node, &key));
    assert_eq!((forks_reported(&node), proofs(&node)), (1, 1));
    assert_eq!(
        raw.bodies(Kind::ForkProof),
        Vec::<Vec<u8>>::new(),
        "the sender of the proof gets none back"
    );
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn a_forged_proof_closes_the_connection_and_freezes_nothing() {
    let (mut node, key, right, _) = target();
    let mut number = 50;
    let mut refused = |body: &[u8], violation: Violation| {
        number += 1;
        let mut raw = Raw::member(&mut node, &group(), number);
        raw.say(&mut node, Kind::ForkProof, body);
        let reason = Some(CloseReason::Violation(violation));
        assert_eq!(closed(&node, raw.connection), reason);
        assert!(!is_forked(&node, &key) && forks_reported(&node) == 0);
    };
    let changed = |change: &dyn Fn(&mut ForkProof)| {
        let mut forked = right.clone();
        change(&mut forked);
        forked.encode()
    };
    let body = right.encode();
    refused(&body[..body.len() - 1], Violation::Malformed(Malformed::Truncated));
    refused(&[], Violation::Malformed(Malformed::Truncated));
    refused(&changed(&|it| it.head.signature.0[0] ^= 1), Violation::BadSignature);
    refused(&changed(&|it| it.signed_head.header.signature.0[0] ^= 1), Violation::BadSignature);
    refused(&changed(&|it| it.nodes[0].1[0] ^= 1), Violation::BadSignature);
    refused(&changed(&|it| it.head.length = 2), Violation::OutOfRange);
    refused(&changed(&|it| it.signed_head.header.length = 0), Violation::OutOfRange);
    refused(&changed(&|it| it.head.length = 1 << 41), Violation::OutOfRange);
    refused(&changed(&|it| it.head.length = 1 << 40), Violation::BadProof);
    // One head twice.
    let twice = changed(&|it| {
        let header = it.signed_head.header;
        it.head.length = header.length;
        it.head.signature = header.signature;
        it.nodes = it.signed_head.roots.clone();
        it.head.nodes = header.roots;
    });
    refused(&twice, Violation::BadProof);
    // Of a feed that is not here it is nothing.
    let other = changed(&|it| it.signed_head.header.public_key = PublicKey([1; 32]));
    let mut raw = Raw::member(&mut node, &group(), 99);
    raw.say(&mut node, Kind::ForkProof, &other);
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn a_head_in_dispute_is_verified_and_held_against_ours() {
    let (mut node, key, _, dispute) = target();
    let changed = |change: &dyn Fn(&mut SignedHead)| {
        let mut dispute = dispute.clone();
        change(&mut dispute);
        dispute.encode()
    };
    let wrong = [
        (changed(&|it| it.header.signature.0[0] ^= 1), Violation::BadSignature),
        (changed(&|it| it.roots[0].1[0] ^= 1), Violation::BadSignature),
        (changed(&|it| it.header.length = 0), Violation::OutOfRange),
        (changed(&|it| it.header.length = 7), Violation::BadProof),
        (dispute.encode()[..40].to_vec(), Violation::Malformed(Malformed::Truncated)),
    ];
    for (number, (body, violation)) in (50..).zip(wrong) {
        let mut raw = Raw::member(&mut node, &group(), number);
        raw.say(&mut node, Kind::SignedHead, &body);
        assert_eq!(closed(&node, raw.connection), Some(CloseReason::Violation(violation)));
    }
    // It is longer than ours, so the peer gets our head and makes the proof.
    let mut raw = Raw::member(&mut node, &group(), 60);
    raw.say(&mut node, Kind::SignedHead, &dispute.encode());
    assert_eq!(raw.bodies(Kind::SignedHead).len(), 1);
    assert!(!is_forked(&node, &key));
    for _ in 0..127 {
        raw.say(&mut node, Kind::SignedHead, &dispute.encode());
    }
    assert_eq!(closed(&node, raw.connection), None);
    raw.say(&mut node, Kind::SignedHead, &dispute.encode());
    let reason = Some(CloseReason::Violation(Violation::BadSignature));
    assert_eq!(closed(&node, raw.connection), reason);
}

#[test]
fn a_head_that_is_ours_is_no_second_history() {
    let (mut node, key, right, _) = target();
    let mut raw = Raw::member(&mut node, &group(), 50);
    raw.say(&mut node, Kind::SignedHead, &right.signed_head.encode());
    assert!(!is_forked(&node, &key));
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn two_heads_of_one_length_are_a_fork_too() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 3);
    write_twin(&mut world, 1, 3);
    let id = world.nodes[1].multifeed.find(&key).unwrap().id;
    let dispute = world.nodes[1].multifeed.feeds.get(id).unwrap().signed_head().unwrap();
    let mut node = world.nodes.remove(0);
    let mut raw = Raw::member(&mut node, &group(), 50);
    raw.say(&mut node, Kind::SignedHead, &dispute.encode());
    assert!(is_forked(&node, &key));
    assert_eq!(forks_reported(&node), 1);
}
