use proptest::prelude::*;

use super::*;

fn tip(length: u64) -> Tip {
    let roots = tree::cover(0, length);
    let roots = roots.map(|index| Node { index, size: index + 7, hash: [index as u8; 32] });
    let head = Head { length: length + 3, fork: 0, signature: Signature([5; 64]) };
    Tip { length, roots: roots.collect(), head }
}

fn record() -> Bytes {
    encode_record(&PublicKey([1; 32]), Some("local"), &tip(13), &Runs::default(), Origin::Group)
}

#[test]
fn a_record_is_read_back() {
    let read = decode_record(&record()).unwrap();
    let name = Some(String::from("local"));
    assert_eq!(
        read,
        Record {
            public_key: PublicKey([1; 32]),
            name,
            tip: tip(13),
            cleared: Runs::default(),
            origin: Origin::Group
        }
    );
}

#[test]
fn any_flipped_bit_of_a_record_is_damage() {
    for bit in 0..record().len() * 8 {
        let mut bytes = record().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode_record(&bytes), Err(StoreFailure::Damaged), "bit {bit}");
    }
}

#[test]
fn a_record_cut_short_is_damage() {
    for length in 0..record().len() {
        assert_eq!(decode_record(&record()[..length]), Err(StoreFailure::Damaged));
    }
}

#[test]
fn roots_that_do_not_fit_the_length_are_damage() {
    let mut tip = tip(13);
    tip.length = 12;
    let value = encode_record(&PublicKey([1; 32]), None, &tip, &Runs::default(), Origin::Group);
    assert_eq!(decode_record(&value), Err(StoreFailure::Damaged));
    tip.roots = Box::default();
    tip.length = tree::LENGTH_MAX + 1;
    let value = encode_record(&PublicKey([1; 32]), None, &tip, &Runs::default(), Origin::Group);
    assert_eq!(decode_record(&value), Err(StoreFailure::Damaged));
}

#[test]
fn a_store_belongs_to_one_group_and_one_version() {
    let (ours, other) = (Group::keyed([1; 32]), Group::keyed([2; 32]));
    assert_eq!(check_meta(&encode_meta(&ours), &ours), Ok(()));
    assert_eq!(check_meta(&encode_meta(&ours), &other), Err(StoreFailure::WrongGroup));
    let newer = seal(&Meta { version: VERSION + 1, discovery_key: *ours.discovery_key() });
    assert_eq!(check_meta(&newer, &ours), Err(StoreFailure::TooNew));
    assert_eq!(check_meta(b"", &ours), Err(StoreFailure::Damaged));
}

#[test]
fn keys_sort_by_kind_slot_and_index() {
    let order = [
        meta_key(),
        feed_key(0),
        feed_key(1),
        feed_key(u32::MAX),
        feeds_end(),
        node_key(0, 1),
        node_key(0, 256),
        node_key(1, 0),
        block_key(0, 0),
        block_key(0, 255),
        block_key(0, 256),
        block_key(1, 0),
    ];
    assert!(order.is_sorted());
    assert_eq!(slot_of(&block_key(77, 3)), 77);
}

proptest! {
    #[test]
    fn any_bytes_decode_or_are_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode_record(&bytes).is_err());
        prop_assert_eq!(decode_node(1, &bytes).is_ok(), bytes.len() == 40);
    }
}

#[test]
fn the_origin_of_a_feed_is_read_back() {
    for origin in [Origin::Compat, Origin::Namespace([9; 32])] {
        for tip in [tip(13), Tip { length: 0, roots: Box::default(), head: tip(13).head }] {
            let value = encode_record(&PublicKey([1; 32]), None, &tip, &Runs::default(), origin);
            let read = decode_record(&value).unwrap();
            assert_eq!((read.origin, read.tip), (origin, tip));
        }
    }
}
