//! Wire encodings, compared with the JavaScript packages: every vector of `golden/` that is not
//! about feeds.

mod vectors;

use bytes::BytesMut;
use multifeed_core::{
    crypto::{
        hash,
        sign::{self, KeyPair, PublicKey, Signature},
    },
    peer::secure::{Received, Role, SecretStream, stream_id},
    rng::Rng,
    wire::{
        codec::{self, Malformed, Reader},
        mux::{Batch, MuxMessage, messages},
    },
};
use serde_json::Value;

use vectors::{hex, list, vectors};

fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex(value).try_into().unwrap()
}

fn u64(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn uints_are_those_of_compact_encoding() {
    let vectors = vectors("codec.json");
    for case in list(&vectors["uints"]) {
        let value: u64 = case["value"].as_str().unwrap().parse().unwrap();
        let bytes = hex(&case["bytes"]);
        let mut out = Vec::new();
        codec::put_uint(&mut out, value);
        assert_eq!(out, bytes, "{value}");
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.uint_below_2_53(), Ok(value));
        assert!(reader.is_empty());
    }
    for bytes in list(&vectors["not_uints"]) {
        let read = Reader::new(&hex(bytes)).uint_below_2_53();
        assert!(matches!(read, Err(Malformed::Truncated | Malformed::TooLarge)), "{bytes}");
    }
}

#[test]
fn buffers_and_strings_are_those_of_compact_encoding() {
    let vectors = vectors("codec.json");
    for case in list(&vectors["buffers"]) {
        let (value, bytes) = (hex(&case["value"]), hex(&case["bytes"]));
        let mut out = Vec::new();
        codec::put_buffer(&mut out, &value);
        assert_eq!(out, bytes);
        assert_eq!(Reader::new(&bytes).buffer(), Ok(&value[..]));
    }
    for case in list(&vectors["optional_buffers"]) {
        let value = (!case["value"].is_null()).then(|| hex(&case["value"]));
        let bytes = hex(&case["bytes"]);
        let mut out = Vec::new();
        codec::put_optional_buffer(&mut out, value.as_deref());
        assert_eq!(out, bytes);
        assert_eq!(Reader::new(&bytes).optional_buffer(), Ok(value.as_deref()));
    }
    for case in list(&vectors["strings"]) {
        let (value, bytes) = (case["value"].as_str().unwrap(), hex(&case["bytes"]));
        let mut out = Vec::new();
        codec::put_string(&mut out, value);
        assert_eq!(out, bytes);
        assert_eq!(Reader::new(&bytes).string(), Ok(value));
    }
}

/// The parts of a message of `mux.json`, which a `MuxMessage` borrows.
struct Parts {
    id: Option<Vec<u8>>,
    tail: Vec<u8>,
}

impl Parts {
    fn of(message: &Value) -> Self {
        let id = message.pointer("/open/id").filter(|id| !id.is_null()).map(hex);
        let tail = message.pointer("/open/handshake").or(message.pointer("/message/body"));
        Self { id, tail: tail.map(hex).unwrap_or_default() }
    }

    fn message<'a>(&'a self, message: &'a Value) -> MuxMessage<'a> {
        let (kind, fields) = message.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "open" => MuxMessage::Open {
                local_id: u64(&fields["local_id"]),
                protocol: fields["protocol"].as_str().unwrap(),
                id: self.id.as_deref(),
                handshake: &self.tail,
            },
            "reject" => MuxMessage::Reject { local_id: u64(&fields["local_id"]) },
            "close" => MuxMessage::Close { local_id: u64(&fields["local_id"]) },
            "message" => MuxMessage::Message {
                channel: u64(&fields["channel"]),
                kind: u64(&fields["kind"]),
                body: &self.tail,
            },
            other => panic!("unknown message {other}"),
        }
    }
}

#[test]
fn frames_are_those_of_protomux() {
    for case in list(&vectors("mux.json")["frames"]) {
        let frame = hex(&case["frame"]);
        let values = list(&case["messages"]);
        let parts: Vec<Parts> = values.iter().map(Parts::of).collect();
        let expected: Vec<_> =
            parts.iter().zip(values).map(|(parts, value)| parts.message(value)).collect();
        assert_eq!(messages(&frame).collect::<Result<Vec<_>, _>>().as_ref(), Ok(&expected));
        let mut batch = Batch::new();
        expected.iter().for_each(|message| batch.push(message));
        assert_eq!(batch.take().unwrap(), frame, "{}", case["name"]);
    }
}

/// One side of the session in `secure.json`.
fn side(vectors: &Value, role: Role, out: &mut BytesMut) -> SecretStream {
    let side = &vectors[name(role)];
    let key_pair = KeyPair::from_seed(&array(&side["seed"]));
    assert_eq!(key_pair.public_key(), PublicKey(array(&side["public_key"])));
    let mut rng = Rng::new(array(&side["chance"]));
    assert_eq!(rng.array(), array::<32>(&side["ephemeral_seed"]));
    assert_eq!(rng.array(), array::<24>(&side["header"]));
    let rng = Rng::new(array(&side["chance"]));
    match role {
        Role::Initiator => SecretStream::initiator(&key_pair, rng, 65_536, out),
        Role::Responder => SecretStream::responder(&key_pair, rng, 65_536),
    }
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Initiator => "initiator",
        Role::Responder => "responder",
    }
}

#[test]
fn a_session_is_that_of_secret_stream_from_either_side() {
    let vectors = vectors("secure.json");
    let handshake_hash: [u8; 64] = array(&vectors["handshake_hash"]);
    for role in [Role::Initiator, Role::Responder] {
        let mut out = BytesMut::new();
        let mut ours = side(&vectors, role, &mut out);
        let mut received = Vec::new();
        let mut expected = vec![Received::Opened {
            handshake_hash,
            remote: PublicKey(array(&vectors[name(role.other())]["public_key"])),
        }];
        for step in list(&vectors["transcript"]) {
            let (bytes, message) = (hex(&step["bytes"]), step.get("message").map(hex));
            if step["from"] == name(role) {
                if let Some(message) = message {
                    ours.send(&message, &mut out).unwrap();
                }
                assert!(out.len() >= bytes.len(), "we owe {step}");
                assert_eq!(out.split_to(bytes.len()), bytes);
                continue;
            }
            ours.push_bytes(&bytes);
            while let Some(event) = ours.next(&mut out).unwrap() {
                received.push(event);
            }
            expected.extend(message.map(|message| match &message[..] {
                [] => Received::KeepAlive,
                bytes => Received::Message(BytesMut::from(bytes)),
            }));
        }
        assert!(out.is_empty(), "nothing more than JavaScript sends");
        assert_eq!(received, expected);
        let id = array(&vectors[name(role)]["stream_id"]);
        assert_eq!(stream_id(&handshake_hash, role), id);
    }
}

fn node(value: &Value) -> (hash::Hash, u64, u64) {
    (array(&value["hash"]), u64(&value["index"]), u64(&value["byte_length"]))
}

#[test]
fn hashes_are_those_of_hypercore_crypto() {
    let vectors = vectors("hypercore.json");
    for case in list(&vectors["leaves"]) {
        assert_eq!(hash::leaf(&hex(&case["block"])), array(&case["hash"]));
    }
    for case in list(&vectors["parents"]) {
        let (left, right, parent) =
            (node(&case["left"]), node(&case["right"]), node(&case["parent"]));
        assert_eq!(hash::parent(parent.2, &left.0, &right.0), parent.0);
    }
    for case in list(&vectors["trees"]) {
        let roots = case["roots"].as_array().unwrap();
        assert_eq!(hash::tree(roots.iter().map(node)), array(&case["hash"]));
    }
    for case in list(&vectors["namespaces"]) {
        let index = u64(&case["index"]).try_into().unwrap();
        let name = case["name"].as_str().unwrap();
        assert_eq!(hash::namespace(name, index), array(&case["hash"]));
    }
    for case in list(&vectors["discovery_keys"]) {
        assert_eq!(hash::discovery_key(&array(&case["key"])), array(&case["hash"]));
    }
    for case in list(&vectors["capabilities"]) {
        let key: [u8; 64] = array(&case["handshake_hash"]);
        for (index, role) in [(1, "initiator"), (2, "responder")] {
            let parts = [&hash::namespace("hypercore", index)[..], &hex(&case["key"])];
            assert_eq!(hash::keyed(&key, &parts), array(&case[role]));
        }
    }
}

#[test]
fn heads_are_hashed_and_signed_as_by_hypercore() {
    for feed in list(&vectors("hypercore.json")["feeds"]) {
        let key_pair = KeyPair::from_seed(&array(&feed["seed"]));
        let public_key = PublicKey(array(&feed["public_key"]));
        assert_eq!(key_pair.public_key(), public_key);
        let key: [u8; 32] = array(&feed["key"]);
        assert_eq!(hash::discovery_key(&key), array(&feed["discovery_key"]));
        if !feed["manifest"].is_null() {
            let manifest = hex(&feed["manifest"]);
            assert_eq!(hash::blake2b(&[&hash::namespace("hypercore", 3), &manifest]), key);
        }
        for head in list(&feed["heads"]).iter().chain([&feed["truncated"]]) {
            let roots = list(&head["roots"]).iter().map(node);
            assert_eq!(hash::tree(roots), array(&head["tree_hash"]));
            let (signable, signature) = (hex(&head["signable"]), array(&head["signature"]));
            assert_eq!(key_pair.sign(&signable), Signature(signature));
            assert!(sign::verify(&public_key, &signable, &Signature(signature)));
        }
    }
}

#[test]
fn the_key_of_the_specification() {
    let vectors = vectors("hypercore.json");
    let feed = &vectors["feeds"][0];
    let start = |field: &str| feed[field].as_str().unwrap()[..8].to_owned();
    assert_eq!(hex(&feed["seed"]), [7; 32]);
    assert_eq!((start("public_key"), start("key")), ("ea4a6c63".into(), "04dc2c70".into()));
}
