use super::*;
use crate::envelope::Envelope;
use crate::invite::Invite;
use crate::invite::hints::Hints;

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// `tests/golden/README.md` says where the vectors come from.
#[test]
fn keys_and_invites_of_a_secret_match_golden_values() {
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
            let key = access.key_for(right).unwrap();
            assert_eq!(room[name], *Invite::of(right, *key, Hints::default()).encode(), "{name}");
        }
    }
}

#[test]
fn seeder_shares_group_and_folder_but_not_the_content_key() {
    let member = Access::of(Right::Member, SECRET);
    let key_for = member.key_for(Right::Seeder).unwrap();
    let seeder = Access::of(Right::Seeder, &key_for);
    assert_eq!(seeder.group().topic(), member.group().topic());
    assert_eq!(RoomId::of(&seeder), RoomId::of(&member));
    assert!(matches!(seeder.envelope(), Envelope::NoKey));
    // A relay hands on its own key.
    assert_eq!(seeder.key_for(Right::Seeder), Some(key_for.clone()));
    assert_eq!(seeder.key_for(Right::Member), None);
    for known in [&key_for[..], seeder.group().topic(), seeder.group().discovery_key()] {
        assert_ne!(known, SECRET);
        assert_ne!(known, &keyed_hash(CONTENT_DOMAIN, SECRET)[..]);
    }
}

#[test]
fn only_the_secret_of_the_same_group_unlocks_a_seeded_room() {
    let member = Access::of(Right::Member, SECRET);
    let seeder = Access::of(Right::Seeder, &member.key_for(Right::Seeder).unwrap());
    assert!(member.unlocks(&seeder));
    assert!(!seeder.unlocks(&member) && !member.unlocks(&member) && !seeder.unlocks(&seeder));
    assert!(!Access::of(Right::Member, &[7; 32]).unlocks(&seeder));
    assert!(!Access::Open { name: "kitchen".into() }.unlocks(&seeder));
}

#[test]
fn open_room_is_not_encrypted() {
    let open = Access::Open { name: "kitchen".into() };
    assert!(matches!(open.envelope(), Envelope::Plain));
    assert_eq!((open.key_for(Right::Member), open.key_for(Right::Seeder)), (None, None));
}
