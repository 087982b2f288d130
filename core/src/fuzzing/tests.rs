//! Runs the fuzz bodies on the stable compiler, with random bytes and the seeds of `fuzz/corpus`.
//!
//! `MULTIFEED_RENEW=1 cargo test -p multifeed-core fuzzing` regenerates the seeds.

use std::path::{Path, PathBuf};
use std::vec::Vec;
use std::{env, fs, vec};

use bytes::BytesMut;

use super::connection::{STRANGERS_BLOCKS, hello, stranger};
use super::map::{BLOCKS, Map, Node, author, config};
use super::records::sealed;
use crate::peer::secure::SecretStream;
use crate::rng::Rng;
use crate::tests::cases;
use crate::wire::fork::{ForkBranch, ForkProof, SignedHead, SignedHeadFields};
use crate::wire::frame::{FrameReader, write_frame};
use crate::wire::hypercore;
use crate::wire::multifeed::{
    FeedRef, HeadEntry, Kind, RangeHeader, Reject, RejectEntry, WantEntry, encode_range, put,
};
use crate::wire::mux::{Batch, MuxMessage, messages as mux_messages};
use crate::{ConnectionId, Input, KeyPair, Mode, Multifeed, PublicKey, Role, Secure, Signature};

/// A target with its name, body and seeds.
type Target = (&'static str, fn(&[u8]), Seeds);

const TARGETS: [Target; 12] = [
    ("frame_and_mux", super::frame_and_mux, frame_seeds),
    ("messages", super::messages, message_seeds),
    ("hypercore", super::hypercore, hypercore_seeds),
    ("hypercore_channel", super::hypercore_channel, hypercore_channel_seeds),
    ("secure", super::secure, secure_seeds),
    ("connection", super::connection, connection_seeds),
    ("records", super::records, record_seeds),
    ("decoder", super::decoder, decoder_seeds),
    ("reconciliation", super::reconciliation, reconciliation_seeds),
    ("session", super::session, session_seeds),
    ("peers", super::peers, peers_seeds),
    ("tampered", super::tampered, tampered_seeds),
];

/// Number of mutated inputs per target; each differs from a corpus input in one place.
const NEAR_MAX: usize = 300;

/// Named inputs that our own encoders produce, so they pass validation.
type Seeds = fn() -> Vec<(&'static str, Vec<u8>)>;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target)
}

/// Runs a body; a failure prints the input.
fn run(target: &str, body: fn(&[u8]), input: &[u8]) {
    let ran = std::panic::catch_unwind(|| body(input));
    assert!(ran.is_ok(), "{target} fails on {input:02x?}");
}

#[test]
fn fuzz_bodies_accept_random_bytes() {
    for (target, body, _) in TARGETS {
        let mut rng = Rng::new([u8::try_from(target.len()).unwrap(); 32]);
        for _ in 0..cases(60, 300) {
            let mut input = vec![0; rng.below(400) as usize];
            rng.fill(&mut input);
            run(target, body, &input);
        }
    }
}

#[test]
fn fuzz_bodies_accept_the_corpus_and_mutations_of_it() {
    for (target, body, _) in TARGETS {
        let mut rng = Rng::new([0; 32]);
        let mut files: Vec<_> = fs::read_dir(folder(target)).unwrap().map(Result::unwrap).collect();
        files.sort_by_key(fs::DirEntry::file_name);
        let count = files.len();
        assert!(count >= 4, "{target}");
        for file in files {
            let input = fs::read(file.path()).unwrap();
            run(target, body, &input);
            for _ in 0..cases(NEAR_MAX / 5, NEAR_MAX) / count {
                let mut near = input.clone();
                let place = rng.below(near.len() as u64) as usize;
                match rng.below(3) {
                    0 => near[place] ^= 1 << rng.below(8),
                    1 => near.truncate(place),
                    _ => _ = near.remove(place),
                }
                run(target, body, &near);
            }
        }
    }
}

#[test]
fn committed_seeds_match_the_encoders() {
    for (target, _, seeds) in TARGETS {
        for (name, bytes) in seeds() {
            let path = folder(target).join(name);
            if env::var_os("MULTIFEED_RENEW").is_some() {
                fs::create_dir_all(folder(target)).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            let committed = fs::read(&path).unwrap_or_default();
            assert!(committed == bytes, "{target}/{name}: set MULTIFEED_RENEW=1 to regenerate it");
        }
    }
}

#[test]
fn seeds_reach_their_targets() {
    let (peer, node) = exchange();
    assert_eq!(node.multifeed.sync_status().feeds, 2, "{:?}", node.closed);
    let kinds: Vec<u8> = script(&peer).iter().map(|(kind, _)| *kind).collect();
    for kind in [Kind::Heads, Kind::Listed, Kind::Wants, Kind::Range] {
        assert!(kinds.contains(&(kind as u8)), "{kinds:?}");
    }
}

fn framed(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = BytesMut::new();
    frames.iter().for_each(|frame| write_frame(&mut out, frame).unwrap());
    out.to_vec()
}

fn alone(message: &MuxMessage<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    message.write(&mut frame);
    frame
}

fn frame_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let open = MuxMessage::Open { local_id: 1, protocol: "p", id: Some(b"id"), handshake: b"h" };
    let message = |channel, body| MuxMessage::Message { channel, kind: 3, body };
    let mut batch = Batch::new();
    for message in [open, message(1, b"a"), message(2, b"bc"), message(2, b"")] {
        batch.push(&message);
    }
    let batch = batch.take().unwrap().to_vec();
    let control = [MuxMessage::Reject { local_id: 1 }, MuxMessage::Close { local_id: 300 }];
    let control: Vec<_> = control.iter().map(alone).collect();
    let all = [vec![alone(&open), Vec::new(), batch.clone()], control.clone()].concat();
    let cut = |cut: u8, frames: &[Vec<u8>]| [&[cut][..], &framed(frames)].concat();
    vec![
        ("open", cut(1, &[alone(&open)])),
        ("batch", cut(2, &[batch])),
        ("control", cut(3, &control)),
        ("all", cut(7, &all)),
    ]
}

fn encoded(values: &[impl serde::Serialize]) -> Vec<u8> {
    let mut body = Vec::new();
    values.iter().for_each(|value| put(&mut body, value));
    body
}

fn message_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let names = [FeedRef::New(PublicKey([1; 32])), FeedRef::Sender(0), FeedRef::Receiver(300)];
    let heads = names.map(|name| HeadEntry { name, length: 1 << 40, fork: 0 });
    let wants = names.map(|name| WantEntry { name, start: 128 });
    let rejects = [Reject::Declined, Reject::Unavailable, Reject::Duplicate];
    let rejects = rejects.map(|reject| RejectEntry { name: FeedRef::Sender(1), reject });
    let (name, signature) = (FeedRef::Receiver(2), Signature([5; 64]));
    let header = RangeHeader { name, start: 1, head_length: 7, fork: 0, signature, nodes: 2 };
    let nodes = [(100, [3; 32]), (1 << 40, [4; 32])];
    let range = encode_range(&header, nodes.into_iter(), &[&b"one"[..], b"", &[9; 200]]);
    let header =
        SignedHeadFields { public_key: PublicKey([1; 32]), length: 3, signature, roots: 2 };
    let dispute = SignedHead { header, roots: nodes.to_vec() };
    let head = ForkBranch { length: 300, signature, nodes: 2 };
    let forked = ForkProof { signed_head: dispute.clone(), head, nodes: nodes.to_vec() };
    vec![
        ("hello", handshake()),
        ("heads", encoded(&heads)),
        ("wants", encoded(&wants)),
        ("nos", encoded(&rejects)),
        ("range", range),
        ("window", encoded(&[1_u64 << 33])),
        ("disputed", dispute.encode()),
        ("forked", forked.encode()),
    ]
}

/// The body of the hello, without its `Open` message.
fn handshake() -> Vec<u8> {
    match mux_messages(&hello(Role::Initiator)).next() {
        Some(Ok(MuxMessage::Open { handshake, .. })) => handshake.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn hypercore_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let node = |index| hypercore::Node { index, size: 300, hash: [3; 32] };
    let at = hypercore::At { index: 4, nodes: 2 };
    let span = hypercore::Span { start: 5, length: 300 };
    let request = hypercore::Request {
        id: 7,
        block: Some(at),
        hash: Some(at),
        upgrade: Some(span),
        manifest: true,
        ..hypercore::Request::default()
    };
    let upgrade = hypercore::DataUpgrade {
        start: 5,
        length: 300,
        nodes: vec![node(10), node(19)],
        additional_nodes: vec![node(40)],
        signature: &[5; 68],
    };
    let block = hypercore::DataBlock { index: 4, value: b"block", nodes: vec![node(10)] };
    let manifest = hypercore::Manifest { namespace: [6; 32], public_key: [7; 32] };
    let data = hypercore::Data {
        request: 7,
        block: Some(block),
        upgrade: Some(upgrade),
        manifest: Some(Ok(manifest)),
        ..hypercore::Data::default()
    };
    let bitfield = hypercore::Bitfield { start: 32, words: &[0xff, 0, 1, 0x80] };
    let seed = |message: hypercore::Message<'_>| {
        let mut bytes = vec![message.kind() as u8];
        message.encode(&mut bytes);
        bytes
    };
    vec![
        ("request", seed(hypercore::Message::Request(request))),
        ("data", seed(hypercore::Message::Data(data))),
        ("bitfield", seed(hypercore::Message::Bitfield(bitfield))),
        ("no_data", seed(hypercore::Message::NoData { request: 9, reason: 2 })),
        ("extension", seed(hypercore::Message::Extension { name: "ext", message: b"raw" })),
    ]
}

/// Actions of `hypercore_channel`: a code, a length and a message each.
fn hypercore_acts(acts: &[(u8, hypercore::Message<'_>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (flags, message) in acts {
        let mut body = Vec::new();
        message.encode(&mut body);
        bytes.extend([flags | message.kind() as u8, u8::try_from(body.len()).unwrap()]);
        bytes.extend(body);
    }
    bytes
}

fn hypercore_channel_seeds() -> Vec<(&'static str, Vec<u8>)> {
    const ADOPTED: u8 = 0x40;
    let sync = hypercore::Sync { length: 1, uploading: true, ..hypercore::Sync::default() };
    let range = hypercore::RunNews { drop: false, start: 0, length: 1 };
    let (sync, range) = (hypercore::Message::Sync(sync), hypercore::Message::Range(range));
    let node = hypercore::Node::leaf(0, b"block");
    let pair = super::hypercore::adopted_author();
    let mut signable = [0; 80];
    signable[..32].copy_from_slice(&crate::crypto::hash::namespace("hypercore", 0));
    signable[32..64].copy_from_slice(&crate::feed::tree::tree_hash(&[node]));
    signable[64] = 1;
    let signature = pair.sign(&signable).0;
    let block = hypercore::DataBlock { index: 0, value: b"block", nodes: Vec::new() };
    let upgrade = hypercore::DataUpgrade {
        start: 0,
        length: 1,
        nodes: Vec::new(),
        additional_nodes: Vec::new(),
        signature: &signature,
    };
    let (block, upgrade) = (Some(block), Some(upgrade));
    let data = hypercore::Data { request: 1, block, upgrade, ..hypercore::Data::default() };
    let data = hypercore::Message::Data(data);
    let at = Some(hypercore::At { index: 1, nodes: 1 });
    let span = Some(hypercore::Span { start: 0, length: 5 });
    let ask = |block, hash, upgrade| {
        let (id, manifest) = (9, true);
        let ask = hypercore::Request { id, block, hash, upgrade, manifest, ..Default::default() };
        hypercore::Message::Request(ask)
    };
    let offer = [(ADOPTED, sync.clone()), (ADOPTED, range.clone())];
    let no = hypercore::Message::NoData { request: 1, reason: 1 };
    let given = [&offer[..], &[(ADOPTED, data.clone())]].concat();
    let denied = [&offer[..], &[(ADOPTED, no)]].concat();
    let late = [&offer[..], &[(ADOPTED | 0x80, data)]].concat();
    let asks = [ask(at, None, None), ask(None, at, None), ask(at, None, span)];
    vec![
        ("given", hypercore_acts(&given)),
        ("denied", hypercore_acts(&denied)),
        ("late", hypercore_acts(&late)),
        ("asks", hypercore_acts(&asks.map(|ask| (0, ask)))),
    ]
}

fn secure_seeds() -> Vec<(&'static str, Vec<u8>)> {
    // The same two sides as in the body, so these bytes are genuine.
    let rng = |number| Rng::new([number; 32]);
    let pair = |number| KeyPair::from_seed(&[number; 32]);
    let mut outs = [BytesMut::new(), BytesMut::new()];
    let mut ours = SecretStream::initiator(&pair(1), rng(1), 4_096, &mut outs[0]);
    let mut theirs = SecretStream::responder(&pair(2), rng(2), 4_096);
    theirs.push_bytes(&outs[0].split());
    assert_eq!(theirs.next(&mut outs[1]), Ok(None));
    let answer = outs[1].split().to_vec();
    ours.push_bytes(&answer);
    ours.next(&mut outs[0]).unwrap();
    theirs.push_bytes(&outs[0].split());
    theirs.next(&mut outs[1]).unwrap();
    theirs.send(b"genuine", &mut outs[1]).unwrap();
    let words = outs[1].split().to_vec();
    let mut first = BytesMut::new();
    SecretStream::initiator(&pair(2), rng(2), 4_096, &mut first);
    vec![
        ("to_initiator", [vec![0], answer.clone()].concat()),
        ("to_initiator_all", [vec![0], answer.clone(), words.clone()].concat()),
        ("to_initiator_header", [vec![1], words.clone()].concat()),
        ("to_initiator_again", [vec![2], answer, words].concat()),
        ("to_responder", [vec![4], first.to_vec()].concat()),
        ("to_responder_late", [vec![7], first.to_vec()].concat()),
    ]
}

const PEER: ConnectionId = ConnectionId(1);

/// The frames that a genuine peer with its own feed sent to a fuzzed node, and that node.
fn exchange() -> (Vec<BytesMut>, Node) {
    let (mut node, mut peer) = (Node::with_blocks(), Node::with_seed(2, Map::new()));
    let feed = peer.multifeed.writer("own", stranger()).unwrap();
    for block in &BLOCKS[..STRANGERS_BLOCKS] {
        peer.append(feed, &[block]);
    }
    let keys = [KeyPair::from_seed(&[200; 32]), KeyPair::from_seed(&[201; 32])];
    let sides = [(&mut node, Role::Responder), (&mut peer, Role::Initiator)];
    for ((side, role), key) in sides.into_iter().zip(keys) {
        let secure = Secure::Plain { remote: key.public_key() };
        side.handle(Input::Connected { connection: PEER, role, secure, mode: Mode::Live });
    }
    let (mut reader, mut frames) = (FrameReader::new(1 << 20), Vec::new());
    loop {
        let bytes = peer.transmit(PEER);
        reader.push(&bytes);
        while let Some(frame) = reader.next().unwrap() {
            frames.push(frame);
        }
        node.handle(Input::Received { connection: PEER, bytes: &bytes });
        let answer = node.transmit(PEER);
        peer.handle(Input::Received { connection: PEER, bytes: &answer });
        if bytes.is_empty() && answer.is_empty() {
            return (frames, node);
        }
    }
}

/// The channel messages of the frames, as script entries.
fn script(frames: &[BytesMut]) -> Vec<(u8, Vec<u8>)> {
    let messages = frames.iter().flat_map(|frame| mux_messages(frame).map(Result::unwrap));
    let acts = messages.filter_map(|message| match message {
        MuxMessage::Message { kind, body, .. } => Some((kind as u8, body.to_vec())),
        _ => None,
    });
    acts.collect()
}

fn connection_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let frames = exchange().0;
    let played = script(&frames);
    let stream = framed(&frames.iter().map(|frame| frame.to_vec()).collect::<Vec<_>>());
    let act = |(kind, body): &(u8, Vec<u8>)| {
        [&[*kind, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    };
    let acts = |flags: u8, acts: &[(u8, Vec<u8>)]| {
        [vec![flags], acts.iter().flat_map(act).collect()].concat()
    };
    // The peer dialled (bit 0 is clear: we are the responder) and is a member (bit 1).
    let between = |act: (u8, Vec<u8>)| -> Vec<(u8, Vec<u8>)> {
        played.iter().flat_map(|said| [act.clone(), said.clone()]).collect()
    };
    let held = [vec![(0x82, Vec::new())], played.clone(), vec![(0x83, Vec::new())]].concat();
    let failing = [vec![(0x84, Vec::new())], played.clone()].concat();
    vec![
        ("stream", [vec![8], stream].concat()),
        ("member", acts(2, &played)),
        ("dialled", acts(3, &played)),
        ("once", acts(6, &played)),
        ("stranger", acts(0, &played)),
        ("appends", acts(2, &between((0x81, b"more".to_vec())))),
        ("time", acts(2, &between((0x80, vec![0; 60])))),
        ("held", acts(2, &held)),
        ("failing", acts(2, &failing)),
        ("twice", acts(2, &[played.clone(), played.clone()].concat())),
    ]
}

fn record_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let map = Node::with_blocks().map;
    let record = map.values().nth(1).unwrap().clone();
    let body = record.split_at(record.len() - 8).0.to_vec();
    assert_eq!(sealed(&body), record);
    let step =
        |entry: u8, bytes: &[u8]| [&[entry, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let mut longer = body.clone();
    // After the public key and the name: 0x01, its length, `own`.
    longer[37] += 1;
    let everywhere = (0..map.len() as u8).flat_map(|entry| step(2 * entry, &[1])).collect();
    vec![
        ("meta", step(0, &[0, 0, 1])),
        ("meta_sealed", step(1, &[2])),
        ("record", step(2, &[0, 0, 0, 4])),
        ("record_sealed", step(3, &body)),
        ("record_longer", step(3, &longer)),
        ("node_and_block", [step(4, &[0, 1]), step(10, &[1])].concat()),
        ("everywhere", everywhere),
    ]
}

fn decoder_seeds() -> Vec<(&'static str, Vec<u8>)> {
    // A cell is 7 bytes: its kind and its value.
    let cells = |kind: u8, count: u8| (0..count).flat_map(move |at| [kind, 0, 0, 0, 1, 2, at]);
    let ids = |count: u8| (0..count).flat_map(|id| [id, id ^ 0x55]);
    let genuine = |cut: u8, count: u8, changes: &[u8]| {
        [vec![0x80 | cut, count], ids(count).collect(), changes.to_vec()].concat()
    };
    vec![
        ("raw", [vec![7], cells(0, 40).collect()].concat()),
        ("tokens", [vec![24], cells(1, 40).collect()].concat()),
        ("sums", [vec![1], cells(2, 60).collect()].concat()),
        ("copies", [vec![64], [1, 0, 0, 0, 0, 0, 7].repeat(100)].concat()),
        ("genuine", genuine(24, 60, &[])),
        ("genuine_one_by_one", genuine(1, 5, &[])),
        ("spoiled", genuine(32, 40, &[0, 1, 0, 9, 0xff, 5, 63, 8, 3])),
    ]
}

fn reconciliation_seeds() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("equal", vec![0, 0]),
        ("honest", vec![9, 9, 0, 0, 0, 0, 0, 0]),
        ("keys_alone", vec![15, 0, 0, 0, 0, 0]),
        ("heads_alone", vec![0, 15, 0, 0, 0, 0]),
        ("left_out", vec![9, 0, 0, 3, 0, 3]),
        ("twice", vec![9, 0, 4, 4, 4, 4]),
        ("spoiled_cells", vec![9, 0, 5, 30, 1, 0]),
        ("spoiled_ids", vec![12, 0, 0, 5, 9, 1, 0, 0]),
        ("spoiled_heads", vec![4, 12, 0, 0, 0, 5, 3, 1, 0, 5, 2, 255]),
        ("made_up_cells", [vec![9, 0, 7, 0, 170, 0], vec![1; 200]].concat()),
        ("made_up_entries", [vec![9, 0, 0, 7, 3, 34, 1], vec![5; 33]].concat()),
        ("gives_up", vec![9, 9, 7, 7, 1, 1]),
    ]
}

/// The record of a node that appends and receives bytes of a peer, as a whole and by steps.
fn session_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut node = Node::of(Multifeed::open_recorded(config(1)), Map::new());
    let opened = node.multifeed.take_record();
    let feed = node.multifeed.writer("own", author()).unwrap();
    node.append(feed, &BLOCKS[..1]);
    let alone = node.multifeed.take_record();
    let secure = Secure::Plain { remote: stranger().public_key() };
    let (connection, role, mode) = (PEER, Role::Responder, Mode::Live);
    node.handle(Input::Connected { connection, role, secure, mode });
    for frame in exchange().0 {
        let bytes = &framed(&[frame.to_vec()]);
        node.handle(Input::Received { connection, bytes });
        node.transmit(PEER);
    }
    node.handle(Input::Timeout);
    node.handle(Input::Disconnected { connection });
    node.multifeed.record_state();
    let met = node.multifeed.take_record();
    let whole = [vec![0], opened.clone(), alone.clone(), met.clone()].concat();
    let cut = whole[..whole.len() - 3].to_vec();
    let (opened, alone, met) = (steps(&opened), steps(&alone), steps(&met));
    // The body adds an opening of its own.
    let open = [&opened[1..], &alone[..]].concat();
    let all = [&open[..], &met[..]].concat();
    vec![
        ("whole", whole),
        ("cut", cut),
        ("steps", [vec![1], open.concat()].concat()),
        ("steps_all", [vec![1], all.concat()].concat()),
    ]
}

/// The short steps of a record, each as `length, bytes`.
fn steps(mut record: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((length, rest)) = record.split_first_chunk() {
        let (step, after) = rest.split_at(u32::from_le_bytes(*length) as usize);
        if let Ok(length) = u8::try_from(step.len()) {
            all.push([&[length], step].concat());
        } else {
            all.push(Vec::new());
        }
        record = after;
    }
    all
}

/// Actions of a side in `peers`, by the number in the code.
const APPEND: u8 = 0;
const CONNECT: u8 = 2;
const BRING: u8 = 3;
const CUT: u8 = 7;
const CRASH: u8 = 8;
const HOLD: u8 = 9;
const RELEASE: u8 = 10;
const PASS: u8 = 11;
const REFUSE: u8 = 12;
const ACCEPT: u8 = 13;
const CLEAR: u8 = 14;
const DOWNLOAD: u8 = 15;

fn acts(acts: &[(u8, u8, u8)]) -> Vec<u8> {
    acts.iter().flat_map(|(side, act, how)| [side | act << 1, *how]).collect()
}

fn peers_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let both = |act, how| [(0, act, how), (1, act, how)];
    let exchange = [both(BRING, 255); 6].concat();
    let met = [&both(APPEND, 9)[..], &[(0, CONNECT, 0)], &exchange].concat();
    let after = |rest: &[&[(u8, u8, u8)]]| acts(&[&met[..], &rest.concat()].concat());
    vec![
        ("met", acts(&met)),
        ("live", after(&[&both(APPEND, 200), &exchange, &both(APPEND, 0), &exchange])),
        ("in_pieces", after(&[&both(APPEND, 99), &[both(BRING, 2); 20].concat()])),
        ("crashed", after(&[&[(0, HOLD, 0)], &both(APPEND, 5), &exchange, &both(CRASH, 0)])),
        ("late", after(&[&[(1, HOLD, 0)], &both(APPEND, 5), &exchange, &[(1, RELEASE, 0)]])),
        ("refused", after(&[&both(REFUSE, 0), &both(APPEND, 5), &exchange, &both(ACCEPT, 0)])),
        ("cleared", after(&[&both(CLEAR, 0), &exchange, &both(DOWNLOAD, 0), &exchange])),
        ("removed", after(&[&both(CLEAR, 0x80), &exchange, &both(ACCEPT, 0), &exchange])),
        ("parted", after(&[&[(0, CUT, 0)], &both(APPEND, 5), &[(0, CONNECT, 0)], &exchange])),
        ("dead", after(&[&both(APPEND, 5), &[(0, PASS, 255)], &exchange])),
    ]
}

/// Changes of a frame, by the number in the code.
const FRAMES: [&str; 8] = ["lost", "twice", "swapped", "cut", "longer", "bit_5", "bit_6", "bit_7"];

fn tampered_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let begin = acts(&[(0, APPEND, 9), (1, APPEND, 50), (1, APPEND, 2), (0, CONNECT, 0)]);
    let ways = FRAMES.iter().zip(0_u8..);
    let seeds = ways.map(|(name, way)| {
        let rounds = (0..4).flat_map(|how| [0x80 | way << 1, how, 0x81 | way << 1, 5 * how]);
        (*name, begin.iter().copied().chain(rounds).collect())
    });
    seeds.collect()
}
