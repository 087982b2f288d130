use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const WIDTH: u32 = 17;

fn head() -> impl Strategy<Value = HeadOf> {
    (prop_oneof![Just(0), any::<u64>()], 1u64..1 << 40)
        .prop_map(|(fork, length)| HeadOf { fork, length })
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (any::<[u8; 32]>(), head()).prop_map(|(key, head)| Entry { key, head });
    proptest::collection::vec(entry, 0..20)
}

fn ids() -> impl Strategy<Value = Vec<u64>> {
    let ids = proptest::collection::btree_set(0u64..1 << WIDTH, 0..50);
    ids.prop_map(|ids| ids.into_iter().collect())
}

fn slice() -> impl Strategy<Value = Slice> {
    (0u32..40, 0usize..40, any::<[u64; 2]>()).prop_map(|(start, cells, [cell, count])| Slice {
        start,
        cells: vec![cell >> 16; cells],
        counts: vec![count as u8; cells.min(24usize.saturating_sub(start as usize))],
    })
}

fn message() -> impl Strategy<Value = Message> {
    let set = prop_oneof![Just(SetKind::Keys), Just(SetKind::Heads)];
    let heads = proptest::collection::vec(head(), 0..20);
    prop_oneof![
        (set.clone(), slice()).prop_map(|(set, slice)| Message::Cells(set, slice)),
        (set, any::<u32>()).prop_map(|(set, end)| Message::More(set, end)),
        (entries(), ids()).prop_map(|(entries, wanted)| Message::Different { entries, wanted }),
        entries().prop_map(Message::Entries),
        (ids(), head(), entries()).prop_map(|(ids, head, entries)| {
            let heads = ids.into_iter().map(|id| (id, head)).collect();
            Message::Changed { heads, entries }
        }),
        heads.prop_map(Message::Heads),
        any::<[u8; 8]>().prop_map(Message::Agreed),
        prop_oneof![Just(Fallback::FreshSalt), Just(Fallback::List)].prop_map(Message::FallBack),
    ]
}

proptest! {
    #[test]
    fn encoded_messages_decode_to_themselves(message in message()) {
        let (kind, body) = encode(&message, WIDTH);
        prop_assert_eq!(decode(kind, &body, WIDTH), Ok(Some(message)));
    }

    #[test]
    fn decoding_any_bytes_does_not_panic(kind in 0u64..20, body: Vec<u8>, width in 8u32..=40) {
        if let Some(kind) = Kind::of(kind) {
            let _ = decode(kind, &body, width);
        }
    }
}

#[test]
fn counts_are_checked_against_the_remaining_bytes() {
    let mut many = Vec::new();
    put(&mut many, &u64::MAX);
    many.extend_from_slice(&[0; 64]);
    for kind in [Kind::Different, Kind::Entries, Kind::Changed] {
        assert_eq!(decode(kind, &many, WIDTH), Err(Malformed::Truncated), "{kind:?}");
    }
}

#[test]
fn invalid_set_kinds_are_malformed() {
    for kind in [Kind::Cells, Kind::More] {
        assert_eq!(decode(kind, &[2, 0], WIDTH), Err(Malformed::TooLarge));
    }
}

#[test]
fn messages_have_the_bytes_of_the_specification() {
    let entry = Entry { key: [0xaa; 32], head: HeadOf { fork: 0, length: 64 } };
    let key = [0xaa; 32];
    let body = |message| encode(&message, WIDTH).1;
    assert_eq!(body(Message::More(SetKind::Heads, 300)), [1, 0xac, 0x02]);
    assert_eq!(body(Message::Entries(vec![entry])), [&[1][..], &key, &[0x80, 1]].concat());
    let slice = Slice { start: 23, cells: vec![1, 2], counts: vec![3] };
    let cells = [0, 23, 1, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0];
    assert_eq!(body(Message::Cells(SetKind::Keys, slice)), cells);
    let heads = vec![HeadOf { fork: 0, length: 5 }, HeadOf { fork: 2, length: 5 }];
    assert_eq!(body(Message::Heads(heads)), [10, 11, 2]);
    assert_eq!(body(Message::FallBack(Fallback::List)), [1]);
}
