//! Hypercore's channel: between two multifeeds, and with peers that lie on it.

use super::raw::{Raw, closed};
use super::*;
use crate::config::Limits;
use crate::crypto::hash::discovery_key;
use crate::feed::tree;
use crate::replicate::hypercore::capability;
use crate::wire::hypercore::{
    At, Bitfield, Data, DataBlock, DataUpgrade, Manifest, Message, Node as TreeNode, Open, Request,
    RunNews, Span, Sync, WantRun,
};
use crate::wire::mux::{MuxMessage, messages};

pub(super) fn open(group: &Group, seed: u8, change: impl FnOnce(&mut Limits)) -> Node {
    let mut config = Config::new(group.clone(), Seed::new([seed; 32]));
    config.limits.hypercore_channels = 64;
    change(&mut config.limits);
    Node::with(config, Map::new())
}

pub(super) fn served(seed: u8) -> Node {
    open(&group(), seed, |_| ())
}

/// A stock core with a manifest, as its author keeps it.
pub(super) struct Core {
    key_pair: KeyPair,
    pub(super) manifest: Manifest,
    pub(super) key: FeedKey,
    pub(super) blocks: Vec<Vec<u8>>,
}

impl Core {
    pub(super) fn new(count: usize) -> Self {
        let key_pair = KeyPair::from_seed(&[60; 32]);
        let public_key = key_pair.public_key();
        let manifest = Manifest { namespace: [6; 32], public_key: public_key.0 };
        let key = manifest::feed_key(&manifest.namespace, &public_key);
        let blocks = (0..count).map(|index| vec![index as u8; 10 + index]).collect();
        Self { key_pair, manifest, key, blocks }
    }

    fn nodes(&self, from: u64) -> Vec<TreeNode> {
        let length = self.blocks.len() as u64;
        let cover = tree::cover(from, length).map(|top| {
            let mut fold = tree::Fold::default();
            for index in tree::blocks(top) {
                fold.push(TreeNode::leaf(index, &self.blocks[index as usize]), |_| ()).unwrap();
            }
            fold.roots()[0]
        });
        cover.collect()
    }

    pub(super) fn signature(&self) -> [u8; 68] {
        let hash = tree::tree_hash(&self.nodes(0));
        let length = self.blocks.len() as u64;
        let signature = manifest::sign(&self.key_pair, &self.key, &hash, length, 0);
        manifest::wire_signature(&signature)
    }

    pub(super) fn sync(&self) -> Sync {
        let length = self.blocks.len() as u64;
        let (uploading, has_manifest) = (true, true);
        Sync { length, uploading, has_manifest, can_upgrade: true, ..Sync::default() }
    }
}

impl Raw {
    pub(super) fn offer(&mut self, node: &mut Node, key: &FeedKey) {
        let hash = *self.stream.handshake_hash().unwrap();
        self.offer_with(node, key, capability(key, &hash, Role::Initiator));
    }

    fn offer_with(&mut self, node: &mut Node, key: &FeedKey, capability: [u8; 32]) {
        let mut handshake = Vec::new();
        Open { seeks: true, capability }.encode(&mut handshake);
        let (local_id, protocol) = (1, "hypercore/alpha");
        let id = discovery_key(&key.0);
        let id = Some(&id[..]);
        self.mux(node, &MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
    }

    pub(super) fn speak(&mut self, node: &mut Node, message: &Message<'_>) {
        let mut body = Vec::new();
        message.encode(&mut body);
        self.mux(node, &MuxMessage::Message { channel: 1, kind: message.kind(), body: &body });
    }

    /// Requests of the node that were not looked at yet.
    pub(super) fn requests(&mut self) -> Vec<Request> {
        let mut all = Vec::new();
        for frame in core::mem::take(&mut self.frames) {
            for message in messages(&frame).map(Result::unwrap) {
                let MuxMessage::Message { kind, body, .. } = message else { continue };
                if let Ok(Some(Message::Request(request))) = Message::decode(kind, body) {
                    all.push(request);
                }
            }
        }
        all
    }
}

/// A node that has adopted a core, and a peer that has told what it holds of it. Returns the
/// node's first request.
fn asked(core: &Core) -> (Node, Raw, Request) {
    let mut node = served(1);
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer(&mut node, &core.key);
    raw.speak(&mut node, &Message::Sync(core.sync()));
    let length = core.blocks.len() as u64;
    raw.speak(&mut node, &Message::Range(RunNews { drop: false, start: 0, length }));
    let requests = raw.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    (node, raw, requests[0])
}

/// The true answer to a request for the head with the first block.
fn head<'a>(core: &'a Core, request: &Request, signature: &'a [u8; 68]) -> Data<'a> {
    let length = core.blocks.len() as u64;
    let siblings = tree::siblings(0, length).count();
    let nodes = core.nodes(1);
    let (path, upgrade) = nodes.split_at(siblings);
    let block = DataBlock { index: 0, value: &core.blocks[0], nodes: path.to_vec() };
    let upgrade = DataUpgrade {
        start: 0,
        length,
        nodes: upgrade.to_vec(),
        additional_nodes: Vec::new(),
        signature,
    };
    Data {
        request: request.id,
        block: Some(block),
        upgrade: Some(upgrade),
        manifest: Some(Ok(core.manifest)),
        ..Data::default()
    }
}

#[test]
fn members_pass_an_adopted_feed_on_over_hypercores_channel() {
    let mut world = World::of((1..=3).map(served).collect());
    // The author's group has the namespace; to the others it is a stranger's feed.
    world.nodes[0] = open(&Group::keyed([8; 32]), 9, |_| ());
    let key = write(&mut world, 0, 50);
    for node in 1..3 {
        world.nodes[node].multifeed.adopt(key).unwrap();
        world.nodes[node].drain();
    }
    world.connect(1, 0, Mode::Live);
    world.connect(2, 1, Mode::Live);
    world.run();
    for node in 1..3 {
        assert_holds(&mut world, node, 0, &key, 50);
    }
    // And what is appended later, through the one in the middle.
    let feed = world.nodes[0].multifeed.find(&key).unwrap().id;
    world.nodes[0].append(feed, &[&block(0, 50)]);
    world.run();
    assert_holds(&mut world, 2, 0, &key, 51);
    // It is adopted still after a restart.
    let map = core::mem::take(&mut world.nodes[2].map);
    let mut config = Config::new(group(), Seed::new([3; 32]));
    config.limits.hypercore_channels = 64;
    let again = Node::with(config, map);
    assert_eq!(again.multifeed.find(&key).unwrap().length, 51);
    let hashes = [&again, &world.nodes[1]].map(|node| crate::record::state_hash(&node.multifeed));
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn input_split_anywhere_gives_the_same_result_over_hypercore_channels() {
    for cut in [1, 3, 17, 1_000] {
        let mut world = World::of((1..=2).map(served).collect());
        world.cut = cut;
        world.nodes[0] = open(&Group::keyed([8; 32]), 9, |_| ());
        let key = write(&mut world, 0, 20);
        world.nodes[1].multifeed.adopt(key).unwrap();
        world.nodes[1].drain();
        world.connect(0, 1, Mode::Live);
        world.run();
        assert_holds(&mut world, 1, 0, &key, 20);
    }
}

#[test]
fn a_failed_write_affects_only_its_feed() {
    let mut world = World::of((1..=2).map(served).collect());
    world.nodes[0] = open(&Group::keyed([8; 32]), 9, |_| ());
    let key = write(&mut world, 0, 20);
    let feed = world.nodes[1].multifeed.adopt(key).unwrap();
    world.nodes[1].drain();
    world.nodes[1].failure = Some(StoreFailure::Full);
    world.connect(0, 1, Mode::Live);
    world.run();
    let broken = Event::FeedBroken { feed, key: Some(key), failure: StoreFailure::Full };
    assert!(world.nodes[1].events.contains(&broken));
    assert_eq!(world.nodes[1].multifeed.feed(feed).unwrap().length, 0);
    assert!(world.nodes.iter().all(|node| node.closed.is_empty()));
}

#[test]
fn a_feed_that_is_refused_or_removed_leaves_the_channel() {
    let mut world = World::of((1..=2).map(served).collect());
    world.nodes[0] = open(&Group::keyed([8; 32]), 9, |_| ());
    let key = write(&mut world, 0, 20);
    let theirs = world.nodes[0].multifeed.find(&key).unwrap().id;
    let feed = world.nodes[1].multifeed.adopt(key).unwrap();
    world.nodes[1].drain();
    world.connect(0, 1, Mode::Live);
    world.run();
    world.nodes[1].multifeed.refuse(key).unwrap();
    world.run();
    world.nodes[0].append(theirs, &[&block(0, 20)]);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 20);
    world.nodes[1].multifeed.accept(key).unwrap();
    world.run();
    assert_holds(&mut world, 1, 0, &key, 21);
    world.nodes[1].multifeed.remove(feed).unwrap();
    world.run();
    assert!(world.nodes[1].multifeed.find(&key).is_none());
    world.nodes[1].multifeed.accept(key).unwrap();
    world.nodes[1].multifeed.adopt(key).unwrap();
    world.run();
    assert_holds(&mut world, 1, 0, &key, 21);
    assert!(world.nodes.iter().all(|node| node.closed.is_empty()));
}

#[test]
fn cleared_blocks_are_not_served_and_do_not_affect_others() {
    let mut world = World::of((1..=2).map(served).collect());
    world.nodes[0] = open(&Group::keyed([8; 32]), 9, |_| ());
    let key = write(&mut world, 0, 20);
    let theirs = world.nodes[0].multifeed.find(&key).unwrap().id;
    world.nodes[0].multifeed.clear(theirs, 12..15).unwrap();
    world.nodes[0].drain();
    world.nodes[1].multifeed.adopt(key).unwrap();
    world.nodes[1].drain();
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 12);
    assert!(world.nodes.iter().all(|node| node.closed.is_empty()));
}

#[test]
fn a_once_session_over_hypercores_channel_ends() {
    let mut world = World::of((1..=2).map(served).collect());
    world.nodes[0] = open(&Group::keyed([8; 32]), 9, |_| ());
    let key = write(&mut world, 0, 20);
    world.nodes[1].multifeed.adopt(key).unwrap();
    world.nodes[1].drain();
    let [_, theirs] = world.connect(0, 1, Mode::Once);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 20);
    let ends = world.nodes.iter().flat_map(|node| &node.closed).map(|closed| closed.1);
    assert!(
        ends.clone().any(|reason| reason == CloseReason::Synced),
        "{:?}",
        ends.collect::<Vec<_>>()
    );
    assert!(world.nodes[1].closed.iter().all(|closed| closed.0 == theirs));
}

#[test]
fn an_empty_adopted_feed_is_remembered() {
    let core = Core::new(1);
    let mut node = served(1);
    let feed = node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let again = Node::open(&group(), 2, core::mem::take(&mut node.map));
    let held = again.multifeed.find(&core.key).unwrap();
    assert_eq!((held.id, held.length), (feed, 0));
}

#[test]
fn an_honest_peer_is_believed() {
    let core = Core::new(1);
    let (mut node, mut raw, request) = asked(&core);
    assert_eq!(request.block, Some(At { index: 0, nodes: 0 }));
    assert_eq!((request.upgrade, request.manifest), (Some(Span { start: 0, length: 1 }), true));
    raw.speak(&mut node, &Message::Data(head(&core, &request, &core.signature())));
    assert_eq!(closed(&node, raw.connection), None);
    assert_eq!(node.blocks(&core.key), core.blocks);
}

#[test]
fn a_changed_answer_is_noticed() {
    let core = Core::new(5);
    let lie = |name: &str, expected: Option<Violation>, change: &dyn Fn(&mut Data<'_>)| {
        let (mut node, mut raw, request) = asked(&core);
        let signature = core.signature();
        let mut data = head(&core, &request, &signature);
        change(&mut data);
        raw.speak(&mut node, &Message::Data(data));
        assert_eq!(closed(&node, raw.connection), expected.map(CloseReason::Violation), "{name}");
        assert_eq!(node.multifeed.find(&core.key).unwrap().length, 0, "{name}");
    };
    let (proof, signature) = (Some(Violation::BadProof), Some(Violation::BadSignature));
    lie("another block", signature, &|data| data.block.as_mut().unwrap().value = b"forged");
    lie("a hash", signature, &|data| data.block.as_mut().unwrap().nodes[0].hash[0] ^= 1);
    lie("a size", signature, &|data| data.upgrade.as_mut().unwrap().nodes[0].size += 1);
    lie("a huge size", proof, &|data| data.block.as_mut().unwrap().nodes[0].size = (1 << 53) - 1);
    lie("an index", proof, &|data| data.block.as_mut().unwrap().nodes[0].index = 40);
    lie("a node less", proof, &|data| _ = data.upgrade.as_mut().unwrap().nodes.pop());
    lie("the signature", signature, &|data| data.upgrade.as_mut().unwrap().signature = &[1; 68]);
    lie("no manifest", signature, &|data| data.manifest = None);
    lie("another's manifest", proof, &|data| {
        data.manifest = Some(Ok(Manifest { namespace: [1; 32], public_key: [2; 32] }));
    });
    // These do not answer what was asked, which is not a violation.
    lie("another block's number", None, &|data| data.block.as_mut().unwrap().index = 1);
    lie("another request", None, &|data| data.request += 1);
    lie("nothing", None, &|data| data.block = None);
    lie("no head", None, &|data| data.upgrade = None);
}

/// Two peers offer a feed; the node asks one of them. The second is asked once `lose` has taken
/// the first away.
fn reassign(lose: impl FnOnce(&mut Node, ConnectionId)) {
    let core = Core::new(5);
    let (mut node, first, _) = asked(&core);
    let mut second = Raw::dial(&mut node, 78);
    second.offer(&mut node, &core.key);
    second.speak(&mut node, &Message::Sync(core.sync()));
    second.speak(&mut node, &Message::Range(RunNews { drop: false, start: 0, length: 5 }));
    assert_eq!(second.requests().len(), 0, "the first one owes it");
    lose(&mut node, first.connection);
    node.drain();
    second.exchange(&mut node);
    assert_eq!(second.requests().len(), 1);
}

#[test]
fn requests_to_a_lost_stock_peer_go_to_another() {
    reassign(|node, connection| {
        node.handle(Instant::ZERO, Input::Disconnected { connection });
    });
}

#[test]
fn requests_to_a_silent_stock_peer_go_to_another() {
    reassign(|node, _| {
        let late = Instant::from_micros(11_000_000);
        node.handle(late, Input::Timeout);
    });
}

#[test]
fn blocks_in_any_order_complete_the_feed() {
    let core = Core::new(5);
    let (mut node, mut raw, request) = asked(&core);
    raw.speak(&mut node, &Message::Data(head(&core, &request, &core.signature())));
    let mut requests = raw.requests();
    assert_eq!(requests.len(), 4, "the other blocks, at once");
    requests.reverse();
    for request in requests {
        let at = request.block.unwrap();
        let path = tree::siblings(2 * at.index, 5).take(at.nodes as usize);
        let nodes = path.map(|index| {
            let mut fold = tree::Fold::default();
            for index in tree::blocks(index) {
                fold.push(TreeNode::leaf(index, &core.blocks[index as usize]), |_| ()).unwrap();
            }
            fold.roots()[0]
        });
        let (index, value) = (at.index, &core.blocks[at.index as usize][..]);
        let block = Some(DataBlock { index, value, nodes: nodes.collect() });
        let data = Data { request: request.id, block, ..Data::default() };
        raw.speak(&mut node, &Message::Data(data));
    }
    assert_eq!(closed(&node, raw.connection), None);
    assert_eq!(node.blocks(&core.key), core.blocks);
}

#[test]
fn a_peer_without_the_feed_key_learns_nothing() {
    let mut node = served(1);
    let feed = node.writer(7);
    node.append(feed, &[b"x"]);
    let key = node.multifeed.feed(feed).unwrap().key;
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer_with(&mut node, &key, [0; 32]);
    let mut other = Raw::dial(&mut node, 78);
    other.offer(&mut node, &FeedKey([1; 32]));
    assert_eq!(raw.frames, other.frames, "as if we did not have it");
    let said: Vec<_> = raw.frames.iter().flat_map(|frame| messages(frame)).collect();
    assert_eq!(said, [Ok(MuxMessage::Reject { local_id: 1 })]);
    // Its number may be used again.
    raw.offer(&mut node, &key);
    assert!(raw.frames.len() > 1);
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn no_peer_is_answered_if_hypercores_channels_are_off() {
    let mut node = Node::open(&group(), 1, Map::new());
    let feed = node.writer(7);
    node.append(feed, &[b"x"]);
    let key = node.multifeed.feed(feed).unwrap().key;
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer(&mut node, &key);
    let said: Vec<_> = raw.frames.iter().flat_map(|frame| messages(frame)).collect();
    assert_eq!(said, [Ok(MuxMessage::Reject { local_id: 1 })]);
}

#[test]
fn more_requests_than_allowed_close_the_channel_of_their_feed() {
    let mut node = open(&group(), 1, |limits| limits.hypercore_requests = 8);
    let feed = node.writer(7);
    node.append(feed, &[b"x"]);
    let key = node.multifeed.feed(feed).unwrap().key;
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer(&mut node, &key);
    // The disk does not answer: 16 reads are under way, and 8 requests wait.
    node.held = Some(Vec::new());
    for id in 0..24 {
        let block = Some(At { index: 0, nodes: 0 });
        raw.speak(&mut node, &Message::Request(Request { id, block, ..Request::default() }));
        assert_eq!(closed(&node, raw.connection), None, "{id}");
    }
    raw.speak(&mut node, &Message::Request(Request { id: 24, ..Request::default() }));
    assert_eq!(closed(&node, raw.connection), None);
    let (connection, limit) = (raw.connection, Limit::Requests);
    assert!(node.events.contains(&Event::ChannelClosed { connection, feed, key, limit }));
    node.release();
    raw.exchange(&mut node);
    let footprint = node.multifeed.footprint().connection;
    assert_eq!((footprint.stock_channels, footprint.stock_requests), (0, 0));
}

#[test]
fn a_block_that_is_too_large_closes_its_feeds_channel_alone() {
    let mut core = Core::new(1);
    core.blocks[0] = vec![1; 2_000];
    let mut node = open(&group(), 1, |limits| limits.block_bytes = 1_000);
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer(&mut node, &core.key);
    raw.speak(&mut node, &Message::Sync(core.sync()));
    raw.speak(&mut node, &Message::Range(RunNews { drop: false, start: 0, length: 1 }));
    let request = raw.requests()[0];
    raw.speak(&mut node, &Message::Data(head(&core, &request, &core.signature())));
    let (connection, feed) = (raw.connection, node.multifeed.find(&core.key).unwrap().id);
    let (key, limit) = (core.key, Limit::BlockBytes);
    let expected = Event::ChannelClosed { connection, feed, key, limit };
    assert!(node.events.contains(&expected));
    let said: Vec<_> = raw.frames.iter().flat_map(|frame| messages(frame)).collect();
    assert_eq!(said.last(), Some(&Ok(MuxMessage::Close { local_id: 1 })));
    // What still comes on it is ignored, and the other feeds of the connection go on.
    raw.speak(&mut node, &Message::Sync(core.sync()));
    assert_eq!(closed(&node, raw.connection), None);
    assert_eq!(node.multifeed.footprint().connection.stock_channels, 0);
}

/// Answers every request but the first, which is for the next block, with a block that no peer has
/// signed: that shows only when those in front of it are there.
fn answer_early(node: &mut Node, raw: &mut Raw, value: &[u8]) {
    for request in raw.requests().into_iter().skip(1) {
        let at = request.block.unwrap();
        let path = tree::siblings(2 * at.index, 200).take(at.nodes as usize);
        let nodes = path.map(|index| TreeNode { index, size: 1, hash: [0; 32] }).collect();
        let block = Some(DataBlock { index: at.index, value, nodes });
        raw.speak(node, &Message::Data(Data { request: request.id, block, ..Data::default() }));
    }
}

#[test]
fn early_blocks_are_bounded() {
    let core = Core::new(200);
    let (mut node, mut raw, request) = asked(&core);
    raw.speak(&mut node, &Message::Data(head(&core, &request, &core.signature())));
    let held = |node: &Node| node.multifeed.footprint().connection;
    assert_eq!(held(&node).stock_asks, 199);
    let (value, window) = (vec![1; 1_000_000], Limits::default().window_bytes);
    answer_early(&mut node, &mut raw, &value);
    assert_eq!(held(&node).stock_early_bytes, window - window % value.len());
    let late = Instant::from_micros(11_000_000);
    node.handle(late, Input::Timeout);
    node.drain();
    assert_eq!(held(&node).stock_early_bytes, 0, "it was given up");
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn requests_stay_within_their_window_whatever_a_peer_offers() {
    let core = Core::new(200);
    let mut node = open(&group(), 1, |limits| limits.hypercore_fetches = 8);
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer(&mut node, &core.key);
    raw.speak(&mut node, &Message::Sync(core.sync()));
    raw.speak(&mut node, &Message::Range(RunNews { drop: false, start: 0, length: 1 << 40 }));
    let request = raw.requests()[0];
    raw.speak(&mut node, &Message::Data(head(&core, &request, &core.signature())));
    assert_eq!(raw.requests().len(), 8);
    // A bitfield of what it holds changes nothing in that.
    raw.speak(&mut node, &Message::Bitfield(Bitfield { start: 0, words: &[0xff; 4_096] }));
    assert_eq!(raw.requests().len(), 0);
}

#[test]
fn a_want_is_answered_with_held_blocks() {
    let mut node = served(1);
    let feed = node.writer(7);
    node.append(feed, &[b"x", b"y"]);
    let key = node.multifeed.feed(feed).unwrap().key;
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer(&mut node, &key);
    raw.frames.clear();
    let want = WantRun { start: 0, length: 1 << 21, any: false };
    raw.speak(&mut node, &Message::Want(want));
    let said: Vec<_> = raw.frames.iter().flat_map(|frame| messages(frame)).collect();
    let mut body = Vec::new();
    Message::Range(RunNews { drop: false, start: 0, length: 2 }).encode(&mut body);
    assert_eq!(said, [Ok(MuxMessage::Message { channel: 1, kind: 8, body: &body })]);
}
