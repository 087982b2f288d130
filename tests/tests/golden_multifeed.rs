//! The bytes of our own protocol, compared with `golden/multifeed/`, which PROTOCOL.md specifies.
//!
//! `MULTIFEED_RENEW=1 cargo test -p multifeed-tests --test golden_multifeed` regenerates the files.
//! The commit says what changed on the wire and why.

use std::path::Path;
use std::{env, fs};

use data_encoding::HEXLOWER;
use multifeed_core::crypto::hash;
use multifeed_core::peer::handshake_claim::seal_claim;
use multifeed_core::wire::fork::{ForkBranch, ForkProof, SignedHead, SignedHeadFields};
use multifeed_core::wire::frame::FrameReader;
use multifeed_core::wire::multifeed::{
    Accepts, Claim, FeedRef, HeadEntry, Hello, Kind, KnownClaim, PROTOCOL, RangeHeader,
    RefetchEntry, Reject, RejectEntry, VERSION, WantEntry, encode_range, put,
};
use multifeed_core::wire::mux::{MuxMessage, messages};
use multifeed_core::{
    Config, Event, Group, Input, KeyPair, Mode, PublicKey, Refusal, Role, Secure, Seed, Signature,
    StoreKey, Write, manifest,
};
use multifeed_store::Store;
use multifeed_tests::{CONNECTION, Node, run};
use serde::Serialize;
use serde_json::{Map, Value, json};

const HANDSHAKE_HASH: [u8; 64] = [5; 64];
const GROUP_KEY: [u8; 32] = [9; 32];
const CLAIM: Claim = Claim { feeds: 300, keys: [0x11; 8], heads: [0x22; 8], known: None };

fn hex(bytes: impl AsRef<[u8]>) -> Value {
    HEXLOWER.encode(bytes.as_ref()).into()
}

/// Compares with the committed file, part by part.
fn hold(part: &str, ours: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/multifeed").join(part);
    if env::var_os("MULTIFEED_RENEW").is_some() {
        fs::write(&path, format!("{ours:#}\n")).unwrap();
    }
    let committed: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(
        *ours == committed,
        "{part} is not what is committed; if the wire was meant to change, set MULTIFEED_RENEW=1 \
         to write it anew: {ours:#}"
    );
}

#[test]
fn groups_and_feeds_have_these_names() {
    let group = |group: &Group| {
        json!({
            "key": hex(group.key()),
            "topic": hex(group.topic()),
            "discovery_key": hex(group.discovery_key()),
            "feed_namespace": hex(group.feed_namespace()),
        })
    };
    let keyed = Group::keyed(GROUP_KEY);
    let feeds = [7, 8].map(|seed| {
        let public_key = KeyPair::from_seed(&[seed; 32]).public_key();
        let namespace = keyed.feed_namespace();
        json!({
            "seed": hex([seed; 32]),
            "public_key": hex(public_key.as_bytes()),
            "manifest": hex(manifest::manifest(namespace, &public_key)),
            "key": hex(manifest::feed_key(namespace, &public_key).0),
        })
    });
    hold(
        "groups.json",
        &json!({
            "keyed": group(&keyed),
            "open": {
                "foobar-123": group(&Group::open("foobar-123")),
                "": group(&Group::open("")),
            },
            "feeds of the keyed group": feeds,
        }),
    );
}

fn body(values: &[impl Serialize]) -> Vec<u8> {
    let mut body = Vec::new();
    values.iter().for_each(|value| put(&mut body, value));
    body
}

/// The same value with byte arrays as text and a signature's two halves joined.
fn in_hex(value: Value) -> Value {
    let bytes = |list: &[Value]| -> Option<Vec<u8>> {
        let bytes = list.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
        bytes.collect::<Option<_>>().filter(|bytes: &Vec<u8>| !bytes.is_empty())
    };
    match value {
        Value::Array(list) => match bytes(&list) {
            Some(bytes) => hex(bytes),
            None => list.into_iter().map(in_hex).collect(),
        },
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| match (&name[..], in_hex(value)) {
                ("signature", Value::Array(halves)) => {
                    let halves: String = halves.iter().filter_map(Value::as_str).collect();
                    (name, halves.into())
                }
                (_, value) => (name, value),
            });
            Value::Object(fields.collect())
        }
        value => value,
    }
}

#[test]
fn messages_have_these_bytes() {
    let mut all = Map::new();
    let mut add = |name: &str, value: Value, bytes: Vec<u8>| {
        all.insert(name.to_owned(), json!({ "value": in_hex(value), "bytes": hex(bytes) }));
    };
    let hello = Hello {
        version: VERSION,
        features: 0,
        capability: [0xcc; 32],
        aliases: 1_024,
        window: 4_194_304,
        claim: seal_claim(&Group::keyed(GROUP_KEY), &HANDSHAKE_HASH, &body(&[CLAIM])),
    };
    add("hello", json!(hello), body(&[hello]));
    let accepts = Accepts { block_bytes: 1 << 20, range_blocks: 4_096, wants: 300, forked: 2 };
    add("what the sender of a hello accepts", json!(accepts), body(&[accepts]));
    let names = [FeedRef::New(PublicKey([0xaa; 32])), FeedRef::Sender(0), FeedRef::Receiver(300)];
    let heads = [1, 127, 1 << 40].into_iter().zip(names);
    let heads: Vec<_> = heads.map(|(length, name)| HeadEntry { name, length, fork: 0 }).collect();
    add("0 heads", json!(heads), body(&heads));
    add("1 listed", json!([]), Vec::new());
    let wants = [1, 2].map(|number| WantEntry { name: FeedRef::Receiver(number), start: 128 });
    add("2 wants", json!(wants), body(&wants));
    let header = RangeHeader {
        name: FeedRef::Sender(3),
        start: 4,
        head_length: 7,
        fork: 0,
        signature: Signature([0x55; 64]),
        nodes: 1,
    };
    let (nodes, blocks) = ([(300, [0x44; 32])], [&b"two"[..], b""]);
    let value = json!({ "header": header, "nodes": nodes, "blocks": blocks.map(hex) });
    add("3 range", value, encode_range(&header, nodes.into_iter(), &blocks));
    let rejects = [Reject::Declined, Reject::Unavailable, Reject::Duplicate, Reject::Gone];
    let rejects = rejects.map(|reject| RejectEntry { name: FeedRef::Receiver(0), reject });
    add("4 rejects", json!(rejects), body(&rejects));
    let reject = RejectEntry { name: FeedRef::Sender(1), reject: Reject::TooLarge };
    add("4 reject of a large block", json!([reject]), body(&[reject]));
    add("5 alias credit", json!(300), body(&[300_u32]));
    add("6 window credit", json!(1_048_577), body(&[1_048_577_u64]));
    let refetch = [RefetchEntry { name: FeedRef::Sender(2), start: 3, end: 300 }];
    add("7 refetch", json!(refetch), body(&refetch));
    let known = Some(KnownClaim { tag: [0x33; 8], changed: 1_000 });
    for (name, known) in [("8 claim", None), ("8 claim of a known peer", known)] {
        let claim = Claim { known, ..CLAIM };
        add(name, json!(claim), body(&[claim]));
    }
    let fork_proof = two_histories();
    let ForkProof { signed_head, head, nodes } = &fork_proof;
    let signed_head_json = json!({ "header": signed_head.header, "roots": signed_head.roots });
    add("19 signed head", signed_head_json.clone(), signed_head.encode());
    let value = json!({ "signed_head": signed_head_json, "head": head, "nodes": nodes });
    add("20 fork proof", value, fork_proof.encode());
    add("18 checkpoint", json!(vec![0x44_u8; 16]), body(&[[0x44_u8; 16]]));
    let authors = [PublicKey([0xaa; 32]), PublicKey([0xbb; 32])];
    add("21 forked feeds", json!(authors), body(&authors));
    add("22 forked feeds wanted", json!(authors), body(&authors));
    hold("messages.json", &all.into());
}

/// The author of the seed 07 × 32 signed a history with the block "one" and another with "two".
fn two_histories() -> ForkProof {
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let public_key = key_pair.public_key();
    let key = manifest::feed_key(Group::keyed(GROUP_KEY).feed_namespace(), &public_key);
    let [one, two] = [b"one", b"two"].map(|block| {
        let leaf = hash::leaf(block);
        let tree_hash = hash::tree([(leaf, 0, 3)]);
        ((3, leaf), manifest::sign(&key_pair, &key, &tree_hash, 1, 0))
    });
    let header = SignedHeadFields { public_key, length: 1, signature: one.1, roots: 1 };
    let head = ForkBranch { length: 1, signature: two.1, nodes: 1 };
    ForkProof { signed_head: SignedHead { header, roots: vec![one.0] }, head, nodes: vec![two.0] }
}

/// Two members. The first has two feeds; the second has one and has lost one of its blocks.
fn members() -> [Node; 2] {
    let mut nodes = [1, 2].map(|seed| {
        let mut config = Config::new(Group::keyed(GROUP_KEY), Seed::new([seed; 32]));
        // So few that the session contains a new credit.
        config.limits.aliases = 4;
        Node::open(config)
    });
    nodes[0].write("first", 7, &[b"one", b"", &[3; 100]]);
    nodes[0].write("second", 8, &[b"alone"]);
    nodes[1].write("first", 6, &[b"kept", b"lost"]);
    // The first byte marks a block; the last is its number.
    let lost = StoreKey::from_bytes([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(nodes[1].store.read(&[lost]).unwrap()[0].as_ref().is_some_and(|it| it == "lost"));
    nodes[1].store.commit(&[&[Write::Delete(lost)]]).unwrap();
    nodes
}

fn connect(nodes: &mut [Node; 2], secure: impl Fn(PublicKey) -> Secure) {
    let keys = [0, 1].map(|node: usize| nodes[node].multifeed.public_key());
    nodes[0].connect(Role::Initiator, secure(keys[1]), Mode::Live);
    nodes[1].connect(Role::Responder, secure(keys[0]), Mode::Live);
}

/// Runs a session: the initial sets, then an append by the first.
fn session(nodes: &mut [Node; 2], mut tap: impl FnMut(&str, &[u8])) {
    let mut tap = |from: usize, bytes: &[u8]| tap(["initiator", "responder"][from], bytes);
    run(nodes, |from, bytes| tap(from, bytes));
    let feed = nodes[0].multifeed.feeds().next().unwrap().id;
    nodes[0].multifeed.append(feed, &[b"pushed"]).unwrap();
    run(nodes, |from, bytes| tap(from, bytes));
    let length = nodes[1].multifeed.feeds().map(|feed| feed.length).max();
    assert_eq!((length, nodes[1].multifeed.sync_status().feeds), (Some(4), 3));
    let refused =
        |event: &Event| matches!(event, Event::Refused { refusal: Refusal::Unavailable, .. });
    assert!(nodes[0].events.iter().any(refused));
    assert!(nodes.iter().all(|node| node.closed.is_empty()));
}

#[test]
fn a_session_has_these_frames() {
    let mut nodes = members();
    let handshake_hash = HANDSHAKE_HASH;
    connect(&mut nodes, |remote| Secure::Established { handshake_hash, remote });
    let mut transcript = Vec::new();
    session(&mut nodes, |from, bytes| {
        let mut reader = FrameReader::new(1 << 20);
        reader.push(bytes);
        while let Some(frame) = reader.next().unwrap() {
            let said: Vec<_> = messages(&frame).map(|message| shown(message.unwrap())).collect();
            transcript.push(json!({ "from": from, "frame": hex(&frame), "messages": said }));
        }
    });
    let kinds = |kind: u64| {
        transcript.iter().flat_map(move |frame| {
            frame["messages"].as_array().unwrap().iter().filter(move |said| said["kind"] == kind)
        })
    };
    for kind in
        [Kind::Heads, Kind::Listed, Kind::Wants, Kind::Range, Kind::Rejects, Kind::AliasCredit]
    {
        assert!(kinds(kind as u64).next().is_some(), "{kind:?}");
    }
    let group = hex(GROUP_KEY);
    let session = json!({
        "group_key": group, "handshake_hash": hex(HANDSHAKE_HASH), "transcript": transcript,
    });
    hold("session.json", &session);
}

fn shown(message: MuxMessage<'_>) -> Value {
    match message {
        MuxMessage::Open { local_id, protocol, id, handshake } => {
            assert_eq!(protocol, PROTOCOL);
            let id = id.map(hex);
            json!({ "open": local_id, "id": id, "handshake": hex(handshake) })
        }
        MuxMessage::Message { channel, kind, body } => {
            json!({ "channel": channel, "kind": kind, "body": hex(body) })
        }
        other => panic!("a session of members has no {other:?}"),
    }
}

#[test]
fn a_sealed_session_has_these_bytes() {
    let mut nodes = members();
    connect(&mut nodes, |_| Secure::Noise);
    let mut flights = Vec::new();
    session(&mut nodes, |from, bytes| {
        flights.push(json!({ "from": from, "bytes": hex(bytes) }));
    });
    hold("sealed.json", &json!({ "group_key": hex(GROUP_KEY), "flights": flights }));
}

#[test]
fn the_committed_session_satisfies_the_initiator_wherever_it_is_cut() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/multifeed/sealed.json");
    let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let flights = vectors["flights"].as_array().unwrap();
    let of = |name: &str| -> Vec<u8> {
        let flights = flights.iter().filter(|flight| flight["from"] == name);
        let bytes = flights.map(|flight| flight["bytes"].as_str().unwrap());
        bytes.flat_map(|bytes| HEXLOWER.decode(bytes.as_bytes()).unwrap()).collect()
    };
    let [mut node, _] = members();
    node.connect(Role::Initiator, Secure::Noise, Mode::Live);
    for piece in of("responder").chunks(7) {
        node.transmit();
        node.handle(Input::Received { connection: CONNECTION, bytes: piece });
    }
    assert_eq!(node.closed, []);
    let copies = node.multifeed.feeds().filter(|feed| !feed.is_writable);
    assert_eq!(copies.count(), 0, "the responder lost the block that would prove its feed");
    assert!(node.events.iter().any(|event| matches!(event, Event::Opened { .. })));
}
