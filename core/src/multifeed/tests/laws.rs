//! What holds whatever the order, the pace and the failures.

use super::*;
use crate::io::StoreRequest;

#[test]
fn nothing_is_announced_before_it_is_durable() {
    let mut world = nodes(2);
    let feed = world.nodes[0].writer(100);
    world.connect(0, 1, Mode::Live);
    world.run();
    world.nodes[0].held = Some(Vec::new());
    let before = world.bytes;
    world.nodes[0].append(feed, &[&block(0, 0)]);
    world.run();
    assert_eq!(world.bytes, before, "no byte tells of the block");
    assert_eq!(world.nodes[1].multifeed.feeds().count(), 0);
    world.nodes[0].release();
    world.run();
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
}

#[test]
fn blocks_are_not_announced_before_they_are_durable() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 2);
    world.connect(0, 1, Mode::Live);
    world.nodes[1].held = Some(Vec::new());
    world.run();
    let feed = world.nodes[0].multifeed.find(&key).unwrap().id;
    let held = |world: &World| world.nodes[0].multifeed.holders(feed).map(|(_, held)| held).max();
    assert_eq!(held(&world).unwrap_or(0), 0);
    world.nodes[1].release();
    world.run();
    assert_eq!(held(&world), Some(2));
}

#[test]
fn store_replies_in_any_order_give_the_same_state() {
    for order in 0..6 {
        let mut world = nodes(2);
        let feed = world.nodes[0].writer(100);
        world.nodes[0].held = Some(Vec::new());
        for index in 0..3 {
            world.nodes[0].append(feed, &[&block(0, index)]);
        }
        let mut held = world.nodes[0].held.take().unwrap();
        // All are carried out in their order; the answers come in each of the six.
        let mut replies: Vec<_> =
            held.drain(..).map(|request| world.nodes[0].answer(request)).collect();
        for place in [order / 2, order % 2, 0] {
            let reply = replies.remove(place);
            world.nodes[0].handle(Instant::ZERO, Input::Stored(reply));
            world.nodes[0].drain();
        }
        world.connect(0, 1, Mode::Live);
        world.run();
        let key = world.nodes[0].multifeed.feed(feed).unwrap().key;
        assert_holds(&mut world, 1, 0, &key, 3);
        let appended = world.nodes[0].events.iter().filter_map(|event| match event {
            Event::Appended { end, .. } => Some(*end),
            _ => None,
        });
        assert!(appended.eq([1, 2, 3]), "each append is answered once, in order");
    }
}

#[test]
fn a_multifeed_reopened_on_its_store_has_the_same_state() {
    let mut world = nodes(2);
    let (a, b) = (write(&mut world, 0, 3), write(&mut world, 1, 4));
    world.connect(0, 1, Mode::Once);
    world.run();
    let before = world.nodes[1].holdings();
    let map = world.nodes[1].map.clone();
    world.nodes[1] = Node::open(&group(), 9, map);
    assert_eq!(world.nodes[1].events, [Event::Ready { feeds: 2 }]);
    assert_eq!(world.nodes[1].holdings(), before);
    assert_holds(&mut world, 1, 0, &a, 3);
    let feed = world.nodes[1].writer(101);
    assert_eq!(world.nodes[1].multifeed.feed(feed).unwrap().key, b);
    world.nodes[1].append(feed, &[&block(1, 4)]);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 0, 1, &b, 5);
}

#[test]
fn a_store_of_another_group_is_refused() {
    let mut node = Node::open(&group(), 1, Map::new());
    let feed = node.writer(100);
    node.append(feed, &[b"x"]);
    let other = Node::open(&Group::keyed([8; 32]), 1, node.map);
    assert_eq!(other.events, [Event::OpenFailed(StoreFailure::WrongGroup)]);
    assert!(other.multifeed.feeds().next().is_none());
}

#[test]
fn a_store_without_its_group_record_is_not_treated_as_new() {
    let mut node = Node::open(&group(), 1, Map::new());
    let feed = node.writer(100);
    node.append(feed, &[b"x"]);
    node.map.remove(&crate::feed::record::meta_key());
    let again = Node::open(&group(), 1, node.map.clone());
    assert_eq!(again.events, [Event::OpenFailed(StoreFailure::Damaged)]);
    assert_eq!(again.map, node.map, "nothing is written over what is there");
}

#[test]
fn a_damaged_record_costs_its_own_feed_alone() {
    let mut world = nodes(2);
    let (a, b) = (write(&mut world, 0, 3), write(&mut world, 1, 4));
    world.connect(0, 1, Mode::Once);
    world.run();
    let mut map = world.nodes[1].map.clone();
    let feed = world.nodes[1].multifeed.find(&a).unwrap().id;
    let record = map.get_mut(&crate::feed::record::feed_key(feed.slot)).unwrap();
    let mut bytes = record.to_vec();
    bytes[40] ^= 1;
    *record = bytes.into();
    world.nodes[1] = Node::open(&group(), 9, map);
    let broken = Event::FeedBroken { feed, key: None, failure: StoreFailure::Damaged };
    assert!(world.nodes[1].events.contains(&broken));
    assert_holds(&mut world, 1, 1, &b, 4);
    // Its author is not known: a new feed could be this one, and sign an index twice.
    let fresh = world.nodes[1].multifeed.writer("new", KeyPair::from_seed(&[55; 32]));
    assert_eq!(fresh, Err(Misuse::FeedBroken));
    // The feed comes again from who has it, into a slot of its own.
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 1, 0, &a, 3);
}

#[test]
fn a_slot_far_behind_the_others_costs_no_memory_and_no_other_feed() {
    let mut world = nodes(2);
    let (a, b) = (write(&mut world, 0, 3), write(&mut world, 1, 4));
    world.connect(0, 1, Mode::Once);
    world.run();
    let mut map = world.nodes[1].map.clone();
    let feed = world.nodes[1].multifeed.find(&a).unwrap().id;
    let record = map.remove(&crate::feed::record::feed_key(feed.slot)).unwrap();
    for slot in [u32::MAX / 2, u32::MAX - 1] {
        map.insert(crate::feed::record::feed_key(slot), record.clone());
    }
    world.nodes[1] = Node::open(&group(), 9, map);
    assert!(world.nodes[1].multifeed.feeds.slots_held() <= 4);
    assert_holds(&mut world, 1, 1, &b, 4);
    assert_eq!(world.nodes[1].multifeed.find(&a).unwrap().id, FeedId::first(u32::MAX / 2));
    // Later feeds get slots near the others, and the listing finds those that are far.
    let fresh = world.nodes[0].multifeed.writer("new", KeyPair::from_seed(&[55; 32])).unwrap();
    world.nodes[0].append(fresh, &[&block(2, 0)]);
    let ids = world.connect(0, 1, Mode::Live);
    world.run();
    assert_eq!(world.nodes[1].multifeed.feeds().count(), 3);
    assert!(world.nodes[1].multifeed.feeds.slots_held() <= 5);
    assert!(world.nodes[0].closed.iter().all(|closed| closed.0 != ids[0]));
}

#[test]
fn a_sync_ends_though_a_peer_lacks_blocks_that_it_offered() {
    let mut world = nodes(2);
    let (a, b) = (write(&mut world, 0, 3), write(&mut world, 1, 2));
    let feed = world.nodes[0].multifeed.find(&a).unwrap().id;
    world.nodes[0].map.remove(&crate::feed::record::block_key(feed.slot, 1));
    world.connect(0, 1, Mode::Once);
    world.run();
    assert_holds(&mut world, 0, 1, &b, 2);
    let closed: Vec<_> = world.nodes.iter().flat_map(|node| &node.closed).collect();
    assert!(!closed.is_empty() && closed.iter().all(|closed| closed.1 == CloseReason::Synced));
    let refused =
        |event: &Event| matches!(event, Event::Refused { refusal: Refusal::Unavailable, .. });
    assert!(world.nodes[1].events.iter().any(refused));
    let broken = Event::FeedBroken { feed, key: Some(a), failure: StoreFailure::Damaged };
    assert!(world.nodes[0].events.contains(&broken), "our side reports that its disk is damaged");
    assert_eq!(world.nodes[1].multifeed.feeds.len(), 1, "the feed that never came is forgotten");
}

#[test]
fn blocks_that_one_peer_lacks_come_from_another() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 30);
    world.connect(0, 1, Mode::Once);
    world.run();
    let feed = world.nodes[0].multifeed.find(&key).unwrap().id;
    world.nodes[0].map.remove(&crate::feed::record::block_key(feed.slot, 1));
    world.connect(2, 0, Mode::Live);
    world.connect(2, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 2, 0, &key, 30);
}

#[test]
fn blocks_requested_from_a_lost_peer_come_from_another() {
    let mut config = Config::new(group(), [4; 32]);
    // Else the second peer would push what the first one owes.
    config.limits.push_bytes = 0;
    let mut world = nodes(3);
    world.nodes[1] = Node::with(config, Map::new());
    let key = write(&mut world, 0, 30);
    world.connect(0, 1, Mode::Once);
    world.run();
    // The first peer's answers never come: it is asked, then it is cut off.
    let first = world.connect(2, 0, Mode::Live);
    world.nodes[0].held = Some(Vec::new());
    world.run();
    world.connect(2, 1, Mode::Live);
    world.run();
    assert!(world.nodes[2].multifeed.find(&key).is_none(), "it waits for the one it asked");
    world.cut(first);
    world.run();
    assert_holds(&mut world, 2, 0, &key, 30);
}

#[test]
fn a_stalled_peer_gets_no_requests_until_it_sends() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 30);
    world.connect(0, 1, Mode::Once);
    world.run();
    world.connect(2, 0, Mode::Live);
    world.nodes[0].held = Some(Vec::new());
    world.run();
    world.connect(2, 1, Mode::Live);
    world.run();
    let late = Instant::from_micros(10_000_000);
    assert!(world.nodes[2].multifeed.deadline().unwrap() <= late);
    world.nodes[2].handle(late, Input::Timeout);
    world.run();
    assert_holds(&mut world, 2, 0, &key, 30);
    assert!(world.nodes[2].closed.is_empty(), "it is slow, not wrong");
}

#[test]
fn timers_close_silent_connections_and_keep_the_others() {
    let mut world = nodes(2);
    let ids = world.connect(0, 1, Mode::Live);
    let node = &mut world.nodes[0];
    let handshake = Instant::from_micros(10_000_000);
    assert_eq!(node.multifeed.deadline(), Some(handshake));
    node.handle(handshake, Input::Timeout);
    node.drain();
    assert_eq!(node.closed, [(ids[0], CloseReason::Deadline(Deadline::Handshake))]);

    let mut world = nodes(2);
    let ids = world.connect(0, 1, Mode::Live);
    world.run();
    let before = world.bytes;
    let node = &mut world.nodes[0];
    assert_eq!(node.multifeed.deadline(), Some(Instant::from_micros(5_000_000)));
    node.handle(Instant::from_micros(5_000_000), Input::Timeout);
    world.run();
    assert_eq!(world.bytes - before, 20, "one empty message keeps the other side content");
    let node = &mut world.nodes[0];
    node.handle(Instant::from_micros(15_000_000), Input::Timeout);
    node.drain();
    assert_eq!(node.closed, [(ids[0], CloseReason::Deadline(Deadline::Dead))]);
}

#[test]
fn a_sync_that_should_end_and_makes_no_progress_is_closed() {
    let mut world = nodes(2);
    write(&mut world, 0, 3);
    let ids = world.connect(1, 0, Mode::Once);
    world.nodes[0].held = Some(Vec::new());
    world.run();
    let late = Instant::from_micros(10_000_000);
    world.nodes[1].handle(late, Input::Timeout);
    world.nodes[1].drain();
    assert_eq!(world.nodes[1].closed, [(ids[0], CloseReason::Deadline(Deadline::Stalled))]);
}

#[test]
fn a_store_that_fails_freezes_its_feed_and_nothing_else() {
    let mut world = nodes(2);
    let (a, b) = (write(&mut world, 0, 3), write(&mut world, 1, 2));
    world.nodes[1].failure = Some(StoreFailure::Full);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert!(world.nodes[1].closed.is_empty());
    assert!(world.nodes[1].multifeed.find(&a).is_none());
    assert_holds(&mut world, 0, 1, &b, 2);
    let is_full =
        |event: &Event| matches!(event, Event::FeedBroken { failure: StoreFailure::Full, .. });
    assert_eq!(world.nodes[1].events.iter().filter(|event| is_full(event)).count(), 1);
    // Our own feed fails too when it is written, and says so once and for good.
    let feed = world.nodes[1].multifeed.find(&b).unwrap().id;
    let request = world.nodes[1].multifeed.append(feed, &[b"x"]).unwrap();
    world.nodes[1].drain();
    let failed = Event::Failed { request, failure: StoreFailure::Full };
    assert!(world.nodes[1].events.contains(&failed));
    world.nodes[1].failure = None;
    assert_eq!(world.nodes[1].multifeed.append(feed, &[b"x"]), Err(Misuse::FeedBroken));
    assert_eq!(world.nodes[1].multifeed.feed(feed).unwrap().length, 2);
}

#[test]
fn a_peer_that_reads_nothing_costs_one_bound_of_memory() {
    let mut world = nodes(2);
    let feed = world.nodes[0].writer(100);
    for index in 0..40 {
        let mut big = vec![0; 100_000];
        big[..8].copy_from_slice(&u64::to_le_bytes(index));
        world.nodes[0].append(feed, &[&big]);
    }
    world.connect(0, 1, Mode::Live);
    let mut requests = 0;
    // The reader asks, and then its socket takes nothing more.
    for _ in 0..20 {
        world.step_once();
    }
    world.nodes[0].held = Some(Vec::new());
    for _ in 0..100 {
        world.nodes[0].handle(Instant::ZERO, Input::Timeout);
        world.nodes[0].drain();
        let held = world.nodes[0].held.replace(Vec::new()).unwrap_or_default();
        requests += held.iter().filter(|held| matches!(held, StoreRequest::Scan(_))).count();
        for request in held {
            let reply = world.nodes[0].answer(request);
            world.nodes[0].handle(Instant::ZERO, Input::Stored(reply));
            world.nodes[0].drain();
        }
    }
    assert!(requests <= 4, "{requests} reads of 100 kB for a peer that takes nothing");
}

#[test]
fn our_own_feed_is_restored_from_peers_after_the_store_was_lost() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 5);
    world.connect(0, 1, Mode::Once);
    world.run();
    world.nodes[0] = Node::open(&group(), 7, Map::new());
    let feed = world.nodes[0].writer(100);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 0, 0, &key, 5);
    world.nodes[0].append(feed, &[&block(0, 5)]);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 6);
}

#[test]
fn a_live_block_crosses_a_triangle_without_duplicates() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 1);
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        world.connect(a, b, Mode::Live);
    }
    world.run();
    let feed = world.nodes[0].multifeed.find(&key).unwrap().id;
    // The first blocks settle who pushes to whom.
    for index in 1..5 {
        world.nodes[0].append(feed, &[&block(0, index)]);
        world.run();
    }
    let before = world.bytes;
    for index in 5..15 {
        world.nodes[0].append(feed, &[&block(0, index)]);
        world.run();
    }
    for node in 1..3 {
        assert_holds(&mut world, node, 0, &key, 15);
    }
    let each = (world.bytes - before) / 10;
    // Two copies of 100 bytes and a signature, and who holds what, five times.
    assert!(each <= 2 * 210 + 5 * 40, "{each} bytes for one block on three links");
}

#[test]
fn misuse_is_reported_and_changes_nothing() {
    let mut node = Node::open(&group(), 1, Map::new());
    let key_pair = || KeyPair::from_seed(&[1; 32]);
    let other = || KeyPair::from_seed(&[2; 32]);
    assert_eq!(node.multifeed.writer("", key_pair()), Err(Misuse::BadName));
    assert_eq!(node.multifeed.writer(&"x".repeat(65), key_pair()), Err(Misuse::BadName));
    let feed = node.multifeed.writer("one", key_pair()).unwrap();
    assert_eq!(node.multifeed.writer("one", key_pair()), Ok(feed), "the same again");
    assert_eq!(node.multifeed.writer("one", other()), Err(Misuse::NameTaken));
    assert_eq!(node.multifeed.writer("two", key_pair()), Err(Misuse::KeyPairTaken));
    assert_eq!(node.multifeed.append(feed, &[]), Err(Misuse::EmptyAppend));
    let big = vec![0; (1 << 20) + 1];
    assert_eq!(node.multifeed.append(feed, &[&big]), Err(Misuse::BlockTooLarge));
    let many = vec![&big[1..]; 9];
    assert_eq!(node.multifeed.append(feed, &many), Err(Misuse::AppendTooLarge));
    assert_eq!(node.multifeed.append(FeedId::first(7), &[b"x"]), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.read(feed, 0, 1), Err(Misuse::OutOfRange));
    assert!(node.map.len() == 1 && node.multifeed.poll().is_none());
    let unread = &mut Multifeed::open(Config::new(group(), [1; 32]));
    assert_eq!(unread.writer("one", key_pair()), Err(Misuse::NotReady));
    let mut config = Config::new(group(), [1; 32]);
    (config.limits.feeds, config.limits.requests) = (1, 1);
    let mut node = Node::with(config, Map::new());
    let feed = node.multifeed.writer("one", key_pair()).unwrap();
    assert_eq!(node.multifeed.writer("two", other()), Err(Misuse::TooManyFeeds));
    node.multifeed.append(feed, &[b"x"]).unwrap();
    assert_eq!(node.multifeed.append(feed, &[b"x"]), Err(Misuse::TooManyRequests));
}

#[test]
fn a_full_group_declines_more_feeds_and_reports_it() {
    let mut config = Config::new(group(), [1; 32]);
    config.limits.feeds = 1;
    let mut world =
        World::of(vec![Node::with(config, Map::new()), Node::open(&group(), 2, Map::new())]);
    let (a, b) = (write(&mut world, 0, 1), write(&mut world, 1, 1));
    world.connect(0, 1, Mode::Once);
    world.run();
    assert_holds(&mut world, 1, 0, &a, 1);
    assert!(world.nodes[0].multifeed.find(&b).is_none());
    let declined =
        |event: &Event| matches!(event, Event::Refused { refusal: Refusal::Declined, .. });
    assert!(world.nodes[1].events.iter().any(declined));
    let closed = world.nodes.iter().flat_map(|node| &node.closed);
    assert!(closed.map(|closed| closed.1).all(|reason| reason == CloseReason::Synced));
}

#[test]
fn a_connection_to_ourselves_is_closed() {
    let mut world = nodes(1);
    world.nodes.push(Node::open(&group(), 1, Map::new()));
    world.connect(0, 1, Mode::Live);
    world.run();
    let reasons: Vec<_> = world.nodes.iter().flat_map(|node| &node.closed).collect();
    assert!(reasons.iter().all(|closed| closed.1 == CloseReason::Ourselves) && !reasons.is_empty());
}

#[test]
fn many_more_feeds_than_names_are_granted_at_once() {
    let mut config = Config::new(group(), [2; 32]);
    config.limits.aliases = 16;
    let mut world =
        World::of(vec![Node::open(&group(), 1, Map::new()), Node::with(config, Map::new())]);
    for index in 0..300u64 {
        let mut seed = [1; 32];
        seed[..8].copy_from_slice(&index.to_le_bytes());
        let name = alloc::format!("{index}");
        let feed = world.nodes[0].multifeed.writer(&name, KeyPair::from_seed(&seed)).unwrap();
        world.nodes[0].append(feed, &[&block(0, 0)]);
    }
    world.connect(0, 1, Mode::Once);
    world.run();
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
    assert_eq!(world.nodes[1].multifeed.sync_status().feeds, 300);
}

#[test]
fn blocks_appended_while_a_range_waits_for_the_socket_follow_it() {
    for rounds in 1..6 {
        let mut world = nodes(2);
        let key = write(&mut world, 0, 1);
        world.connect(0, 1, Mode::Live);
        world.run();
        let feed = world.nodes[0].multifeed.find(&key).unwrap().id;
        for index in 0..rounds {
            // Appended, read for the peer, and not pulled: the next append comes before the pull.
            world.nodes[0].append(feed, &[&block(0, index + 1)]);
            world.nodes[0].drain();
        }
        world.run();
        assert_holds(&mut world, 1, 0, &key, rounds + 1);
    }
}

#[test]
fn a_peer_that_stalled_is_asked_again_later() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 30);
    world.connect(1, 0, Mode::Live);
    world.nodes[0].held = Some(Vec::new());
    world.run();
    let seconds = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
    for node in [1, 0] {
        world.nodes[node].handle(seconds(10), Input::Timeout);
    }
    world.run();
    let before = world.bytes;
    world.nodes[1].handle(seconds(14), Input::Timeout);
    world.run();
    assert_eq!(world.bytes, before, "it is not asked yet");
    world.nodes[1].handle(seconds(20), Input::Timeout);
    world.run();
    let sign_of_life = 20;
    assert!(world.bytes > before + sign_of_life, "it is asked again");
    world.nodes[0].release();
    world.run();
    assert_holds(&mut world, 1, 0, &key, 30);
    assert!(world.nodes[1].closed.is_empty());
}

#[test]
fn a_fork_affects_no_other_feed() {
    let mut world = nodes(4);
    // One key pair in two places, as after a copied folder.
    let key = write(&mut world, 0, 3);
    let twin = world.nodes[1].writer(100);
    for index in 0..5 {
        world.nodes[1].append(twin, &[&block(1, index)]);
    }
    let honest = write(&mut world, 3, 2);
    for (a, b) in [(2, 0), (2, 1), (3, 2), (3, 1)] {
        world.connect(a, b, Mode::Live);
        world.run();
    }
    assert_holds(&mut world, 2, 0, &key, 3);
    for node in 0..4 {
        assert!(world.nodes[node].closed.is_empty(), "{node}: {:?}", world.nodes[node].closed);
        assert_holds(&mut world, node, 3, &honest, 2);
    }
    let contested = |event: &Event| matches!(event, Event::Contested { .. });
    assert!(world.nodes[2].events.iter().any(contested), "the fork is reported");
    assert!(world.nodes[2].multifeed.peers().all(|peer| peer.is_synced), "and waits for nothing");
}

#[test]
fn a_frame_that_drips_does_not_keep_a_connection() {
    let mut world = nodes(2);
    let ids = world.connect(0, 1, Mode::Live);
    world.run();
    let node = &mut world.nodes[0];
    // The length of a long frame, then a byte a second.
    let seconds = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
    let connection = ids[0];
    node.handle(seconds(1), Input::Received { connection, bytes: &[0, 0, 1] });
    for second in 2..20 {
        node.handle(seconds(second), Input::Received { connection, bytes: &[0] });
        node.handle(seconds(second), Input::Timeout);
        node.drain();
    }
    assert_eq!(node.closed, [(connection, CloseReason::Deadline(Deadline::Dead))]);
}
