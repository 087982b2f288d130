use std::collections::HashSet;

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::invite::Ticket;
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
    let ticket = Ticket::new(*secret, Hints::default());
    Room::of_ticket(&ticket, Some("kitchen"), now()).unwrap().envelope()
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

fn is_closed(content: &Content) -> bool {
    *content == Content::Unreadable(Unreadable::Sealed)
}

/// `tests/golden/README.md` says where the vectors come from.
#[test]
fn a_channel_is_marked_by_its_name_and_under_the_key_of_the_room() {
    let (general, other) = (message::channel_name("general"), message::channel_name("other"));
    let rooms = [envelope(), Envelope::sealed(Zeroizing::new([8; 32])), Envelope::Plain];
    let marks: std::collections::BTreeSet<_> = (rooms.iter())
        .flat_map(|room| [room.channel_mark(&general), room.channel_mark(&other)])
        .collect();
    assert_eq!(marks.len(), 6);
    assert_eq!(envelope().channel_mark(&general), envelope().channel_mark(&general));
}

#[test]
fn a_topic_is_sealed_as_a_message_is() {
    let draft = Draft { kind: message::Kind::Topic, ..Draft::new("alice", "soup at noon") };
    let block = envelope().encode(&FEED, &draft, now()).unwrap();
    assert!(!block.windows(4).any(|part| part == b"soup" || part == b"chat"));
    let Content::Topic(set) = envelope().decode(&FEED, &block) else { panic!("no topic") };
    assert_eq!(set.text, "soup at noon");
}

#[test]
fn a_sealed_block_never_changes() {
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
fn every_flipped_bit_of_a_sealed_block_is_seen() {
    let block = sealed("hi");
    for at in 0..block.len() * 8 {
        let mut wrong = block.clone();
        wrong[at / 8] ^= 1 << (at % 8);
        assert!(is_closed(&envelope().decode(&FEED, &wrong)), "bit {at}");
    }
    for length in 0..block.len() {
        assert!(is_closed(&envelope().decode(&FEED, &block[..length])), "{length} bytes");
    }
    for more in [1, PAD_BYTES] {
        let longer = [&block[..], &vec![0; more]].concat();
        assert!(is_closed(&envelope().decode(&FEED, &longer)), "{more} more");
    }
}

#[test]
fn a_block_is_opened_in_the_feed_and_the_room_that_it_was_sealed_for() {
    let block = sealed("hi");
    assert_eq!(chat(envelope().decode(&FEED, &block)).text, "hi");
    for at in 0..32 {
        let mut other = FEED;
        other[at] ^= 1;
        assert!(is_closed(&envelope().decode(&other, &block)), "a feed that differs in byte {at}");
    }
    assert!(is_closed(&of_secret(&[1; 32]).decode(&FEED, &block)));
    assert!(is_closed(&Envelope::Closed.decode(&FEED, &block)));
}

#[test]
fn who_has_no_key_writes_nothing_that_is_shown_in_a_sealed_room() {
    let plain = message::encode(&Draft::new("mallory", "hi"), now()).unwrap();
    assert!(is_closed(&envelope().decode(&FEED, &plain)));
    assert_eq!(chat(Envelope::Plain.decode(&FEED, &plain)).text, "hi");
    let failure = Envelope::Closed.encode(&FEED, &Draft::new("mallory", "hi"), now()).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::Refused, "room.sealed"));
}

#[test]
fn an_open_room_has_what_the_workshop_wrote() {
    let draft = Draft::new("alice", "hi");
    let block = Envelope::Plain.encode(&FEED, &draft, now()).unwrap();
    assert_eq!(block, message::encode(&draft, now()).unwrap());
    let content = Envelope::Plain.decode(&FEED, &sealed("hi"));
    assert_eq!(content, Content::Unreadable(Unreadable::NotJson));
}

#[test]
fn ten_thousand_seals_of_one_text_have_as_many_nonces_and_no_two_are_alike() {
    let blocks: HashSet<Vec<u8>> = (0..10_000).map(|_| sealed("hi")).collect();
    assert_eq!(blocks.len(), 10_000);
    let nonces: HashSet<&[u8]> = blocks.iter().map(|block| &block[1..=NONCE_BYTES]).collect();
    assert_eq!(nonces.len(), 10_000);
    assert!(blocks.iter().all(|block| chat(envelope().decode(&FEED, block)).text == "hi"));
}

#[test]
fn lengths_tell_multiples_of_64_bytes_and_no_more() {
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
fn a_text_of_another_length_is_not_opened() {
    // An unpadded block would reveal the length of the text, so it is refused.
    let text = message::encode(&Draft::new("alice", "hi"), now()).unwrap();
    assert!(!text.len().is_multiple_of(PAD_BYTES));
    let nonce = [0; NONCE_BYTES];
    let mut block = [&[VERSION], &nonce[..], &text].concat();
    let (cipher, start) = (key().cipher(), 1 + NONCE_BYTES);
    let tag = cipher.encrypt_in_place_detached(&nonce.into(), &about(&FEED), &mut block[start..]);
    block.extend_from_slice(&tag.unwrap());
    assert!(is_closed(&envelope().decode(&FEED, &block)));
}

#[test]
fn the_longest_message_is_sealed_and_read_again() {
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
    for envelope in [envelope(), Envelope::Plain, Envelope::Closed] {
        let content = envelope.decode(&FEED, &vec![VERSION; BLOCK_BYTES_MAX + 1]);
        assert_eq!(content, Content::Unreadable(Unreadable::TooLong));
    }
}

#[test]
fn what_was_sealed_may_be_anything_and_is_judged_like_a_plain_block() {
    let open = |text: &[u8]| envelope().decode(&FEED, &key().seal(&FEED, &[0; NONCE_BYTES], text));
    for text in [&b"[]"[..], br#"{"type":"x"}"#, br#"{"type":"chat-message"}"#, b"\xff", b" "] {
        assert_eq!(open(text), message::decode(text), "{text:?}");
        assert!(!is_closed(&open(text)), "{text:?}");
    }
}

#[test]
fn no_debug_output_shows_the_content_key() {
    let (key, envelope) = (key(), envelope());
    assert_eq!(format!("{key:?} {envelope:?}"), "ContentKey Sealed");
}

proptest! {
    #[test]
    fn any_block_is_opened_or_unreadable(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        feed in any::<[u8; 32]>(),
        blocks in 0usize..6,
    ) {
        // Also blocks with the format of an encrypted block.
        let mut formed = vec![VERSION];
        formed.extend(bytes.iter().cycle().take(OVERHEAD - 1 + blocks * PAD_BYTES));
        for block in [bytes, formed] {
            for envelope in [envelope(), Envelope::Closed] {
                prop_assert!(is_closed(&envelope.decode(&feed, &block)));
            }
            Envelope::Plain.decode(&feed, &block);
        }
    }

    #[test]
    fn what_was_sealed_is_read(
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
    fn what_was_sealed_and_then_changed_is_not_opened(
        text in "[a-z]{1,200}",
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let mut block = sealed(&text);
        let at = at.index(block.len());
        block[at] ^= change;
        prop_assert!(is_closed(&envelope().decode(&FEED, &block)));
    }
}
