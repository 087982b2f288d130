//! Connects a core of the crate to a node of ours, in memory: values of one are translated to those
//! of the other, and messages are delivered in order.

use futures_lite::future::block_on;
use hypercore::{Hypercore, HypercoreBuilder, PartialKeypair, SigningKey, Storage};
use hypercore_schema as schema;
use multifeed_core::crypto::hash;
use multifeed_core::wire::frame::{FRAME_SIZE_MAX, FrameReader, write_frame};
use multifeed_core::wire::hypercore::{
    Data, DataBlock, DataHash, DataUpgrade, Message, Node as TreeNode, Open, PROTOCOL, Request,
    RunNews, Sync,
};
use multifeed_core::wire::mux::{MuxMessage, messages};
use multifeed_core::{
    Config, ConnectionId, FeedId, FeedKey, Group, Input, KeyPair, Mode, PublicKey, Role, Secure,
};
use multifeed_tests::Node;

/// Blocks that are appended together.
pub(crate) type Batch = Vec<Vec<u8>>;

/// The author of every core here.
pub(crate) fn author() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

/// The key of the author's core.
pub(crate) fn key() -> FeedKey {
    FeedKey(author().public_key().0)
}

/// A core of the crate in memory.
fn core(secret: Option<SigningKey>) -> Hypercore {
    let public = SigningKey::from_bytes(author().seed()).verifying_key();
    block_on(async {
        let storage = Storage::new_memory().await.expect("memory");
        let builder = HypercoreBuilder::new(storage);
        builder.key_pair(PartialKeypair { public, secret }).build().await.expect("a new core")
    })
}

/// The author's core, empty.
pub(crate) fn writer() -> Hypercore {
    core(Some(SigningKey::from_bytes(author().seed())))
}

/// A core of somebody who knows the key.
pub(crate) fn reader() -> Hypercore {
    core(None)
}

pub(crate) fn append(core: &Hypercore, batch: &Batch) {
    block_on(core.append_batch(batch)).expect("the author appends");
}

/// All blocks of a core.
pub(crate) fn blocks(core: &Hypercore) -> Vec<Option<Vec<u8>>> {
    (0..core.info().length).map(|index| block_on(core.get(index)).expect("readable")).collect()
}

/// A node of ours that replicates with stock peers.
pub(crate) fn node(seed: u8) -> Node {
    let mut config = Config::new(Group::keyed([9; 32]), multifeed_core::Seed::new([seed; 32]));
    config.limits.hypercore_channels = 4;
    Node::open(config)
}

/// All blocks of a feed of ours.
pub(crate) fn blocks_of(node: &mut Node, feed: FeedId) -> Vec<Vec<u8>> {
    let length = node.multifeed.feed(feed).map_or(0, |feed| feed.length);
    let mut all = Vec::new();
    while (all.len() as u64) < length {
        let request = node.multifeed.read(feed, all.len() as u64, length).expect("held");
        node.drain();
        let answer = node.events.iter().rev().find_map(|event| match event {
            multifeed_core::Event::Blocks { request: of, blocks, .. } if *of == request => {
                Some(blocks.clone())
            }
            _ => None,
        });
        all.extend(answer.expect("they are read").iter().map(|block| block.to_vec()));
    }
    all
}

/// A peer of a node on hypercore's channel of one feed.
pub(crate) struct Peer {
    connection: ConnectionId,
    frames: FrameReader,
}

/// A message as it came: its type and its body.
pub(crate) type Received = (u64, Vec<u8>);

impl Peer {
    /// Connects and opens the channel.
    pub(crate) fn open(node: &mut Node, number: u64, key: FeedKey) -> Self {
        let (connection, remote) = (ConnectionId(number), PublicKey([number as u8; 32]));
        let (role, secure, mode) = (Role::Responder, Secure::Plain { remote }, Mode::Live);
        node.handle(Input::Connected { connection, role, secure, mode });
        let capability = hash::keyed(&[0; 64], &[&hash::namespace("hypercore", 1), &key.0]);
        let mut handshake = Vec::new();
        Open { seeks: true, capability }.encode(&mut handshake);
        let id = hash::discovery_key(&key.0);
        let (protocol, id) = (PROTOCOL, Some(&id[..]));
        let mut peer = Self { connection, frames: FrameReader::new(FRAME_SIZE_MAX) };
        let open = MuxMessage::Open { local_id: 1, protocol, id, handshake: &handshake };
        peer.deliver(node, &open);
        peer
    }

    fn deliver(&mut self, node: &mut Node, message: &MuxMessage<'_>) {
        let (mut frame, mut bytes) = (Vec::new(), bytes::BytesMut::new());
        message.write(&mut frame);
        write_frame(&mut bytes, &frame).expect("it is short");
        node.handle(Input::Received { connection: self.connection, bytes: &bytes });
    }

    /// Sends a message of the channel.
    pub(crate) fn say(&mut self, node: &mut Node, message: &Message<'_>) {
        let mut body = Vec::new();
        message.encode(&mut body);
        let message = MuxMessage::Message { channel: 1, kind: message.kind(), body: &body };
        self.deliver(node, &message);
    }

    /// Announces that a core has this many blocks.
    pub(crate) fn announce(&mut self, node: &mut Node, length: u64) {
        let (uploading, can_upgrade) = (true, true);
        let sync = Sync { length, uploading, can_upgrade, ..Sync::default() };
        self.say(node, &Message::Sync(sync));
        self.say(node, &Message::Range(RunNews { drop: false, start: 0, length }));
    }

    /// Takes the messages of the node.
    pub(crate) fn receive(&mut self, node: &mut Node) -> Vec<Received> {
        self.frames.push(&node.pull(self.connection));
        let mut received = Vec::new();
        while let Some(frame) = self.frames.next().expect("whole frames") {
            for message in messages(&frame).map(|message| message.expect("well-formed")) {
                if let MuxMessage::Message { kind, body, .. } = message {
                    received.push((kind, body.to_vec()));
                }
            }
        }
        received
    }

    /// Takes the requests of the node.
    pub(crate) fn requests(&mut self, node: &mut Node) -> Vec<Request> {
        let received = self.receive(node);
        let requests = received.iter().filter_map(|(kind, body)| {
            match Message::decode(*kind, body).expect("well-formed") {
                Some(Message::Request(request)) => Some(request),
                _ => None,
            }
        });
        requests.collect()
    }

    /// Sends a request. Returns the answer as a proof; `None`: the node rejects it.
    pub(crate) fn ask(&mut self, node: &mut Node, request: Request) -> Option<schema::Proof> {
        self.say(node, &Message::Request(request));
        let answer =
            self.receive(node).into_iter().find_map(|(kind, body)| {
                match Message::decode(kind, &body).expect("well-formed") {
                    Some(Message::Data(data)) => Some(Some(proof_of(&data))),
                    Some(Message::NoData { .. }) => Some(None),
                    _ => None,
                }
            });
        answer.expect("every request is answered")
    }
}

/// Answers all requests of a node with the proofs of a core, until it has none.
pub(crate) fn serve(core: &Hypercore, peer: &mut Peer, node: &mut Node) {
    loop {
        let requests = peer.requests(node);
        if requests.is_empty() {
            return;
        }
        for request in requests {
            let proof = proof(core, &request).expect("the core has it");
            peer.say(node, &Message::Data(data_of(&proof, request.id)));
        }
    }
}

/// The crate's answer to a request.
pub(crate) fn proof(core: &Hypercore, request: &Request) -> Option<schema::Proof> {
    let at = |at: multifeed_core::wire::hypercore::At| schema::RequestBlock {
        index: at.index,
        nodes: at.nodes,
    };
    let upgrade = request
        .upgrade
        .map(|span| schema::RequestUpgrade { start: span.start, length: span.length });
    let (block, hash) = (request.block.map(at), request.hash.map(at));
    block_on(core.create_proof(block, hash, None, upgrade)).ok().flatten()
}

fn node_of(node: &schema::Node) -> TreeNode {
    let hash = node.hash.as_slice().try_into().expect("a hash has 32 bytes");
    TreeNode { index: node.index, size: node.length, hash }
}

pub(crate) fn nodes_of(nodes: &[schema::Node]) -> Vec<TreeNode> {
    nodes.iter().map(node_of).collect()
}

/// A proof of the crate as a message.
pub(crate) fn data_of(proof: &schema::Proof, request: u64) -> Data<'_> {
    let block = proof.block.as_ref().map(|block| DataBlock {
        index: block.index,
        value: &block.value,
        nodes: nodes_of(&block.nodes),
    });
    let hash = proof
        .hash
        .as_ref()
        .map(|hash| DataHash { index: hash.index, nodes: nodes_of(&hash.nodes) });
    let upgrade = proof.upgrade.as_ref().map(|upgrade| DataUpgrade {
        start: upgrade.start,
        length: upgrade.length,
        nodes: nodes_of(&upgrade.nodes),
        additional_nodes: nodes_of(&upgrade.additional_nodes),
        signature: &upgrade.signature,
    });
    Data { request, fork: proof.fork, block, hash, upgrade, ..Data::default() }
}

/// A message of ours as a proof of the crate.
fn proof_of(data: &Data<'_>) -> schema::Proof {
    let nodes = |nodes: &[TreeNode]| -> Vec<schema::Node> {
        let node = |node: &TreeNode| schema::Node::new(node.index, node.hash.to_vec(), node.size);
        nodes.iter().map(node).collect()
    };
    schema::Proof {
        fork: data.fork,
        block: data.block.as_ref().map(|block| schema::DataBlock {
            index: block.index,
            value: block.value.to_vec(),
            nodes: nodes(&block.nodes),
        }),
        hash: data
            .hash
            .as_ref()
            .map(|hash| schema::DataHash { index: hash.index, nodes: nodes(&hash.nodes) }),
        seek: None,
        upgrade: data.upgrade.as_ref().map(|upgrade| schema::DataUpgrade {
            start: upgrade.start,
            length: upgrade.length,
            nodes: nodes(&upgrade.nodes),
            additional_nodes: nodes(&upgrade.additional_nodes),
            signature: upgrade.signature.to_vec(),
        }),
    }
}

/// A node that has adopted a core and has fetched all of it.
pub(crate) fn copy_of(core: &Hypercore) -> (Node, FeedId) {
    let mut node = node(1);
    let feed = node.multifeed.adopt(key()).expect("there is room");
    node.drain();
    let mut peer = Peer::open(&mut node, 99, key());
    peer.announce(&mut node, core.info().length);
    serve(core, &mut peer, &mut node);
    node.handle(Input::Disconnected { connection: ConnectionId(99) });
    (node, feed)
}
