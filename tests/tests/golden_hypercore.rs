//! Messages of the hypercore channel, compared with what versions 10 and 11 write.

mod vectors;

use multifeed_core::wire::hypercore::{Message, Open};

use vectors::{hex, list, vectors};

const VERSIONS: [&str; 2] = ["hypercore.json", "hypercore10.json"];

/// The number of a type, in the order in which the channel declares them.
fn kind(name: &str) -> Option<u64> {
    let kinds = [
        "sync",
        "request",
        "cancel",
        "data",
        "noData",
        "want",
        "unwant",
        "bitfield",
        "range",
        "extension",
    ];
    kinds.iter().position(|kind| *kind == name).map(|place| place as u64)
}

fn again(kind: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let message = Message::decode(kind, body).unwrap().unwrap();
    assert_eq!(message.kind(), kind);
    message.encode(&mut out);
    out
}

#[test]
fn messages_are_those_of_hypercore_10_and_11() {
    for version in VERSIONS {
        for case in list(&vectors(version)["messages"]) {
            let body = hex(&case["bytes"]);
            let Some(kind) = kind(case["type"].as_str().unwrap()) else {
                let mut out = Vec::new();
                Open::decode(&body).unwrap().encode(&mut out);
                assert_eq!(out, body);
                continue;
            };
            // Version 10 has no reason field.
            let said = if kind == 4 && body.len() == 1 { [&body[..], &[0]].concat() } else { body };
            assert_eq!(again(kind, &said), said, "{version}: {case}");
        }
    }
}

#[test]
fn requests_and_data_are_those_of_hypercore_10_and_11() {
    for version in VERSIONS {
        for feed in list(&vectors(version)["feeds"]) {
            for case in list(&feed["proofs"]) {
                for (kind, field) in [(1, "request"), (3, "data")] {
                    let body = hex(&case[field]);
                    assert_eq!(again(kind, &body), body, "{version}: {case}");
                }
                let data = hex(&case["data"]);
                let Ok(Some(Message::Data(data))) = Message::decode(3, &data) else { panic!() };
                let manifest = data.manifest.map(|manifest| manifest.unwrap().encode().to_vec());
                let expected = &case["manifest"];
                assert_eq!(manifest, (!expected.is_null()).then(|| hex(expected)));
            }
        }
    }
}
