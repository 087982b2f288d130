use jiff::Timestamp;

use super::*;
use crate::ids::MessageId;
use crate::message::decode;
use crate::timeline::key::Place;

fn entry(block: &[u8]) -> Entry {
    Entry {
        id: MessageId { feed: [0xab; 32], index: 0 },
        place: Place::default(),
        content: decode(block),
    }
}

fn said(text: &str, time: &str) -> Entry {
    entry(
        &crate::message::encode(
            &crate::message::Draft::new("bob", text),
            time.parse::<Timestamp>().unwrap(),
        )
        .unwrap(),
    )
}

fn plain() -> Transcript {
    Transcript::new(TimeZone::UTC, Paint::Plain)
}

#[test]
fn the_day_stands_where_it_changes() {
    let mut transcript = plain();
    let first = transcript.lines(&said("hi", "2026-11-22T23:59:00Z"));
    assert_eq!(first, ["── Sun 22 Nov 2026 ──", "23:59 bob·ababab  hi"]);
    assert_eq!(transcript.lines(&said("ho", "2026-11-22T23:59:30Z")).len(), 1);
    let next = transcript.lines(&said("hey", "2026-11-23T00:00:00Z"));
    assert_eq!(next, ["── Mon 23 Nov 2026 ──", "00:00 bob·ababab  hey"]);
}

#[test]
fn the_time_is_as_it_was_asked_for_and_a_line_never_begins_with_a_peer() {
    let said = said("hi\nho", "2026-11-22T23:59:07Z");
    let lines = |timestamps| plain().with(timestamps).lines(&said)[1..].to_vec();
    assert_eq!(lines(Timestamps::Seconds), ["23:59:07 bob·ababab  hi", "       │  ho"]);
    assert_eq!(lines(Timestamps::None), [" bob·ababab  hi", "│  ho"]);
}

#[test]
fn what_somebody_does_stands_behind_a_star_of_ours() {
    let lines = plain().lines(&said("/me waves", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59*bob·ababab  waves");
    let lines = plain().lines(&said("/message", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59 bob·ababab  /message");
}

#[test]
fn a_topic_stands_behind_a_line_of_ours_that_no_text_can_have() {
    let block = br#"{"type":"chat-topic","nickname":"bob","text":"soup\nat \u001b[1mnoon"}"#;
    let lines = plain().lines(&entry(block));
    assert_eq!(lines, ["--:--─bob·ababab  set the topic: soup at \\u{1b}[1mnoon"]);
    let lines = plain().lines(&said("─ set the topic: x", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59 bob·ababab  ─ set the topic: x");
}

#[test]
fn no_nick_makes_a_message_look_like_one_of_another_kind() {
    for nick in ["─ bob", "*bob", "? bob", "\u{2500}bob"] {
        let draft = crate::message::Draft::new(nick, "set the topic: x");
        let block = crate::message::encode(&draft, Timestamp::UNIX_EPOCH).unwrap();
        let lines = plain().lines(&entry(&block));
        assert!(lines[1].starts_with("00:00 "), "{lines:?}");
    }
}

#[test]
fn no_line_of_a_peer_can_pass_for_another_one() {
    let lines = plain().lines(&said("one\n12:00 eve·cdcdcd  I am eve", "2026-11-22T08:00:00Z"));
    assert_eq!(lines[1], "08:00 bob·ababab  one");
    assert_eq!(lines[2], "    │  12:00 eve·cdcdcd  I am eve");
}

#[test]
fn nothing_of_a_peer_reaches_the_terminal_as_it_is() {
    let evil = "\u{1b}[2J\u{202e}x\r\u{7}";
    for paint in [Paint::Plain, Paint::Colour] {
        let mut transcript = Transcript::new(TimeZone::UTC, paint);
        for line in transcript.lines(&said(evil, "2026-11-22T08:00:00Z")) {
            let ours = line.replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
            let ours = ours.replace("\u{1b}[1;38;5;", "");
            assert!(!ours.contains(|c: char| c.is_control() || c == '\u{202e}'), "{ours:?}");
        }
    }
}

#[test]
fn a_long_text_is_not_cut() {
    let text = "x".repeat(crate::message::TEXT_BYTES_MAX);
    let lines = plain().lines(&said(&text, "2026-11-22T08:00:00Z"));
    assert!(lines[1].ends_with(&text));
}

#[test]
fn what_cannot_be_read_has_its_marker() {
    let lines = plain().lines(&entry(b"\x00\xff"));
    assert_eq!(lines, ["--:--?anonymous·ababab  (not a message)"]);
}

#[test]
fn numbers_have_words() {
    assert_eq!(counted(1, "peer"), "1 peer");
    assert_eq!(counted(0, "peer"), "0 peers");
}
