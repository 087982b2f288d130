use proptest::prelude::*;

use super::seen::SEEN_MAX;
use super::*;

fn now() -> Timestamp {
    "2026-11-22T08:26:14.138Z".parse().unwrap()
}

fn chat(block: &str) -> Chat {
    match decode(block.as_bytes()) {
        Content::Chat(chat) => chat,
        other => panic!("{block}: {other:?}"),
    }
}

fn unreadable(block: &[u8]) -> Unreadable {
    match decode(block) {
        Content::Unreadable(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn encoded_block_matches_the_workshop_format() {
    let block = encode(&Draft::new("alice", "say \"hi\"\n"), now()).unwrap();
    let expected = concat!(
        r#"{"type":"chat-message","nickname":"alice","text":"say \"hi\"\n","#,
        r#""timestamp":"2026-11-22T08:26:14.138Z"}"#
    );
    assert_eq!(String::from_utf8(block).unwrap(), expected);
}

#[test]
fn times_have_milliseconds_as_in_javascript() {
    for (time, shown) in [
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("2026-11-22T08:26:14.1389999Z", "2026-11-22T08:26:14.138Z"),
        ("2026-11-22T09:26:14.5+01:00", "2026-11-22T08:26:14.500Z"),
    ] {
        assert_eq!(iso(time.parse().unwrap()), shown);
    }
}

#[test]
fn text_length_is_bounded() {
    for empty in ["", " ", "\n\t"] {
        let failure = encode(&Draft::new("a", empty), now()).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (ExitCode::BadInput, "message.empty"));
    }
    let longest = "x".repeat(TEXT_BYTES_MAX);
    encode(&Draft::new("a", &longest), now()).unwrap();
    let failure = encode(&Draft::new("a", &format!("{longest}x")), now()).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::BadInput, "message.long"));
}

#[test]
fn longest_text_survives_encoding() {
    let text = "\u{1}".repeat(TEXT_BYTES_MAX);
    let block = encode(&Draft::new(&"日".repeat(60), &text), now()).unwrap();
    assert!(block.len() <= BLOCK_BYTES_MAX, "{}", block.len());
    assert_eq!(chat(std::str::from_utf8(&block).unwrap()).text, text);
}

#[test]
fn missing_and_extra_fields_are_accepted() {
    let least = chat(r#" {"type":"chat-message","text":"hi"} "#);
    assert_eq!((least.nickname, least.time), (None, None));
    let more =
        chat(r#"{"v":[{"x":[1]}],"text":"hi","type":"chat-message","nickname":null,"z":1e9}"#);
    assert_eq!(more.text, "hi");
}

#[test]
fn invalid_times_are_left_out() {
    let time = |value: &str| {
        chat(&format!(r#"{{"type":"chat-message","text":"hi","timestamp":{value}}}"#)).time
    };
    let at = Some(now());
    assert_eq!(time(r#""2026-11-22T08:26:14.138Z""#), at);
    assert_eq!(time(r#""2026-11-22T09:26:14.138+01:00""#), at);
    assert_eq!(time("1795335974138"), at);
    assert_eq!(time("1795335974138.7"), at);
    for wrong in [
        r#""2018-11-05T14:26:000Z""#,
        r#""yesterday""#,
        r#""""#,
        "18446744073709551615",
        "-18446744073709551616",
        "9223372036854775807",
        "1e300",
        "null",
    ] {
        assert_eq!(time(wrong), None, "{wrong}");
    }
}

#[test]
fn unreadable_block_has_a_marker() {
    for (block, why) in [
        (&b""[..], Unreadable::NotJson),
        (b"hello", Unreadable::NotJson),
        (b"[]", Unreadable::NotJson),
        (b"[\"chat-message\",\"a\",\"hi\",null]", Unreadable::NotJson),
        (b"null", Unreadable::NotJson),
        (b"{\"type\":\"chat-message\",\"text\":\"x\"", Unreadable::NotJson),
        (b"{\"type\":\"chat-message\",\"text\":\"x\"}x", Unreadable::NotJson),
        (b"{\"type\":\"chat-message\",\"text\":\"\xff\"}", Unreadable::NotJson),
        (b"{\"type\":\"chat-message\",\"text\":\"\\ud800\"}", Unreadable::NotJson),
        (b"{}", Unreadable::OtherType),
        (b"{\"type\":1,\"text\":\"x\"}", Unreadable::OtherType),
        (b"{\"type\":\"join\",\"text\":\"x\"}", Unreadable::OtherType),
        (b"{\"type\":\"chat-message\"}", Unreadable::WrongFields),
        (b"{\"type\":\"chat-message\",\"text\":{}}", Unreadable::WrongFields),
        (b"{\"type\":\"chat-message\",\"text\":\"x\",\"nickname\":7}", Unreadable::WrongFields),
        (b"{\"type\":\"chat-message\",\"text\":\"x\",\"timestamp\":[]}", Unreadable::WrongFields),
    ] {
        assert_eq!(unreadable(block), why, "{}", String::from_utf8_lossy(block));
        assert!(why.marker().starts_with('('));
    }
}

#[test]
fn oversized_block_is_unreadable() {
    let message = |bytes: usize| {
        let frame = r#"{"type":"chat-message","text":""}"#.len();
        format!(r#"{{"type":"chat-message","text":"{}"}}"#, "x".repeat(bytes - frame))
    };
    chat(&message(BLOCK_BYTES_MAX));
    assert_eq!(unreadable(message(BLOCK_BYTES_MAX + 1).as_bytes()), Unreadable::TooLong);
    let deep = "[".repeat(BLOCK_BYTES_MAX);
    assert_eq!(unreadable(deep.as_bytes()), Unreadable::NotJson);
    let deep = format!(r#"{{"text":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(unreadable(deep.as_bytes()), Unreadable::NotJson);
}

fn set(text: &str) -> Result<Vec<u8>, Failure> {
    encode(&Draft { kind: Kind::Topic, channel: "lunch", ..Draft::new("alice", text) }, now())
}

#[test]
fn topic_has_its_own_block_type() {
    let block = set(" soup\n at\tnoon ").unwrap();
    let expected = concat!(
        r#"{"type":"chat-topic","nickname":"alice","text":"soup at noon","#,
        r#""timestamp":"2026-11-22T08:26:14.138Z","channel":"lunch"}"#
    );
    assert_eq!(String::from_utf8(block.clone()).unwrap(), expected);
    let Content::Topic(read) = decode(&block) else { panic!("no topic") };
    assert_eq!((read.text.as_str(), read.channel.as_str()), ("soup at noon", "lunch"));
    assert_eq!(topic_summary(&read.text), "set the topic: soup at noon");
    let Content::Topic(read) = decode(&set("").unwrap()) else { panic!("no topic") };
    assert_eq!(topic_summary(&read.text), "cleared the topic");
    assert_eq!(unreadable(br#"{"type":"chat-topic","text":[]}"#), Unreadable::WrongFields);
    assert_eq!(unreadable(br#"{"type":["chat-topic"],"text":""}"#), Unreadable::OtherType);
}

#[test]
fn topic_length_is_bounded_in_columns_and_bytes() {
    set(&"x".repeat(TOPIC_COLUMNS_MAX)).unwrap();
    set(&"日".repeat(TOPIC_COLUMNS_MAX / 2)).unwrap();
    // Narrow characters of many bytes each.
    let marked = "a\u{301}\u{302}\u{303}".repeat(TOPIC_COLUMNS_MAX);
    let wide = "日".repeat(TOPIC_COLUMNS_MAX / 2 + 1);
    // An escaped character counts with the width of its escape.
    for long in ["x".repeat(TOPIC_COLUMNS_MAX + 1), wide, marked, "\u{202e}".repeat(20)] {
        let failure = set(&long).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (ExitCode::BadInput, "topic.long"));
    }
}

#[test]
fn peer_topic_is_truncated_and_sanitised() {
    let evil = format!("a\u{1b}]0;x\u{7}\u{202e}\nb{}", "c".repeat(BLOCK_BYTES_MAX / 2));
    let shown = topic(&evil);
    assert_eq!(shown.columns(), TOPIC_COLUMNS_MAX);
    assert!(shown.as_str().starts_with("a\\u{1b}]0;x\\u{7}\\u{202e} bccc"), "{shown}");
    assert_eq!(topic(" \n\u{a0} ").as_str(), "");
}

#[test]
fn debug_output_hides_the_text() {
    let block = encode(&Draft::new("alice", "a secret word"), now()).unwrap();
    let shown = format!("{:?}", decode(&block));
    assert!(!shown.contains("secret") && !shown.contains("alice"), "{shown}");
}

proptest! {
    #[test]
    fn encoded_message_decodes(nickname in "[a-z]{1,20}", text in "\\PC{1,200}") {
        prop_assume!(!text.trim().is_empty());
        let block = encode(&Draft::new(&nickname, &text), now()).unwrap();
        let Content::Chat(chat) = decode(&block) else {
            panic!("unreadable")
        };
        prop_assert_eq!(chat.nickname, Some(nickname));
        prop_assert_eq!(chat.text, text);
        prop_assert_eq!(chat.time, Some(now()));
    }

    #[test]
    fn decoding_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cut in 0usize..200,
    ) {
        decode(&bytes);
        let mut block = encode(&Draft::new("alice", "hello"), now()).unwrap();
        let at = cut % block.len();
        block.splice(at..(at + 3).min(block.len()), bytes.into_iter().take(4));
        decode(&block);
    }
}

#[test]
fn invalid_heads_are_dropped_and_their_number_is_capped() {
    let key = |n: u8| format!("{n:02x}").repeat(32);
    let heads = |fields: &str| {
        chat(&format!(r#"{{"type":"chat-message","text":"x","seen":{fields}}}"#)).seen
    };
    let good = format!(r#""{}/3":"{}""#, key(1), "0a".repeat(16));
    let bad = [
        format!(r#""{}/-1":"{}""#, key(2), "0a".repeat(16)),
        format!(r#""{}":"{}""#, key(3), "0a".repeat(16)),
        format!(r#""{}/1":"{}""#, key(4), "0a".repeat(15)),
        format!(r#""{}/1":7"#, key(5)),
        r#""/":"""#.to_string(),
    ];
    let found = heads(&format!("{{{good},{}}}", bad.join(",")));
    assert_eq!(found, [Head { feed: [1; 32], index: 3, digest: [10; 16] }]);
    let many: Vec<_> =
        (0..40).map(|n| format!(r#""{}/0":"{}""#, key(n), "00".repeat(16))).collect();
    assert_eq!(heads(&format!("{{{}}}", many.join(","))).len(), SEEN_MAX);
    for none in ["[]", "7", "null", "\"x\"", "{}"] {
        assert_eq!(heads(none), []);
    }
}
