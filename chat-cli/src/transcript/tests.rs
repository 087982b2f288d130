use jiff::Timestamp;

use super::*;
use crate::ids::MessageId;
use crate::message::decode;
use crate::timeline::key::Hlc;

fn entry(block: &[u8]) -> Entry {
    Entry {
        id: MessageId { feed: [0xab; 32], index: 0 },
        hlc: Hlc::default(),
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
    Transcript::new(TimeZone::UTC, ColourMode::Plain)
}

#[test]
fn day_line_appears_when_the_day_changes() {
    let mut transcript = plain();
    let first = transcript.lines(&said("hi", "2026-11-22T23:59:00Z"));
    assert_eq!(first, ["── Sun 22 Nov 2026 ──", "23:59 bob·ababab  hi"]);
    assert_eq!(transcript.lines(&said("ho", "2026-11-22T23:59:30Z")).len(), 1);
    let next = transcript.lines(&said("hey", "2026-11-23T00:00:00Z"));
    assert_eq!(next, ["── Mon 23 Nov 2026 ──", "00:00 bob·ababab  hey"]);
}

#[test]
fn time_format_is_configurable_and_lines_start_with_own_text() {
    let said = said("hi\nho", "2026-11-22T23:59:07Z");
    let lines = |timestamps| plain().with(timestamps).lines(&said)[1..].to_vec();
    assert_eq!(lines(Timestamps::Seconds), ["23:59:07 bob·ababab  hi", "       │  ho"]);
    assert_eq!(lines(Timestamps::None), [" bob·ababab  hi", "│  ho"]);
}

#[test]
fn action_has_a_star_prefix() {
    let lines = plain().lines(&said("/me waves", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59*bob·ababab  waves");
    let lines = plain().lines(&said("/message", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59 bob·ababab  /message");
}

#[test]
fn topic_has_a_prefix_that_no_text_can_have() {
    let block = br#"{"type":"chat-topic","nickname":"bob","text":"soup\nat \u001b[1mnoon"}"#;
    let lines = plain().lines(&entry(block));
    assert_eq!(lines, ["--:--─bob·ababab  set the topic: soup at \\u{1b}[1mnoon"]);
    let lines = plain().lines(&said("─ set the topic: x", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59 bob·ababab  ─ set the topic: x");
}

#[test]
fn nick_cannot_imitate_another_message_kind() {
    for nick in ["─ bob", "*bob", "? bob", "\u{2500}bob"] {
        let draft = crate::message::Draft::new(nick, "set the topic: x");
        let block = crate::message::encode(&draft, Timestamp::UNIX_EPOCH).unwrap();
        let lines = plain().lines(&entry(&block));
        assert!(lines[1].starts_with("00:00 "), "{lines:?}");
    }
}

#[test]
fn peer_line_cannot_imitate_another_message() {
    let lines = plain().lines(&said("one\n12:00 eve·cdcdcd  I am eve", "2026-11-22T08:00:00Z"));
    assert_eq!(lines[1], "08:00 bob·ababab  one");
    assert_eq!(lines[2], "    │  12:00 eve·cdcdcd  I am eve");
}

#[test]
fn peer_text_is_always_sanitised() {
    let evil = "\u{1b}[2J\u{202e}x\r\u{7}";
    for colour_mode in [ColourMode::Plain, ColourMode::Colour] {
        let mut transcript = Transcript::new(TimeZone::UTC, colour_mode);
        for line in transcript.lines(&said(evil, "2026-11-22T08:00:00Z")) {
            let ours = line.replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
            let ours = ours.replace("\u{1b}[1;38;5;", "");
            assert!(!ours.contains(|c: char| c.is_control() || c == '\u{202e}'), "{ours:?}");
        }
    }
}

#[test]
fn long_text_is_not_truncated() {
    let text = "x".repeat(crate::message::TEXT_BYTES_MAX);
    let lines = plain().lines(&said(&text, "2026-11-22T08:00:00Z"));
    assert!(lines[1].ends_with(&text));
}

#[test]
fn unreadable_content_shows_its_marker() {
    let lines = plain().lines(&entry(b"\x00\xff"));
    assert_eq!(lines, ["--:--?anonymous·ababab  (not a message)"]);
}

#[test]
fn plural_adds_an_s() {
    assert_eq!(plural(1, "peer"), "1 peer");
    assert_eq!(plural(0, "peer"), "0 peers");
}

#[test]
fn implausible_dates_are_marked() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let mut transcript = plain().at(now);
    let mut first_line = |time: &str, seen: &str| {
        let seen = Hlc::from_time(seen.parse().unwrap());
        transcript.lines(&Entry { hlc: seen, ..said("hi", time) })[0].clone()
    };
    let plausible = first_line("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z");
    assert_eq!(plausible, "── Sun 22 Nov 2026 ──");
    let early = first_line("2017-01-02T03:04:05Z", "2026-11-22T08:00:00Z");
    assert_eq!(early, "── Mon 02 Jan 2017 (a wrong clock?) ──");
    let old = first_line("2017-01-03T03:04:05Z", "2017-01-03T03:04:05Z");
    assert_eq!(old, "── Tue 03 Jan 2017 ──");
    let future = first_line("2099-06-01T00:00:00Z", "2099-06-01T00:00:00Z");
    assert_eq!(future, "── Mon 01 Jun 2099 (a wrong clock?) ──");
    // It answers the message from the future, and its own clock is right.
    let answer = first_line("2026-11-22T09:00:00Z", "2099-06-01T00:00:00Z");
    assert_eq!(answer, "── Sun 22 Nov 2026 ──");
}

#[test]
fn channel_is_named_after_the_author() {
    let mut transcript = plain().with_channels();
    let lines = transcript.lines(&said("one\ntwo", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59 bob·ababab #general  one");
    assert!(lines[2].ends_with("│  two"), "{lines:?}");
}

#[test]
fn exact_transcript_keeps_tabs_and_joiners() {
    let mut transcript = plain().exact();
    let lines = transcript.lines(&said("a\tb \u{200d}\u{1b}", "2026-11-22T23:59:00Z"));
    assert_eq!(lines[1], "23:59 bob·ababab  a\tb \u{200d}\\u{1b}");
}
