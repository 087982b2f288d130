use super::*;
use crate::envelope::Envelope;

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// As Python's `hashlib.blake2b(secret, digest_size=32, key=domain)` has them.
#[test]
fn the_keys_of_a_secret_never_change() {
    let access = Access::of(Right::Member, SECRET);
    assert_eq!(
        hex(access.group().key()),
        "a1f448dc0c832c83c422a9fdd52b6df7ade16514623396a7e8f611c051732542"
    );
    assert_eq!(
        hex(&keyed_hash(CONTENT_DOMAIN, SECRET)[..]),
        "f3f63b90659585fc5517943a81931ec2b33e353ae18fc9214b17d7746b9028b7"
    );
    assert_eq!(RoomId::of(&access).as_str(), "gnti76e8");
}

#[test]
fn a_seeder_is_of_the_same_group_in_the_same_folder_without_the_content_key() {
    let member = Access::of(Right::Member, SECRET);
    let granted = member.granted(Right::Seeder).unwrap();
    let seeder = Access::of(Right::Seeder, &granted);
    assert_eq!(seeder.group().topic(), member.group().topic());
    assert_eq!(RoomId::of(&seeder), RoomId::of(&member));
    assert!(matches!(seeder.envelope(), Envelope::Closed));
    // What a seeder hands on is what he has.
    assert_eq!(seeder.granted(Right::Seeder), Some(granted.clone()));
    assert_eq!(seeder.granted(Right::Member), None);
    for known in [&granted[..], seeder.group().topic(), seeder.group().discovery_key()] {
        assert_ne!(known, SECRET);
        assert_ne!(known, &keyed_hash(CONTENT_DOMAIN, SECRET)[..]);
    }
}

#[test]
fn only_the_secret_of_the_same_group_opens_what_is_kept() {
    let member = Access::of(Right::Member, SECRET);
    let seeder = Access::of(Right::Seeder, &member.granted(Right::Seeder).unwrap());
    assert!(member.opens(&seeder));
    assert!(!seeder.opens(&member) && !member.opens(&member) && !seeder.opens(&seeder));
    assert!(!Access::of(Right::Member, &[7; 32]).opens(&seeder));
    assert!(!Access::Open { name: "kitchen".into() }.opens(&seeder));
}

#[test]
fn an_open_room_is_plain_for_everybody() {
    let open = Access::Open { name: "kitchen".into() };
    assert!(matches!(open.envelope(), Envelope::Plain));
    assert_eq!((open.granted(Right::Member), open.granted(Right::Seeder)), (None, None));
}
