use proptest::prelude::*;
use std::fmt::Debug;

use super::*;

fn name() -> impl Strategy<Value = FeedRef> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|key| FeedRef::New(PublicKey(key))),
        any::<u32>().prop_map(FeedRef::Sender),
        any::<u32>().prop_map(FeedRef::Receiver),
    ]
}

fn hello() -> impl Strategy<Value = Hello> {
    let claim = proptest::collection::vec(any::<u8>(), 0..60);
    (any::<u32>(), any::<u64>(), any::<[u8; 32]>(), any::<u32>(), any::<u64>(), claim).prop_map(
        |(version, features, capability, names, window, claim)| Hello {
            version,
            features,
            capability,
            aliases: names,
            window,
            claim,
        },
    )
}

fn heads() -> impl Strategy<Value = Vec<HeadEntry>> {
    let entry = (name(), any::<u64>(), any::<u64>());
    let entry = entry.prop_map(|(name, length, fork)| HeadEntry { name, length, fork });
    proptest::collection::vec(entry, 0..20)
}

fn wants() -> impl Strategy<Value = Vec<WantEntry>> {
    let entry = (name(), any::<u64>()).prop_map(|(name, start)| WantEntry { name, start });
    proptest::collection::vec(entry, 0..20)
}

fn rejects() -> impl Strategy<Value = Vec<RejectEntry>> {
    let no =
        prop_oneof![Just(Reject::Declined), Just(Reject::Unavailable), Just(Reject::Duplicate)];
    let entry = (name(), no).prop_map(|(name, no)| RejectEntry { name, reject: no });
    proptest::collection::vec(entry, 0..20)
}

fn header() -> impl Strategy<Value = RangeHeader> {
    let signature = any::<([u8; 32], [u8; 32])>().prop_map(|(r, s)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        Signature(bytes)
    });
    (name(), any::<u64>(), any::<u64>(), any::<u64>(), signature).prop_map(
        |(name, start, head_length, fork, signature)| RangeHeader {
            name,
            start,
            head_length,
            fork,
            signature,
            nodes: 0,
        },
    )
}

fn encode_entries(entries: &[impl Serialize]) -> Vec<u8> {
    let mut body = Vec::new();
    entries.iter().for_each(|entry| put(&mut body, entry));
    body
}

fn decode_entries<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Vec<T> {
    entries(body).map(Result::unwrap).collect()
}

/// Decodes any bytes without a panic, to at most as many entries as bytes.
fn decode_any<'a, T: Deserialize<'a> + Debug>(body: &'a [u8]) {
    assert!(entries::<T>(body).count() <= body.len());
    _ = decode::<T>(body);
}

proptest! {
    #[test]
    fn encoded_messages_are_read_back(
        hello in hello(), heads in heads(), wants in wants(), rejects in rejects()
    ) {
        let mut body = Vec::new();
        put(&mut body, &hello);
        prop_assert_eq!(decode::<Hello>(&body).unwrap(), hello);
        prop_assert_eq!(decode_entries::<HeadEntry>(&encode_entries(&heads)), heads);
        prop_assert_eq!(decode_entries::<WantEntry>(&encode_entries(&wants)), wants);
        prop_assert_eq!(decode_entries::<RejectEntry>(&encode_entries(&rejects)), rejects);
    }

    #[test]
    fn a_range_is_read_back(
        mut header in header(),
        nodes in proptest::collection::vec(any::<(u64, [u8; 32])>(), 0..90),
        blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..30),
    ) {
        header.nodes = nodes.len() as u8;
        let body = encode_range(&header, nodes.iter().copied(), &blocks);
        let message = RangeMessage::decode(&body, 30).unwrap();
        prop_assert_eq!(message.header, header);
        prop_assert_eq!(message.nodes, nodes);
        prop_assert_eq!(message.blocks, blocks);
    }

    #[test]
    fn any_bytes_decode_or_are_rejected(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        decode_any::<Hello>(&body);
        decode_any::<HeadEntry>(&body);
        decode_any::<WantEntry>(&body);
        decode_any::<RejectEntry>(&body);
        if let Ok(range) = RangeMessage::decode(&body, 100) {
            prop_assert!(range.nodes.len() + range.blocks.len() <= body.len());
        }
    }

    #[test]
    fn a_truncated_entry_is_malformed_and_ends_the_list(
        heads in heads(), cut in any::<prop::sample::Index>()
    ) {
        let body = encode_entries(&heads);
        let cut = cut.index(body.len() + 1);
        let read: Vec<_> = entries::<HeadEntry>(&body[..cut]).collect();
        let errors = read.iter().filter(|entry| entry.is_err()).count();
        prop_assert!(errors <= 1);
        prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
    }
}

#[test]
fn a_range_has_no_more_blocks_than_allowed() {
    let header = RangeHeader {
        name: FeedRef::Sender(0),
        start: 0,
        head_length: 3,
        fork: 0,
        signature: Signature([0; 64]),
        nodes: 0,
    };
    let body = encode_range(&header, [].into_iter(), &[b"a", b"b", b"c"]);
    assert!(RangeMessage::decode(&body, 3).is_ok());
    assert_eq!(RangeMessage::decode(&body, 2), Err(BadRange::TooManyBlocks(header.name)));
}

#[test]
fn a_hello_is_read_with_and_without_what_its_sender_accepts() {
    let (capability, claim) = ([7; 32], Vec::from([1, 2]));
    let hello = Hello { version: 1, features: 0, capability, aliases: 3, window: 4, claim };
    let accepts = Accepts { block_bytes: 1 << 20, range_blocks: 300, wants: 5, forked: 1 };
    let mut handshake = Vec::new();
    put(&mut handshake, &hello);
    assert_eq!(decode_handshake(&handshake), Ok((hello.clone(), None)));
    let earlier = handshake.clone();
    put(&mut handshake, &accepts);
    assert_eq!(decode_handshake(&handshake), Ok((hello.clone(), Some(accepts))));
    // An earlier version ignores it, and a later one may say more.
    assert_eq!(decode::<Hello>(&handshake), Ok(hello.clone()));
    handshake.push(9);
    assert_eq!(decode_handshake(&handshake), Ok((hello, Some(accepts))));
    for length in 0..handshake.len() - 1 {
        let is_whole = length == earlier.len();
        assert_eq!(decode_handshake(&handshake[..length]).is_ok(), is_whole, "{length}");
    }
}

#[test]
fn kinds_map_to_their_numbers() {
    for number in 0..=22 {
        assert_eq!(Kind::of(number).map(|kind| kind as u64), Some(number));
    }
    assert_eq!(Kind::of(23), None);
}
