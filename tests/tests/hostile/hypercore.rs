//! Attacks on the hypercore channel by a peer that knows the keys of two feeds.

use multifeed_core::crypto::hash;
use multifeed_core::wire::hypercore::{
    At, Bitfield, Data, DataBlock, DataUpgrade, Message, Node, Open, PROTOCOL, Request, RunNews,
    Seek, Span, Sync, WantRun,
};
use multifeed_core::wire::mux::MuxMessage;
use multifeed_core::{Config, FeedKey, KeyPair, Role};

use super::pen::{Pen, Writer, genuine, mutants};
use super::stage::{Attack, Moment, Stage, config, framed};

/// The channel of the node's own feed, and that of the feed that it adopted.
const CHANNELS: [(&str, u64); 2] = [("its own feed", 1), ("the adopted feed", ADOPTED)];
const ADOPTED: u64 = 2;

/// The type of messages that carry blocks.
const DATA: u64 = 3;

const BLOCKS: [&[u8]; 5] = [b"one", b"two", b"three", b"", b"the fifth"];

fn author() -> KeyPair {
    KeyPair::from_seed(&[80; 32])
}

/// A stage whose node replicates with stock peers and has adopted a feed.
pub(super) fn stage() -> Stage {
    let served = |seed| -> Config {
        let mut config = config(seed);
        config.limits.hypercore_channels = 4;
        config
    };
    let mut stage = Stage::with([served(1), config(2), config(3)]);
    stage.node.multifeed.adopt(adopted()).expect("there is room");
    stage
}

/// The key of a hypercore 10 core is its author's.
pub(super) fn adopted() -> FeedKey {
    FeedKey(author().public_key().0)
}

/// A message of the channel, in a frame.
fn framed_body(channel: u64, kind: u64, body: &[u8]) -> Vec<u8> {
    framed(&MuxMessage::Message { channel, kind, body })
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    message.encode(&mut body);
    body
}

/// Opens both channels and announces the whole adopted feed.
fn opening(stage: &Stage) -> Vec<u8> {
    let own = stage.node.multifeed.feeds().find(|feed| feed.is_writable);
    let keys = [own.expect("it has one").key, adopted()];
    let mut bytes = Vec::new();
    for (key, local_id) in keys.iter().zip(1..) {
        // An initiator's capability on a plaintext connection.
        let capability = hash::keyed(&[0; 64], &[&hash::namespace("hypercore", 1), &key.0]);
        let mut handshake = Vec::new();
        Open { seeks: true, capability }.encode(&mut handshake);
        let id = hash::discovery_key(&key.0);
        let (protocol, id) = (PROTOCOL, Some(&id[..]));
        bytes.extend(framed(&MuxMessage::Open { local_id, protocol, id, handshake: &handshake }));
    }
    let sync = Message::Sync(Sync { length: 5, uploading: true, ..Sync::default() });
    let range = Message::Range(RunNews { drop: false, start: 0, length: 5 });
    for message in [sync, range] {
        bytes.extend(framed_body(ADOPTED, message.kind(), &encoded(&message)));
    }
    bytes
}

fn leaf(index: u64) -> Node {
    let block = BLOCKS[index as usize];
    Node { index: 2 * index, size: block.len() as u64, hash: hash::leaf(block) }
}

fn parent(left: &Node, right: &Node) -> Node {
    let size = left.size + right.size;
    let index = u64::midpoint(left.index, right.index);
    Node { index, size, hash: hash::parent(size, &left.hash, &right.hash) }
}

fn nodes(pen: &mut Pen, name: &'static str, nodes: &[Node]) -> Vec<Node> {
    let nodes = nodes.iter().map(|node| Node {
        index: pen.number("index of a node", node.index),
        size: pen.number("bytes below a node", node.size),
        hash: pen.array("hash of a node", node.hash),
    });
    let nodes = nodes.collect();
    pen.list(name, nodes)
}

/// The first block of the adopted feed, with the requested proof and head.
fn data(pen: &mut Pen) -> Vec<u8> {
    let leaves = [0, 1, 2, 3, 4].map(leaf);
    let [first, second] = [parent(&leaves[0], &leaves[1]), parent(&leaves[2], &leaves[3])];
    let roots = [parent(&first, &second), leaves[4]];
    let tree = hash::tree(roots.iter().map(|root| (root.hash, root.index, root.size)));
    // What an author of hypercore 10 signs: 80 bytes, without the key.
    let signable = [&hash::namespace("hypercore", 0)[..], &tree, &5_u64.to_le_bytes(), &[0; 8]];
    let signature = pen.text("signature", &author().sign(&signable.concat()).0);
    let value = pen.text("block", BLOCKS[0]);
    let block = DataBlock {
        index: pen.number("index", 0),
        value: &value,
        nodes: nodes(pen, "nodes of the block", &[leaves[1], second]),
    };
    let upgrade = DataUpgrade {
        start: pen.number("start", 0),
        length: pen.number("length", 5),
        nodes: nodes(pen, "nodes of the head", &[leaves[4]]),
        additional_nodes: Vec::new(),
        signature: &signature,
    };
    // The number of the first request on a connection.
    let request = pen.number("request", 1);
    let fork = pen.number("fork", 0);
    let (block, upgrade) = (Some(block), Some(upgrade));
    encoded(&Message::Data(Data { request, fork, block, upgrade, ..Data::default() }))
}

fn sync(pen: &mut Pen) -> Vec<u8> {
    encoded(&Message::Sync(Sync {
        fork: pen.number("fork", 0),
        length: pen.number("length", 5),
        remote_length: pen.number("length of the other", 0),
        can_upgrade: true,
        uploading: true,
        ..Sync::default()
    }))
}

fn request(pen: &mut Pen) -> Vec<u8> {
    let mut at = |index| At { index: pen.number("index", index), nodes: pen.number("levels", 1) };
    let (block, hash) = (Some(at(1)), Some(at(2)));
    let seek = Seek { bytes: pen.number("bytes", 3), padding: pen.number("padding", 0) };
    let upgrade = Span { start: pen.number("start", 0), length: pen.number("length", 3) };
    encoded(&Message::Request(Request {
        id: pen.number("id", 7),
        fork: pen.number("fork", 0),
        block,
        hash,
        seek: Some(seek),
        upgrade: Some(upgrade),
        manifest: true,
        priority: pen.number("priority", 1),
    }))
}

fn run(pen: &mut Pen) -> (u64, u64) {
    (pen.number("start", 0), pen.number("length", 4))
}

fn want(pen: &mut Pen) -> Vec<u8> {
    let (start, length) = run(pen);
    encoded(&Message::Want(WantRun { start, length, any: false }))
}

fn unwant(pen: &mut Pen) -> Vec<u8> {
    let (start, length) = run(pen);
    encoded(&Message::Unwant(WantRun { start, length, any: true }))
}

fn bitfield(pen: &mut Pen) -> Vec<u8> {
    let (start, words) = (pen.number("start", 32), pen.text("words", &[0xff; 128]));
    encoded(&Message::Bitfield(Bitfield { start, words: &words }))
}

fn range(pen: &mut Pen) -> Vec<u8> {
    let (start, length) = run(pen);
    encoded(&Message::Range(RunNews { drop: false, start, length }))
}

fn dropped(pen: &mut Pen) -> Vec<u8> {
    let (start, length) = run(pen);
    encoded(&Message::Range(RunNews { drop: true, start, length }))
}

fn no_data(pen: &mut Pen) -> Vec<u8> {
    let (request, reason) = (pen.number("request", 1), pen.number("reason", 2));
    encoded(&Message::NoData { request, reason })
}

fn extension(pen: &mut Pen) -> Vec<u8> {
    let (name, message) = (pen.text("name", b"name"), pen.text("message", b"message"));
    encoded(&Message::Extension { name: &String::from_utf8_lossy(&name), message: &message })
}

/// Every message of the channel except data, with its type.
const MESSAGES: [(&str, u64, Writer); 10] = [
    ("sync", 0, sync),
    ("request", 1, request),
    ("cancel", 2, |pen| encoded(&Message::Cancel(pen.number("request", 7)))),
    ("no data", 4, no_data),
    ("want", 5, want),
    ("unwant", 6, unwant),
    ("bitfield", 7, bitfield),
    ("range", 8, range),
    ("range, dropped", 8, dropped),
    ("extension", 9, extension),
];

fn attack(stage: &Stage, name: String, channel: u64, kind: u64, body: &[u8]) -> Attack {
    let bytes = framed_body(channel, kind, body);
    let before = opening(stage);
    Attack { before, ..Attack::new(name, Moment::Dialled, Role::Responder, bytes) }
}

/// Messages without blocks, with one defect each.
pub(super) fn attacks(stage: &Stage) -> Vec<Attack> {
    let mut all = Vec::new();
    for (message, kind, write) in MESSAGES {
        for mutant in mutants(message, write) {
            for (of, channel) in CHANNELS {
                let name = format!("{}, of {of}", mutant.name);
                all.push(attack(stage, name, channel, kind, &mutant.bytes));
            }
        }
    }
    all
}

/// Proofs of the first block with one defect each, and the valid one on the other channel.
pub(super) fn proofs(stage: &Stage) -> Vec<Attack> {
    let body = genuine(data);
    // Bytes after the fields belong to newer versions and are ignored.
    let each = mutants("data", data).into_iter().filter(|data| !data.bytes.starts_with(&body));
    let mut all: Vec<_> =
        each.map(|mutant| attack(stage, mutant.name, ADOPTED, DATA, &mutant.bytes)).collect();
    let name = "data of another feed".to_owned();
    all.push(attack(stage, name, 1, DATA, &body));
    all
}

/// The valid proof.
pub(super) fn proof(stage: &Stage) -> Attack {
    attack(stage, "data as it should be".to_owned(), ADOPTED, DATA, &genuine(data))
}
