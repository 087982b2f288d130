use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use multifeed_core::rng::Rng;

const KEY: PublicKey = PublicKey([7; 32]);

fn group() -> Group {
    Group::keyed([3; 32])
}

fn endpoints(count: usize) -> Endpoints {
    let addrs = (0..count).map(|n| match n % 2 {
        0 => (Ipv6Addr::LOCALHOST, 4_977).into(),
        _ => (Ipv4Addr::new(192, 0, 2, 1), 80).into(),
    });
    Endpoints { key: KEY, addrs: addrs.collect() }
}

#[test]
fn members_decrypt_records_of_members() {
    for count in 0..=ADDRESSES_PER_PEER_MAX {
        let sealed = endpoints(count).seal(&group(), [1; 32]);
        assert_eq!(Endpoints::open(&group(), &sealed), Ok(endpoints(count)));
    }
    let sealed = endpoints(20).seal(&group(), [1; 32]);
    assert_eq!(Endpoints::open(&group(), &sealed), Ok(endpoints(ADDRESSES_PER_PEER_MAX)));
}

#[test]
fn the_longest_record_has_the_maximum_length() {
    let addrs = vec![(Ipv6Addr::LOCALHOST, 1).into(); ADDRESSES_PER_PEER_MAX];
    let mut sealed = Endpoints { key: KEY, addrs }.seal(&group(), [1; 32]);
    assert_eq!(sealed.len(), SEALED_BYTES_MAX);
    sealed.push(0);
    assert_eq!(Endpoints::open(&group(), &sealed), Err(BadRecord::TooLong));
}

#[test]
fn other_groups_cannot_decrypt_a_record() {
    let sealed = endpoints(2).seal(&group(), [1; 32]);
    let others = [Group::keyed([4; 32]), Group::open("kitchen")];
    for other in others {
        assert_eq!(Endpoints::open(&other, &sealed), Err(BadRecord::Forged));
    }
    let plain = |part: &[u8]| sealed.windows(part.len()).any(|window| window == part);
    assert!(!plain(&KEY.0) && !plain(&[192, 0, 2, 1]));
}

#[test]
fn a_malformed_record_of_a_member_is_rejected() {
    let with = |tail: &[u8]| {
        let (mut push, header) = Push::new(&seal_key(&group()), &mut Rng::new([1; 32]));
        let mut sealed = BytesMut::from(&header[..]);
        push.seal(&[&KEY.0, tail].concat(), &mut sealed).expect("short");
        Endpoints::open(&group(), &sealed).map(|record| record.addrs.len())
    };
    assert_eq!(with(&[]), Ok(0));
    assert_eq!(with(&[4, 1, 2, 3, 4, 0, 80]), Ok(1));
    for tail in [&[4][..], &[4, 1, 2, 3, 4, 0], &[6, 0, 0], &[5, 1, 2, 3, 4, 0, 80]] {
        assert_eq!(with(tail), Err(BadRecord::Malformed), "{tail:?}");
    }
    let nine = [4, 1, 2, 3, 4, 0, 80].repeat(ADDRESSES_PER_PEER_MAX + 1);
    assert_eq!(with(&nine), Err(BadRecord::Malformed));
}

proptest! {
    #[test]
    fn random_bytes_are_rejected(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Endpoints::open(&group(), &bytes).is_err());
    }

    #[test]
    fn a_flipped_bit_is_detected(count in 0..=8_usize, at: prop::sample::Index, bit in 0..8) {
        let mut sealed = endpoints(count).seal(&group(), [1; 32]);
        let at = at.index(sealed.len());
        sealed[at] ^= 1_u8 << bit;
        prop_assert_eq!(Endpoints::open(&group(), &sealed), Err(BadRecord::Forged));
    }
}

/// The vector of DISCOVERY.md: the record of one member of the group 09 × 32.
const VECTOR: &str = concat!(
    "023f37203a2476c42566a61cc55c3ca875dbb4cc41c0deb76b24f33d0203f261964b7132e6ed4132",
    "ab2dc18e8182f0512bc27e6cd996263cf280907fd2f69254bdfbb3d940025b0842df323bc4e12f65",
);

#[test]
fn the_record_matches_the_vector_of_the_specification() {
    let group = Group::keyed([9; 32]);
    let record = Endpoints { key: KEY, addrs: vec![(Ipv4Addr::new(192, 0, 2, 1), 80).into()] };
    let sealed = record.seal(&group, [1; 32]);
    assert_eq!(data_encoding::HEXLOWER.encode(&sealed), VECTOR);
    assert_eq!(Endpoints::open(&group, &sealed), Ok(record));
}
