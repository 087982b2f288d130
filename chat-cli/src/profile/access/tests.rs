use super::*;
use crate::envelope::Envelope;
use crate::invite::Ticket;
use crate::invite::hints::Hints;

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// `tests/golden/README.md` says where the vectors come from.
#[test]
fn the_keys_and_the_invites_of_a_secret_never_change() {
    let golden = include_str!("../../../../tests/golden/chat.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let rooms = golden["rooms"].as_array().unwrap();
    assert_eq!(rooms[0]["secret"], hex(SECRET));
    for room in rooms {
        let bytes = data_encoding::HEXLOWER.decode(room["secret"].as_str().unwrap().as_bytes());
        let secret: [u8; 32] = bytes.unwrap().try_into().unwrap();
        let access = Access::of(Right::Member, &secret);
        assert_eq!(room["group_key"], hex(access.group().key()));
        assert_eq!(room["content_key"], hex(&keyed_hash(CONTENT_DOMAIN, &secret)[..]));
        assert_eq!(room["id"], RoomId::of(&access).as_str());
        for (right, name) in [(Right::Member, "member_invite"), (Right::Seeder, "seeder_invite")] {
            let key = access.granted(right).unwrap();
            assert_eq!(room[name], *Ticket::of(right, *key, Hints::default()).encode(), "{name}");
        }
    }
}

#[test]
fn a_seeder_is_of_the_same_group_in_the_same_folder_without_the_content_key() {
    let member = Access::of(Right::Member, SECRET);
    let granted = member.granted(Right::Seeder).unwrap();
    let seeder = Access::of(Right::Seeder, &granted);
    assert_eq!(seeder.group().topic(), member.group().topic());
    assert_eq!(RoomId::of(&seeder), RoomId::of(&member));
    assert!(matches!(seeder.envelope(), Envelope::Closed));
    // A relay hands on its own key.
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
