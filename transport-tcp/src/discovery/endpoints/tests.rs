use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const KEY: PublicKey = PublicKey([7; 32]);

fn group() -> Group {
    Group::keyed([3; 32])
}

fn some(count: usize) -> Endpoints {
    let addrs = (0..count).map(|n| match n % 2 {
        0 => (Ipv6Addr::LOCALHOST, 4_977).into(),
        _ => (Ipv4Addr::new(192, 0, 2, 1), 80).into(),
    });
    Endpoints { key: KEY, addrs: addrs.collect() }
}

#[test]
fn members_read_what_a_member_wrote() {
    for count in 0..=ADDRESSES_PER_PEER_MAX {
        let sealed = some(count).seal(&group(), [1; 32]);
        assert_eq!(Endpoints::open(&group(), &sealed), Ok(some(count)));
    }
    let sealed = some(20).seal(&group(), [1; 32]);
    assert_eq!(Endpoints::open(&group(), &sealed), Ok(some(ADDRESSES_PER_PEER_MAX)));
}

#[test]
fn the_longest_record_is_as_long_as_it_may_be() {
    let addrs = vec![(Ipv6Addr::LOCALHOST, 1).into(); ADDRESSES_PER_PEER_MAX];
    let mut sealed = Endpoints { key: KEY, addrs }.seal(&group(), [1; 32]);
    assert_eq!(sealed.len(), SEALED_BYTES_MAX);
    sealed.push(0);
    assert_eq!(Endpoints::open(&group(), &sealed), Err(BadRecord::TooLong));
}

#[test]
fn strangers_read_nothing_in_it() {
    let sealed = some(2).seal(&group(), [1; 32]);
    let others = [Group::keyed([4; 32]), Group::open("kitchen")];
    for other in others {
        assert_eq!(Endpoints::open(&other, &sealed), Err(BadRecord::Forged));
    }
    let plain = |part: &[u8]| sealed.windows(part.len()).any(|window| window == part);
    assert!(!plain(&KEY.0) && !plain(&[192, 0, 2, 1]));
}

#[test]
fn what_a_member_sealed_may_still_be_no_record() {
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
    fn any_bytes_are_no_record(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Endpoints::open(&group(), &bytes).is_err());
    }

    #[test]
    fn a_changed_bit_is_seen(count in 0..=8_usize, at: prop::sample::Index, bit in 0..8) {
        let mut sealed = some(count).seal(&group(), [1; 32]);
        let at = at.index(sealed.len());
        sealed[at] ^= 1_u8 << bit;
        prop_assert_eq!(Endpoints::open(&group(), &sealed), Err(BadRecord::Forged));
    }
}

/// As DISCOVERY.md has it: the record of one member of the group 09 × 32.
const VECTOR: &str = concat!(
    "023f37203a2476c42566a61cc55c3ca875dbb4cc41c0deb76b24f33d0203f261964b7132e6ed4132",
    "ab2dc18e8182f0512bc27e6cd996263cf280907fd2f69254bdfbb3d940025b0842df323bc4e12f65",
);

#[test]
fn the_seal_is_that_of_the_specification() {
    let group = Group::keyed([9; 32]);
    let record = Endpoints { key: KEY, addrs: vec![(Ipv4Addr::new(192, 0, 2, 1), 80).into()] };
    let sealed = record.seal(&group, [1; 32]);
    assert_eq!(data_encoding::HEXLOWER.encode(&sealed), VECTOR);
    assert_eq!(Endpoints::open(&group, &sealed), Ok(record));
}
