use std::collections::HashSet;

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::invite::Invite;
use crate::invite::hints::Hints;
use crate::message::seen::{Head, SEEN_MAX};
use crate::message::{Chat, TEXT_BYTES_MAX};
use crate::profile::room::Room;

const FEED: [u8; 32] = [7; 32];
const OVERHEAD: usize = 1 + NONCE_BYTES + TAG_BYTES;

fn now() -> Timestamp {
    "2026-11-22T08:26:14.138Z".parse().unwrap()
}

/// Returns the envelope of a room with this secret.
fn of_secret(secret: &[u8; 32]) -> Envelope {
    let invite = Invite::new(*secret, Hints::default());
    Room::from_invite(&invite, Some("kitchen"), now()).unwrap().envelope()
}

fn envelope() -> Envelope {
    of_secret(b"0123456789abcdef0123456789abcdef")
}

fn key() -> ContentKey {
    match envelope() {
        Envelope::Sealed(key) => key,
        other => panic!("{other:?}"),
    }
}

fn sealed(text: &str) -> Vec<u8> {
    envelope().encode(&FEED, &Draft::new("alice", text), now()).unwrap()
}

fn chat(content: Content) -> Chat {
    match content {
        Content::Chat(chat) => chat,
        other => panic!("{other:?}"),
    }
}

fn has_no_key(content: &Content) -> bool {
    *content == Content::Unreadable(Unreadable::Sealed)
}

/// `tests/golden/README.md` says where the vectors come from.
#[test]
fn channel_tag_depends_on_name_and_room_key() {
    let (general, other) = (message::channel_name("general"), message::channel_name("other"));
    let rooms = [envelope(), Envelope::sealed(Zeroizing::new([8; 32])), Envelope::Plain];
    let marks: std::collections::BTreeSet<_> = (rooms.iter())
        .flat_map(|room| [room.channel_tag(&general), room.channel_tag(&other)])
        .collect();
    assert_eq!(marks.len(), 6);
    assert_eq!(envelope().channel_tag(&general), envelope().channel_tag(&general));
}

#[test]
fn topic_is_sealed_like_a_message() {
    let draft = Draft { kind: message::Kind::Topic, ..Draft::new("alice", "soup at noon") };
    let block = envelope().encode(&FEED, &draft, now()).unwrap();
    assert!(!block.windows(4).any(|part| part == b"soup" || part == b"chat"));
    let Content::Topic(set) = envelope().decode(&FEED, &block) else { panic!("no topic") };
    assert_eq!(set.text, "soup at noon");
}

#[test]
fn sealed_block_matches_its_golden_bytes() {
    let golden = include_str!("../../../tests/golden/chat.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let secret = &golden["rooms"][0]["secret"];
    assert_eq!(secret.as_str(), Some(&*HEXLOWER.encode(b"0123456789abcdef0123456789abcdef")));
    let blocks = golden["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 4);
    for golden in blocks {
        let text = |name: &str| golden[name].as_str().unwrap();
        let bytes = |name| HEXLOWER.decode(text(name).as_bytes()).unwrap();
        let (nonce, feed) = (bytes("nonce").try_into().unwrap(), bytes("feed").try_into().unwrap());
        let block = key().seal(&feed, &nonce, text("message").as_bytes());
        assert_eq!(HEXLOWER.encode(&block), text("block"));
        let read = chat(envelope().decode(&feed, &block));
        assert_eq!((read.nickname.as_deref(), read.time), (Some("alice"), Some(now())));
        let written = message::encode(&Draft::new("alice", &read.text), now()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), text("message"));
    }
}

#[test]
fn each_flipped_bit_of_a_sealed_block_is_detected() {
    let block = sealed("hi");
    for at in 0..block.len() * 8 {
        let mut wrong = block.clone();
        wrong[at / 8] ^= 1 << (at % 8);
        assert!(has_no_key(&envelope().decode(&FEED, &wrong)), "bit {at}");
    }
    for length in 0..block.len() {
        assert!(has_no_key(&envelope().decode(&FEED, &block[..length])), "{length} bytes");
    }
    for more in [1, PAD_BYTES] {
        let longer = [&block[..], &vec![0; more]].concat();
        assert!(has_no_key(&envelope().decode(&FEED, &longer)), "{more} more");
    }
}

#[test]
fn sealed_block_opens_only_in_its_feed_and_room() {
    let block = sealed("hi");
    assert_eq!(chat(envelope().decode(&FEED, &block)).text, "hi");
    for at in 0..32 {
        let mut other = FEED;
        other[at] ^= 1;
        assert!(has_no_key(&envelope().decode(&other, &block)), "a feed that differs in byte {at}");
    }
    assert!(has_no_key(&of_secret(&[1; 32]).decode(&FEED, &block)));
    assert!(has_no_key(&Envelope::NoKey.decode(&FEED, &block)));
}

#[test]
fn plain_block_in_a_sealed_room_is_unreadable() {
    let plain = message::encode(&Draft::new("mallory", "hi"), now()).unwrap();
    assert!(has_no_key(&envelope().decode(&FEED, &plain)));
    assert_eq!(chat(Envelope::Plain.decode(&FEED, &plain)).text, "hi");
    let failure = Envelope::NoKey.encode(&FEED, &Draft::new("mallory", "hi"), now()).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::Refused, "room.sealed"));
}

#[test]
fn open_room_blocks_are_plain_json() {
    let draft = Draft::new("alice", "hi");
    let block = Envelope::Plain.encode(&FEED, &draft, now()).unwrap();
    assert_eq!(block, message::encode(&draft, now()).unwrap());
    let content = Envelope::Plain.decode(&FEED, &sealed("hi"));
    assert_eq!(content, Content::Unreadable(Unreadable::NotJson));
}

#[test]
fn ten_thousand_seals_use_distinct_nonces() {
    let blocks: HashSet<Vec<u8>> = (0..10_000).map(|_| sealed("hi")).collect();
    assert_eq!(blocks.len(), 10_000);
    let nonces: HashSet<&[u8]> = blocks.iter().map(|block| &block[1..=NONCE_BYTES]).collect();
    assert_eq!(nonces.len(), 10_000);
    assert!(blocks.iter().all(|block| chat(envelope().decode(&FEED, block)).text == "hi"));
}

#[test]
fn sealed_lengths_reveal_multiples_of_64_only() {
    let mut lengths: Vec<usize> = (1..300).map(|count| sealed(&"x".repeat(count)).len()).collect();
    assert!(lengths.iter().all(|length| (length - OVERHEAD).is_multiple_of(PAD_BYTES)));
    lengths.dedup();
    // 299 texts, and the smallest possible number of lengths.
    assert!(lengths.len() <= 300 / PAD_BYTES + 2, "{lengths:?}");
    // A text of exactly this length gets no padding.
    let text = [b'x'; PAD_BYTES];
    assert_eq!(key().seal(&FEED, &[0; NONCE_BYTES], &text).len(), PAD_BYTES + OVERHEAD);
}

#[test]
fn unpadded_ciphertext_is_not_opened() {
    // An unpadded block would reveal the length of the text, so it is refused.
    let text = message::encode(&Draft::new("alice", "hi"), now()).unwrap();
    assert!(!text.len().is_multiple_of(PAD_BYTES));
    let nonce = [0; NONCE_BYTES];
    let mut block = [&[VERSION], &nonce[..], &text].concat();
    let (cipher, start) = (key().cipher(), 1 + NONCE_BYTES);
    let tag = cipher.encrypt_in_place_detached(
        &nonce.into(),
        &associated_data(&FEED),
        &mut block[start..],
    );
    block.extend_from_slice(&tag.unwrap());
    assert!(has_no_key(&envelope().decode(&FEED, &block)));
}

#[test]
fn longest_message_survives_sealing() {
    let text = "\u{1}".repeat(TEXT_BYTES_MAX);
    let seen = vec![Head { feed: [9; 32], index: u64::MAX, digest: [9; 16] }; SEEN_MAX];
    let nickname = "日".repeat(60);
    let channel = "日".repeat(60);
    let draft = Draft {
        kind: message::Kind::Message,
        nickname: &nickname,
        text: &text,
        channel: &channel,
        seen: &seen,
    };
    let block = envelope().encode(&FEED, &draft, now()).unwrap();
    assert!(block.len() <= BLOCK_BYTES_MAX, "{}", block.len());
    assert_eq!(chat(envelope().decode(&FEED, &block)).text, text);
    for envelope in [envelope(), Envelope::Plain, Envelope::NoKey] {
        let content = envelope.decode(&FEED, &vec![VERSION; BLOCK_BYTES_MAX + 1]);
        assert_eq!(content, Content::Unreadable(Unreadable::TooLong));
    }
}

#[test]
fn sealed_content_is_validated_like_a_plain_block() {
    let open = |text: &[u8]| envelope().decode(&FEED, &key().seal(&FEED, &[0; NONCE_BYTES], text));
    for text in [&b"[]"[..], br#"{"type":"x"}"#, br#"{"type":"chat-message"}"#, b"\xff", b" "] {
        assert_eq!(open(text), message::decode(text), "{text:?}");
        assert!(!has_no_key(&open(text)), "{text:?}");
    }
}

#[test]
fn debug_output_hides_the_content_key() {
    let (key, envelope) = (key(), envelope());
    assert_eq!(format!("{key:?} {envelope:?}"), "ContentKey Sealed");
}

proptest! {
    #[test]
    fn any_block_decodes_or_is_unreadable(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        feed in any::<[u8; 32]>(),
        blocks in 0usize..6,
    ) {
        // Also blocks with the format of an encrypted block.
        let mut formed = vec![VERSION];
        formed.extend(bytes.iter().cycle().take(OVERHEAD - 1 + blocks * PAD_BYTES));
        for block in [bytes, formed] {
            for envelope in [envelope(), Envelope::NoKey] {
                prop_assert!(has_no_key(&envelope.decode(&feed, &block)));
            }
            Envelope::Plain.decode(&feed, &block);
        }
    }

    #[test]
    fn sealed_message_is_read(
        nickname in "\\PC{1,20}",
        text in "\\PC{0,300}[a-z]",
        feed in any::<[u8; 32]>(),
    ) {
        let draft = Draft::new(&nickname, &text);
        let block = envelope().encode(&feed, &draft, now()).unwrap();
        let plain = message::encode(&draft, now()).unwrap();
        prop_assert_eq!(envelope().decode(&feed, &block), message::decode(&plain));
        prop_assert!((block.len() - OVERHEAD).is_multiple_of(PAD_BYTES));
        // Up to three bytes can match by accident.
        let is_there = block.windows(text.len()).any(|part| part == text.as_bytes());
        prop_assert!(text.len() < 4 || !is_there);
    }

    #[test]
    fn modified_sealed_block_is_not_opened(
        text in "[a-z]{1,200}",
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let mut block = sealed(&text);
        let at = at.index(block.len());
        block[at] ^= change;
        prop_assert!(has_no_key(&envelope().decode(&FEED, &block)));
    }
}
