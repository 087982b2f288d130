use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    message.encode(&mut body);
    body
}

fn node() -> impl Strategy<Value = Node> {
    (0u64..1 << 53, 0u64..1 << 53, any::<[u8; 32]>()).prop_map(|(index, size, hash)| Node {
        index,
        size,
        hash,
    })
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    proptest::collection::vec(node(), 0..5)
}

fn small() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..300, 0u64..1 << 53]
}

fn pair() -> impl Strategy<Value = Option<(u64, u64)>> {
    proptest::option::of((small(), small()))
}

proptest! {
    #[test]
    fn requests_are_read_back(
        (id, fork, manifest, priority) in (small(), small(), any::<bool>(), 0u64..4),
        (block, hash, seek, upgrade) in (pair(), pair(), pair(), pair()),
    ) {
        let at = |(index, nodes)| At { index, nodes };
        let request = Request {
            id, fork, manifest, priority,
            block: block.map(at),
            hash: hash.map(at),
            seek: seek.map(|(bytes, padding)| Seek { bytes, padding }),
            upgrade: upgrade.map(|(start, length)| Span { start, length }),
        };
        let message = Message::Request(request);
        let body = written(&message);
        prop_assert_eq!(Message::decode(1, &body), Ok(Some(message)));
    }

    #[test]
    fn data_is_read_back_and_shorter_bytes_are_rejected(
        value in proptest::collection::vec(any::<u8>(), 0..300),
        (a, b, c, d, e) in (nodes(), nodes(), nodes(), nodes(), nodes()),
        parts in 1u8..32,
    ) {
        let has = |bit: u8| parts & bit != 0;
        let manifest = Manifest { namespace: [3; 32], public_key: [4; 32] };
        let data = Data {
            request: 7,
            fork: 300,
            block: has(1).then(|| DataBlock { index: 9, value: &value, nodes: a }),
            hash: has(2).then_some(DataHash { index: 300, nodes: b }),
            seek: has(4).then_some(DataSeek { bytes: 1 << 40, nodes: c }),
            upgrade: has(8).then(|| DataUpgrade {
                start: 1, length: 2, nodes: d, additional_nodes: e, signature: &value,
            }),
            manifest: has(16).then_some(Ok(manifest)),
        };
        let message = Message::Data(data);
        let body = written(&message);
        for end in 0..body.len() {
            prop_assert_eq!(Message::decode(3, &body[..end]), Err(Malformed::Truncated));
        }
        let mut longer = body.clone();
        longer.push(1);
        prop_assert_eq!(Message::decode(3, &longer), Ok(Some(message.clone())), "trailing fields");
        prop_assert_eq!(Message::decode(3, &body), Ok(Some(message)));
    }
}

#[test]
fn a_list_of_nodes_has_a_bound_and_is_not_allocated_by_its_announced_length() {
    let node = Node { index: 1, size: 1, hash: [0; 32] };
    for (count, is_accepted) in [(NODES_MAX, true), (NODES_MAX + 1, false)] {
        let hash = Some(DataHash { index: 1, nodes: vec![node; count] });
        let message = Message::Data(Data { hash, ..Data::default() });
        let body = written(&message);
        let expected = if is_accepted { Ok(Some(message)) } else { Err(Malformed::TooLarge) };
        assert_eq!(Message::decode(3, &body), expected);
    }
    // A hash that announces 2^32 nodes and contains none.
    let body = [2, 1, 0, 1, 0xff, 0, 0, 0, 0, 1, 0, 0, 0];
    assert_eq!(Message::decode(3, &body), Err(Malformed::Truncated));
    let words = [0, 0xfe, 0, 0, 0, 0x40, 1, 2, 3, 4];
    assert_eq!(Message::decode(7, &words), Err(Malformed::Truncated));
}

#[test]
fn fields_missing_from_old_peers_read_as_none() {
    let no_data = Message::NoData { request: 3, reason: 0 };
    assert_eq!(Message::decode(4, &[3]), Ok(Some(no_data)));
    let run = WantRun { start: 0, length: 9, any: false };
    assert_eq!(Message::decode(5, &[0, 9]), Ok(Some(Message::Want(run))));
}

#[test]
fn message_kinds_of_newer_versions_are_ignored() {
    assert_eq!(Message::decode(10, &[0xff; 3]), Ok(None));
}

#[test]
fn unsupported_manifests_are_distinguished() {
    let plain = Manifest { namespace: [3; 32], public_key: [4; 32] }.encode();
    let with = |place: usize, byte: u8| {
        let mut manifest = plain;
        manifest[place] = byte;
        let body = [&[16, 1, 0][..], &manifest[..]].concat();
        match Message::decode(3, &body) {
            Ok(Some(Message::Data(data))) => data.manifest.unwrap().map(|_| ()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with(0, 1), Ok(()));
    assert_eq!(with(0, 2), Err(Unsupported::Version));
    assert_eq!(with(0, 0), Err(Unsupported::Version));
    assert_eq!(with(1, 1), Err(Unsupported::Multisig), "signatures over patches");
    assert_eq!(with(1, 2), Err(Unsupported::Prologue));
    assert_eq!(with(1, 4), Err(Unsupported::Version), "a flag of later versions");
    assert_eq!(with(2, 1), Err(Unsupported::Algorithm));
    assert_eq!(with(3, 2), Err(Unsupported::Multisig));
    assert_eq!(with(4, 2), Err(Unsupported::Multisig));
    assert_eq!(with(5, 1), Err(Unsupported::Algorithm));
}
