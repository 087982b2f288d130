//! In which flight after the pipe is there the first block comes, and what is pushed for that.

use bytes::BytesMut;

use super::*;
use crate::tests::cases;
use crate::wire::multifeed::Kind;

/// How many flights it takes until the dialler, or the dialled one, holds a new block of the other.
fn flights_to(world: &mut World, reader: usize, key: &FeedKey, length: u64) -> usize {
    world.connect(0, 1, Mode::Live);
    let flights = world.flights(|world| held(world, reader, key) == length);
    world.run();
    assert!(world.nodes.iter().all(|node| node.closed.is_empty()));
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
    flights
}

fn held(world: &World, node: usize, key: &FeedKey) -> u64 {
    world.nodes[node].multifeed.find(key).map_or(0, |feed| feed.length)
}

/// Two nodes that hold the same `feeds` feeds. The first feed grows at one node.
fn in_common(feeds: u64, writer: usize) -> (World, FeedKey) {
    let mut world = nodes(2);
    let key = write(&mut world, writer, 1);
    for number in 1..feeds {
        let name = alloc::format!("{number}");
        let mut seed = [1; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let feed = world.nodes[0].multifeed.writer(&name, KeyPair::from_seed(&seed)).unwrap();
        world.nodes[0].append(feed, &[b"x"]);
    }
    let ends = world.connect(0, 1, Mode::Live);
    world.run();
    world.cut(ends);
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
    (world, key)
}

#[test]
fn the_first_block_arrives_two_round_trips_after_connecting() {
    for (writer, flights) in [(1, 4), (0, 5)] {
        let mut world = nodes(2);
        let key = write(&mut world, writer, 1);
        assert_eq!(flights_to(&mut world, 1 - writer, &key, 1), flights, "written by {writer}");
    }
}

#[test]
fn a_new_block_beside_a_thousand_feeds_arrives_during_reconciliation() {
    for (writer, flights) in [(1, 4), (0, 5)] {
        let (mut world, key) = in_common(1_000, writer);
        let feed = world.nodes[writer].multifeed.find(&key).unwrap().id;
        world.nodes[writer].append(feed, &[b"new"]);
        assert_eq!(flights_to(&mut world, 1 - writer, &key, 2), flights, "written by {writer}");
    }
}

#[test]
fn a_new_feed_beside_a_thousand_arrives_during_reconciliation() {
    for (writer, flights) in [(1, 4), (0, 5)] {
        let (mut world, _) = in_common(1_000, writer);
        let key_pair = KeyPair::from_seed(&[77; 32]);
        let feed = world.nodes[writer].multifeed.writer("new", key_pair).unwrap();
        world.nodes[writer].append(feed, &[b"new"]);
        let key = world.nodes[writer].multifeed.feed(feed).unwrap().key;
        assert_eq!(flights_to(&mut world, 1 - writer, &key, 1), flights, "written by {writer}");
    }
}

#[test]
fn two_writers_read_each_other_after_a_want() {
    for (reader, flights) in [(0, 6), (1, 7)] {
        let mut world = nodes(2);
        let keys: Vec<_> = (0..2).map(|node| write(&mut world, node, 1)).collect();
        assert_eq!(flights_to(&mut world, reader, &keys[1 - reader], 1), flights);
    }
}

/// Bytes of all ranges that the nodes have sent, and how many these were.
fn ranges(world: &World) -> (usize, usize) {
    world.said.get(&(Kind::Range as u64)).copied().unwrap_or_default()
}

/// A writer of feeds with blocks of 100 bytes each, and a reader, without encryption.
fn writer_and_reader(feeds: u8, blocks: usize, reader: Config) -> World {
    let remote = KeyPair::from_seed(&[77; 32]).public_key();
    let mut world =
        World::of(vec![Node::open(&group(), 1, Map::new()), Node::with(reader, Map::new())]);
    world.secure = Some(Secure::Established { handshake_hash: [7; 64], remote });
    for number in 0..feeds {
        let name = alloc::format!("{number}");
        let key_pair = KeyPair::from_seed(&[100 + number; 32]);
        let feed = world.nodes[0].multifeed.writer(&name, key_pair).unwrap();
        let block = [number; 100];
        world.nodes[0].append(feed, &vec![&block[..]; blocks]);
    }
    world
}

fn reader() -> Config {
    Config::new(group(), Seed::new([2; 32]))
}

#[test]
fn pushed_blocks_are_sent_once() {
    for (feeds, blocks, count) in [(1, 1, 1), (10, 1_000, 20), (100, 3, 100)] {
        for dialler in [0, 1] {
            let mut world = writer_and_reader(feeds, blocks, reader());
            world.connect(dialler, 1 - dialler, Mode::Live);
            world.run();
            assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
            assert_eq!(ranges(&world).1, count, "ranges of at most 64 KiB");
        }
    }
}

#[test]
fn a_push_and_a_want_that_cross_bring_each_block_once() {
    for blocks in [3, 1_000] {
        let mut world = writer_and_reader(1, blocks, reader());
        let key = world.nodes[0].multifeed.feeds().next().unwrap().key;
        world.connect(1, 0, Mode::Live);
        world.flights(|_| true);
        // The head goes out, and its block is not read yet.
        world.nodes[0].held = Some(Vec::new());
        world.flights(|_| true);
        world.nodes[0].release();
        world.flights(|world| held(world, 1, &key) > 0);
        let wants = world.said[&(Kind::Wants as u64)].1;
        assert_eq!(wants, 1, "it was wanted in the same flight");
        world.run();
        assert_eq!(held(&world, 1, &key), blocks as u64);
        assert_eq!(ranges(&world).1, 1 + blocks / 655, "ranges of at most 64 KiB");
        let feed = world.nodes[0].multifeed.find(&key).unwrap().id;
        world.nodes[0].append(feed, &[b"later"]);
        assert_eq!(world.flights(|world| held(world, 1, &key) > blocks as u64), 1, "it is pushed");
    }
}

#[test]
fn a_long_block_of_a_pushed_feed_waits_until_it_is_wanted() {
    let mut world = writer_and_reader(1, 3, reader());
    world.connect(1, 0, Mode::Live);
    world.run();
    assert!(!world.said.contains_key(&(Kind::Wants as u64)), "all of it was pushed");
    let feed = world.nodes[0].multifeed.feeds().next().unwrap().id;
    world.nodes[0].append(feed, &[&[7; 200_000][..]]);
    world.run();
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
    assert_eq!(world.said[&(Kind::Wants as u64)].1, 1);
    assert!(world.nodes.iter().all(|node| node.closed.is_empty()));
}

#[test]
fn a_refused_feed_costs_no_more_than_its_bound() {
    let mut world = writer_and_reader(20, 1_000, reader());
    let keys: Vec<_> = world.nodes[0].multifeed.feeds().map(|feed| feed.key).collect();
    for key in keys {
        world.nodes[1].multifeed.refuse(key).unwrap();
    }
    world.nodes[1].drain();
    world.connect(1, 0, Mode::Live);
    world.run();
    assert_eq!(world.nodes[1].multifeed.sync_status().feeds, 0);
    let (bytes, bound) = (ranges(&world).0, Limits::default().push_bytes);
    assert!(bytes > bound / 2, "the blocks are pushed, because the peer may lack them");
    assert!(bytes <= bound + bound / 8, "{bytes} bytes of unwanted ranges");
}

#[test]
fn a_peer_that_asks_before_admitting_gets_no_push() {
    let mut config = reader();
    config.admission = Admission::AcceptedOnly;
    let mut world = writer_and_reader(3, 10, config);
    world.connect(1, 0, Mode::Live);
    world.run();
    assert_eq!(ranges(&world), (0, 0));
    let offered = |event: &&Event| matches!(event, Event::Offered { .. });
    assert_eq!(world.nodes[1].events.iter().filter(offered).count(), 3);
}

#[test]
fn only_a_sole_peer_pushes() {
    let mut world = nodes(3);
    let key = write(&mut world, 0, 1);
    world.connect(0, 2, Mode::Once);
    world.run();
    let remote = KeyPair::from_seed(&[77; 32]).public_key();
    world.secure = Some(Secure::Established { handshake_hash: [7; 64], remote });
    world.connect(1, 0, Mode::Live);
    world.connect(1, 2, Mode::Live);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 1);
    assert_eq!(ranges(&world).1, 1, "both could have pushed it");
    assert!(!world.said.contains_key(&(Kind::Wants as u64)));
    // The first one has nothing more to say, and is there.
    let mut later = nodes(1);
    world.nodes.append(&mut later.nodes);
    let key = write(&mut world, 3, 1);
    world.connect(1, 3, Mode::Live);
    world.flights(|world| held(world, 1, &key) == 1);
    assert!(world.said.contains_key(&(Kind::Wants as u64)), "it was asked for, not pushed");
}

#[test]
fn a_feed_refused_before_it_was_sent_is_sent_once_accepted() {
    let mut world = writer_and_reader(1, 3, reader());
    let key = world.nodes[0].multifeed.feeds().next().unwrap().key;
    let [_, connection] = world.connect(1, 0, Mode::Live);
    world.flights(|_| true);
    let mut said = BytesMut::new();
    let writer = &mut world.nodes[0];
    while writer.multifeed.footprint().connection.ready_bytes == 0 {
        assert_eq!(writer.multifeed.poll_transmit(connection, &mut said, 1), 1);
        writer.drain();
    }
    writer.multifeed.refuse(key).unwrap();
    writer.drain();
    world.deliver(0, connection, said.to_vec());
    world.run();
    world.nodes[0].multifeed.accept(key).unwrap();
    world.nodes[0].drain();
    world.run();
    assert_eq!(held(&world, 1, &key), 3);
}

#[test]
fn a_connection_that_breaks_at_any_byte_of_its_opening_loses_nothing() {
    let remote = KeyPair::from_seed(&[77; 32]).public_key();
    let clear = Secure::Established { handshake_hash: [7; 64], remote };
    for (secure, step) in [(clear, cases(7, 1)), (Secure::Noise, cases(101, 29))] {
        for (writer, left) in [0, 1]
            .into_iter()
            .flat_map(|writer| (0..1_200).step_by(step).map(move |left| (writer, left)))
        {
            let mut world = nodes(2);
            world.secure = Some(secure.clone());
            let key = write(&mut world, writer, 2);
            let ends = world.connect(0, 1, Mode::Live);
            world.left = left;
            while world.left > 0 && held(&world, 1 - writer, &key) == 0 {
                world.step_once();
            }
            world.cut(ends);
            world.left = usize::MAX;
            world.connect(0, 1, Mode::Once);
            world.run();
            assert_holds(&mut world, 1 - writer, writer, &key, 2);
        }
    }
}
