use alloc::vec;

use serde_json::Value;

use super::super::tests::{
    ID, blocks, borrowed, bytes, bytes32, read as read_range, store, written,
};
use super::*;
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::feed::manifest::{self, Origin};
use crate::id::FeedKey;
use crate::wire::hypercore::{At, Data, DataBlock, DataHash, DataUpgrade, Message};

type Map = BTreeMap<StoreKey, Bytes>;

fn answer(feed: &Feed, map: &Map, request: &Request) -> Option<Result<Proof, StoreFailure>> {
    let (read, keys) = ProofRead::begin(ID, feed, request)?;
    let values = keys.iter().map(|key| map.get(key).cloned()).collect();
    Some(read.take_nodes(feed, values))
}

/// A feed of the golden file, with its author's key pair and origin.
fn golden_feed(golden: &Value, length: usize) -> (Feed, Map) {
    let key_pair = KeyPair::from_seed(&bytes32(&golden["seed"]));
    let mut feed = Feed::adopted(FeedKey(bytes32(&golden["key"])));
    if golden["compat"] == false {
        let namespace = bytes32(&golden["namespace"]);
        feed.set_origin(Origin::Namespace(namespace), key_pair.public_key());
    }
    let mut map = Map::new();
    let mut fold = Fold::default();
    let mut writes = Vec::new();
    let all: Vec<_> = golden["blocks"].as_array().unwrap()[..length].iter().map(bytes).collect();
    super::super::grow(&mut fold, &mut writes, ID, 0, &all).unwrap();
    store(&mut map, writes);
    let heads = golden["heads"].as_array().unwrap();
    let head = heads.iter().find(|head| head["length"] == length).unwrap();
    let signature = bytes(&head["signature"]).try_into().unwrap();
    let head = Head { length: length as u64, fork: 0, signature: crate::Signature(signature) };
    assert!(feed.is_signed(&tree::tree_hash(fold.roots()), &head, None), "{}", golden["name"]);
    feed.durable = Some(Tip { length: length as u64, roots: fold.into_roots().into(), head });
    (feed, map)
}

/// The encoded message of an answer.
fn written_answer(feed: &Feed, request: &Request, proof: &Proof, manifest: bool) -> Vec<u8> {
    let signature = match feed.origin() {
        Origin::Compat => proof.head.signature.0.to_vec(),
        _ => manifest::wire_signature(&proof.head.signature).to_vec(),
    };
    let manifest = match feed.origin() {
        Origin::Namespace(namespace) if manifest => {
            Some(Ok(crate::wire::hypercore::Manifest { namespace, public_key: feed.public_key.0 }))
        }
        _ => None,
    };
    let block = request.block.map(|at| DataBlock {
        index: at.index,
        value: proof.value.as_ref().unwrap(),
        nodes: proof.path.clone(),
    });
    let hash = request.hash.map(|at| DataHash { index: at.index, nodes: proof.path.clone() });
    let upgrade = request.upgrade.map(|span| DataUpgrade {
        start: span.start,
        length: span.length,
        nodes: proof.upgrade.clone(),
        additional_nodes: proof.additional.clone(),
        signature: &signature,
    });
    let data = Data { request: request.id, fork: 0, block, hash, seek: None, upgrade, manifest };
    let mut body = Vec::new();
    Message::Data(data).encode(&mut body);
    body
}

#[test]
fn answers_match_hypercore() {
    let text = include_str!("../../../../tests/golden/hypercore.json");
    let value: Value = serde_json::from_str(text).unwrap();
    let feeds = value["feeds"].as_array().unwrap();
    assert_eq!(feeds.len(), 3, "default namespace, own namespace, compat");
    for golden in feeds {
        let (feed, map) = golden_feed(golden, 13);
        for case in golden["proofs"].as_array().unwrap() {
            let body = bytes(&case["request"]);
            let Ok(Some(Message::Request(request))) = Message::decode(1, &body) else { panic!() };
            let proof = answer(&feed, &map, &request).unwrap().unwrap();
            let ours = written_answer(&feed, &request, &proof, request.manifest);
            assert_eq!(ours, bytes(&case["data"]), "{}: {}", golden["name"], case["name"]);
        }
    }
}

fn every_request(length: u64) -> Vec<Request> {
    let mut all = Vec::new();
    let upgrades = (0..=length).flat_map(|start| {
        (0..=length + 1).map(move |end| Span { start, length: end.wrapping_sub(start) })
    });
    for upgrade in upgrades {
        all.push(Request { upgrade: Some(upgrade), ..Request::default() });
        for index in 0..=length {
            let block = Some(At { index, nodes: 0 });
            all.push(Request { block, upgrade: Some(upgrade), ..Request::default() });
        }
    }
    for index in 0..=2 * length {
        for nodes in 0..6 {
            let at = Some(At { index, nodes });
            all.push(Request { hash: at, ..Request::default() });
            all.push(Request { block: at, ..Request::default() });
        }
    }
    all
}

#[test]
fn a_damaged_store_answers_no_request() {
    let (feed, map) = written(&blocks(7));
    let requests = every_request(7);
    let mut seen = 0;
    for key in map.keys().filter(|key| key.0[0] > 1) {
        let mut damaged = map.clone();
        let mut value = map[key].to_vec();
        match value.first_mut() {
            Some(byte) => *byte ^= 1,
            None => value.push(1),
        }
        damaged.insert(*key, value.into());
        for request in &requests {
            let good = answer(&feed, &map, request).map(Result::unwrap);
            match answer(&feed, &damaged, request) {
                None => assert_eq!(good, None),
                Some(Err(failure)) => {
                    assert_eq!(failure, StoreFailure::Damaged);
                    seen += 1;
                }
                Some(Ok(proof)) => assert_eq!(Some(proof), good, "{request:?}"),
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn a_partial_feed_answers_for_the_held_blocks() {
    let (feed, map) = written(&blocks(21));
    for held in 1..21 {
        let mut part = Feed::empty(feed.key, feed.public_key);
        let range = read_range(&feed, &map, 0..held).unwrap();
        let staging = part.accept(ID, &borrowed(&range), None).unwrap().unwrap();
        part.on_committed(staging.end);
        let mut part_map = Map::new();
        store(&mut part_map, staging.writes);
        for index in 0..21 {
            for nodes in 0..3 {
                let block = Some(At { index, nodes });
                let request = Request { block, ..Request::default() };
                let ours = answer(&part, &part_map, &request).map(Result::unwrap);
                let whole = answer(&feed, &map, &request).map(Result::unwrap);
                assert_eq!(ours, whole.filter(|_| index < held), "{held} {request:?}");
            }
        }
        for start in 0..held {
            let upgrade = Some(Span { start, length: 21 - start });
            let request = Request { upgrade, ..Request::default() };
            let ours = answer(&part, &part_map, &request).unwrap().unwrap();
            assert_eq!(Some(Ok(ours)), answer(&feed, &map, &request));
        }
    }
}

#[test]
fn contradictory_requests_are_not_answered() {
    let (feed, map) = written(&blocks(5));
    let huge = (1 << 53) - 1;
    let block = |index, nodes| Request { block: Some(At { index, nodes }), ..Request::default() };
    let hash = |index, nodes| Request { hash: Some(At { index, nodes }), ..Request::default() };
    let span = |start, length| {
        let upgrade = Some(Span { start, length });
        Request { upgrade, ..Request::default() }
    };
    let with = |request: Request, start, length| {
        let upgrade = Some(Span { start, length });
        Request { upgrade, ..request }
    };
    let bad = vec![
        block(5, 0),
        block(huge, 0),
        block(0, 3),
        block(4, 1),
        block(0, huge),
        hash(7, 0),
        hash(huge, 0),
        hash(3, 1),
        span(0, 0),
        span(0, 6),
        span(5, 1),
        span(huge, huge),
        with(block(4, 0), 1, 2),
        with(hash(3, 0), 1, 4),
    ];
    for request in bad {
        assert_eq!(answer(&feed, &map, &request), None, "{request:?}");
    }
    assert!(answer(&feed, &map, &block(3, 2)).is_some());
}

#[test]
fn an_adopted_feed_accepts_its_manifest_once() {
    let (key, public_key) = (FeedKey([1; 32]), PublicKey([2; 32]));
    let mut feed = Feed::adopted(key);
    assert!(feed.is_origin_unknown() && !feed.is_candidate() && !feed.is_of_group());
    feed.set_origin(Origin::Namespace([3; 32]), public_key);
    assert!(!feed.is_origin_unknown());
    feed.set_origin(Origin::Group, PublicKey([4; 32]));
    assert_eq!((feed.origin(), feed.public_key), (Origin::Namespace([3; 32]), public_key));
}
