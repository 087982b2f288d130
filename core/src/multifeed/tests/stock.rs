//! The connection with a stock peer: which channels it may open, and how long it stays.

use super::hypercore::{Core, open, served};
use super::raw::{Raw, closed};
use super::*;
use crate::crypto::hash::discovery_key;
use crate::replicate::hypercore::capability;
use crate::wire::hypercore::{Message, Open, RunNews, Sync};
use crate::wire::mux::{Batch, MuxMessage, messages};

/// Keys of feeds that do not exist.
fn unknown(count: usize) -> impl Iterator<Item = FeedKey> {
    (0..count as u64).map(|number| FeedKey(crate::crypto::hash::blake2b(&[&number.to_le_bytes()])))
}

/// Adopts feeds that have no blocks.
fn adopted(node: &mut Node, count: usize) -> Vec<FeedKey> {
    let keys: Vec<_> = unknown(count).collect();
    for key in &keys {
        node.multifeed.adopt(*key).unwrap();
    }
    node.drain();
    keys
}

/// A message that opens hypercore's channel of a feed.
fn opens(raw: &Raw, key: &FeedKey, local_id: u64, read: impl FnOnce(&MuxMessage<'_>)) {
    let mut handshake = Vec::new();
    let hash = raw.stream.handshake_hash().unwrap();
    Open { seeks: true, capability: capability(key, hash, Role::Initiator) }.encode(&mut handshake);
    let (protocol, id) = ("hypercore/alpha", discovery_key(&key.0));
    let id = Some(&id[..]);
    read(&MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
}

impl Raw {
    fn open_feed(&mut self, node: &mut Node, key: &FeedKey, local_id: u64) {
        let mut frame = Vec::new();
        opens(self, key, local_id, |message| message.write(&mut frame));
        self.frame(node, &frame);
    }

    /// The channels that the node rejected and those that it opened since this was last called.
    fn answers(&mut self) -> (Vec<u64>, Vec<Vec<u8>>) {
        let (mut rejected, mut opened) = (Vec::new(), Vec::new());
        for frame in core::mem::take(&mut self.frames) {
            for message in messages(&frame).map(Result::unwrap) {
                match message {
                    MuxMessage::Reject { local_id } => rejected.push(local_id),
                    MuxMessage::Open { id, .. } => opened.push(id.unwrap().to_vec()),
                    _ => (),
                }
            }
        }
        (rejected, opened)
    }

    fn keep_alive(&mut self, node: &mut Node, at: Instant) {
        self.stream.send_keep_alive(&mut self.out).unwrap();
        let bytes = self.out.split();
        node.handle(at, Input::Received { connection: self.connection, bytes: &bytes });
        node.drain();
    }
}

fn seconds(seconds: u64) -> Instant {
    Instant::from_micros(1_000_000 * seconds)
}

fn wait(node: &mut Node, until: u64) {
    for second in 0..=until {
        node.handle(seconds(second), Input::Timeout);
        node.drain();
    }
}

#[test]
fn rejected_channels_never_close_a_connection() {
    for mut node in [served(1), Node::open(&group(), 1, Map::new())] {
        let mut raw = Raw::dial(&mut node, 77);
        for id in 1..=600 {
            let (protocol, handshake) = ("app/rpc", &[][..]);
            raw.mux(&mut node, &MuxMessage::Open { local_id: id, protocol, id: None, handshake });
        }
        assert_eq!(raw.answers().0, (1..=600).collect::<Vec<_>>());
        // One after another, as a program that opens and closes its cores.
        for _ in 0..100 {
            raw.open_feed(&mut node, &FeedKey([9; 32]), 5);
            raw.mux(&mut node, &MuxMessage::Close { local_id: 5 });
        }
        assert_eq!(raw.answers().0, [5; 100]);
        assert_eq!(closed(&node, raw.connection), None);
        assert_eq!(node.multifeed.footprint().connection.channels, 0);
    }
}

#[test]
fn a_peer_that_opens_without_end_makes_us_hold_and_send_little() {
    let mut node = open(&group(), 1, |limits| limits.channels = 2_000);
    let mut raw = Raw::dial(&mut node, 77);
    let mut batch = Batch::new();
    for local_id in 1..=10_000 {
        let (protocol, handshake) = ("x", &[][..]);
        batch.push(&MuxMessage::Open { local_id, protocol, id: None, handshake });
    }
    raw.frame(&mut node, &batch.take().unwrap());
    assert_eq!(raw.answers().0.len(), 1_024, "in the first second");
    assert_eq!(node.multifeed.footprint().connection.rejects, 2_000 - 1_024);
    assert_eq!(node.multifeed.deadline(), Some(seconds(1)));
    node.handle(seconds(1), Input::Timeout);
    raw.exchange(&mut node);
    assert_eq!(raw.answers().0.len(), 2_000 - 1_024);
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn a_corestore_opens_500_cores_of_which_we_know_one() {
    let core = Core::new(1);
    let mut node = open(&group(), 1, |limits| limits.hypercore_channels = 16);
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    let mut batch = Batch::new();
    let keys: Vec<_> = unknown(499).chain([core.key]).collect();
    for (key, local_id) in keys.iter().zip(1..) {
        opens(&raw, key, local_id, |message| batch.push(message));
    }
    raw.answers();
    raw.frame(&mut node, &batch.take().unwrap());
    assert_eq!(closed(&node, raw.connection), None);
    assert_eq!(raw.answers().0, (1..=499).collect::<Vec<_>>());
    assert_eq!(node.multifeed.peers().count(), 1);
}

#[test]
fn more_channels_than_allowed_are_rejected_and_reported() {
    let mut node = open(&group(), 1, |limits| limits.hypercore_channels = 16);
    let keys = adopted(&mut node, 17);
    let mut raw = Raw::dial(&mut node, 77);
    for (key, local_id) in keys.iter().zip(1..) {
        raw.open_feed(&mut node, key, local_id);
    }
    assert_eq!(raw.answers().0, [17]);
    assert_eq!(closed(&node, raw.connection), None);
    let (connection, feed) = (raw.connection, node.multifeed.find(&keys[16]).unwrap().id);
    let expected = Event::ChannelClosed { connection, feed, key: keys[16], limit: Limit::Channels };
    let count = |node: &Node| node.events.iter().filter(|event| **event == expected).count();
    assert_eq!(count(&node), 1);
    raw.open_feed(&mut node, &keys[16], 17);
    assert_eq!(count(&node), 1, "it is reported once");
    // Once another core is closed, this one has room.
    raw.mux(&mut node, &MuxMessage::Close { local_id: 3 });
    assert_eq!(raw.answers().1, [discovery_key(&keys[16].0)]);
    raw.open_feed(&mut node, &keys[16], 17);
    assert!(raw.answers().0.is_empty());
}

#[test]
fn our_offers_take_no_room_from_a_peers_channels() {
    let mut node = open(&group(), 1, |limits| limits.hypercore_channels = 2);
    let keys = adopted(&mut node, 5);
    let mut raw = Raw::dial(&mut node, 77);
    assert_eq!(raw.answers().1.len(), 2, "as many as are allowed");
    raw.open_feed(&mut node, &keys[4], 1);
    assert_eq!(raw.answers(), (Vec::new(), Vec::from([discovery_key(&keys[4].0).to_vec()])));
    // The peer does not have the first two, so the others are offered in turn.
    let mut offered = Vec::new();
    for local_id in [1, 2, 1, 1] {
        raw.mux(&mut node, &MuxMessage::Reject { local_id });
        offered.extend(raw.answers().1);
    }
    let expected: Vec<_> = keys[2..4].iter().map(|key| discovery_key(&key.0).to_vec()).collect();
    assert_eq!(offered, expected);
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn a_connection_with_a_stock_peer_stays_established() {
    let core = Core::new(1);
    let mut node = served(1);
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    let connection = raw.connection;
    assert_eq!(node.multifeed.peers().count(), 0);
    // The first channel is opened when the handshake deadline is over.
    wait(&mut node, 11);
    raw.open_feed(&mut node, &core.key, 1);
    let opened = |event: &&Event| matches!(event, Event::StockOpened { .. });
    assert_eq!(node.events.iter().filter(opened).count(), 1);
    let status = node.multifeed.sync_status();
    assert_eq!((status.peers, status.stock_peers, status.stock_synced), (0, 1, 0));
    let peer = node.multifeed.peers().next().unwrap();
    assert_eq!((peer.connection, peer.is_member, peer.is_synced), (connection, false, false));
    raw.speak(&mut node, &Message::Sync(Sync::default()));
    node.drain();
    assert!(node.events.contains(&Event::Synced { connection }));
    assert_eq!(node.multifeed.sync_status().stock_synced, 1);
    // And the last one is closed.
    raw.mux(&mut node, &MuxMessage::Close { local_id: 1 });
    wait(&mut node, 14);
    assert_eq!(closed(&node, connection), None);
    assert_eq!(node.multifeed.sync_status().stock_peers, 1);
    raw.open_feed(&mut node, &core.key, 1);
    assert_eq!(node.events.iter().filter(opened).count(), 1, "it is reported once");
    node.handle(seconds(14), Input::Disconnected { connection });
    assert_eq!(node.multifeed.sync_status().stock_peers, 0);
}

#[test]
fn a_peer_that_we_dialled_and_that_opens_nothing_is_given_up() {
    let mut node = served(1);
    let (connection, role, mode) = (ConnectionId(5), Role::Initiator, Mode::Live);
    let remote = KeyPair::from_seed(&[3; 32]).public_key();
    let secure = Secure::Plain { remote };
    node.handle(Instant::ZERO, Input::Connected { connection, role, secure, mode });
    wait(&mut node, 10);
    let reason = CloseReason::Deadline(crate::Deadline::Handshake);
    assert_eq!(closed(&node, connection), Some(reason));
}

#[test]
fn keep_alives_are_expected_of_a_stock_peer_that_has_sent_one() {
    let core = Core::new(1);
    let mut node = served(1);
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    raw.open_feed(&mut node, &core.key, 1);
    wait(&mut node, 60);
    assert_eq!(closed(&node, raw.connection), None);
    raw.keep_alive(&mut node, seconds(60));
    node.handle(seconds(74), Input::Timeout);
    node.drain();
    assert_eq!(closed(&node, raw.connection), None);
    node.handle(seconds(75), Input::Timeout);
    node.drain();
    let dead = CloseReason::Deadline(crate::Deadline::Dead);
    assert_eq!(closed(&node, raw.connection), Some(dead));
}

#[test]
fn the_status_counts_what_a_holder_with_a_hole_announces() {
    let core = Core::new(100);
    let mut node = served(1);
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    raw.open_feed(&mut node, &core.key, 1);
    raw.speak(&mut node, &Message::Sync(core.sync()));
    for (start, length) in [(0, 40), (41, 59)] {
        raw.speak(&mut node, &Message::Range(RunNews { drop: false, start, length }));
    }
    let status = node.multifeed.sync_status();
    assert_eq!((status.have, status.want, status.stock_synced), (0, 100, 0));
}

#[test]
fn the_manifest_of_a_feed_without_blocks_is_passed_on() {
    let mut world = World::of((1..=3).map(served).collect());
    // The author's group has the namespace; to the others it is a stranger's feed.
    world.nodes[0] = open(&Group::keyed([8; 32]), 9, |_| ());
    let feed = world.nodes[0].writer(7);
    let (key, public_key) = {
        let view = world.nodes[0].multifeed.feed(feed).unwrap();
        (view.key, view.public_key)
    };
    for node in 1..3 {
        world.nodes[node].multifeed.adopt(key).unwrap();
        world.nodes[node].drain();
    }
    // The reader is there first.
    world.connect(2, 1, Mode::Live);
    world.run();
    world.connect(1, 0, Mode::Live);
    world.run();
    for node in 1..3 {
        assert_eq!(world.nodes[node].multifeed.find(&key).unwrap().public_key, public_key);
    }
}

/// What a stranger that connects makes a node with this many feeds look at.
fn feeds_visited(count: u8, channels: usize, role: Role) -> u64 {
    let mut node = open(&group(), 1, |limits| limits.hypercore_channels = channels);
    for seed in 0..count {
        let name = alloc::format!("{seed}");
        let feed = node.multifeed.writer(&name, KeyPair::from_seed(&[seed; 32])).unwrap();
        node.append(feed, &[b"x"]);
    }
    adopted(&mut node, count.into());
    let remote = KeyPair::from_seed(&[9; 32]).public_key();
    let mut connect = |number| {
        let (connection, mode, secure) =
            (ConnectionId(number), Mode::Live, Secure::Plain { remote });
        let before = node.multifeed.feeds.visited();
        node.multifeed.handle(Instant::ZERO, Input::Connected { connection, role, secure, mode });
        let mut out = bytes::BytesMut::new();
        node.multifeed.poll_transmit(connection, &mut out, 100_000);
        node.multifeed.feeds.visited() - before
    };
    // What a connection is the first to need is built once, and not counted.
    connect(1);
    connect(2)
}

#[test]
fn a_stranger_that_connects_costs_the_same_however_many_feeds_there_are() {
    for role in [Role::Initiator, Role::Responder] {
        for channels in [0, 4] {
            let visited = [5, 200].map(|count| feeds_visited(count, channels, role));
            assert_eq!(visited[0], visited[1], "{channels} channels, {role:?}");
        }
    }
}

/// Two holders have every other block of a feed each.
#[test]
fn two_holders_of_every_other_block_complete_a_feed() {
    let blocks: Vec<_> = (0..1_200u64).collect();
    let author = || open(&Group::keyed([8; 32]), 9, |limits| limits.cleared_runs = 1_024);
    let mut world = World::of(Vec::from([author(), author(), served(3)]));
    let mut keys = Vec::new();
    for parity in 0..2 {
        let node = &mut world.nodes[parity];
        let feed = node.writer(7);
        for chunk in blocks.chunks(100) {
            let chunk: Vec<_> = chunk.iter().map(|index| index.to_le_bytes()).collect();
            let chunk: Vec<_> = chunk.iter().map(|block| &block[..]).collect();
            node.append(feed, &chunk);
        }
        for index in blocks.iter().filter(|index| **index % 2 == parity as u64) {
            node.multifeed.clear(feed, *index..*index + 1).unwrap();
            node.drain();
        }
        keys.push(node.multifeed.feed(feed).unwrap().key);
    }
    assert_eq!(keys[0], keys[1]);
    world.nodes[2].multifeed.adopt(keys[0]).unwrap();
    world.nodes[2].drain();
    world.connect(2, 0, Mode::Live);
    world.connect(2, 1, Mode::Live);
    world.run();
    assert_eq!(world.nodes[2].multifeed.find(&keys[0]).unwrap().length, 1_200);
}
