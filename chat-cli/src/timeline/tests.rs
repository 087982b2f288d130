use super::*;
use crate::message::encode;

fn block(text: &str, time: &str) -> Vec<u8> {
    encode("ada", text, time.parse().unwrap()).unwrap()
}

const A: FeedKey = FeedKey([1; 32]);
const B: FeedKey = FeedKey([2; 32]);

fn texts(mut entries: Vec<Entry>) -> Vec<String> {
    sort(&mut entries);
    let text = |entry: &Entry| match &entry.content {
        Content::Chat(chat) => chat.text.clone(),
        Content::Unreadable(_) => "?".into(),
    };
    entries.iter().map(text).collect()
}

#[test]
fn feeds_are_one_conversation_by_the_claimed_times() {
    let mut timeline = Timeline::default();
    let entries = vec![
        timeline.place(B, &block("two", "2026-11-22T08:00:02Z")),
        timeline.place(B, &block("four", "2026-11-22T08:00:04Z")),
        timeline.place(A, &block("one", "2026-11-22T08:00:01Z")),
        timeline.place(A, &block("three", "2026-11-22T08:00:03Z")),
    ];
    assert_eq!(texts(entries), ["one", "two", "three", "four"]);
    assert_eq!((timeline.next(&A), timeline.next(&B)), (2, 2));
}

#[test]
fn a_clock_that_is_put_back_does_not_turn_a_feed_round() {
    let mut timeline = Timeline::default();
    let entries = vec![
        timeline.place(A, &block("first", "2026-11-22T08:00:09Z")),
        timeline.place(A, &block("second", "2026-11-22T08:00:01Z")),
        timeline.place(B, &block("between", "2026-11-22T08:00:05Z")),
    ];
    assert_eq!(texts(entries), ["between", "first", "second"]);
}

#[test]
fn equal_times_go_by_key_and_place() {
    let now = "2026-11-22T08:00:00Z";
    let mut timeline = Timeline::default();
    let entries = vec![
        timeline.place(B, &block("b0", now)),
        timeline.place(A, &block("a0", now)),
        timeline.place(A, &block("a1", now)),
    ];
    assert_eq!(texts(entries), ["a0", "a1", "b0"]);
}

#[test]
fn what_has_no_time_stands_behind_the_one_before_it() {
    let mut timeline = Timeline::default();
    let entries = vec![
        timeline.place(A, b"not a message"),
        timeline.place(A, &block("later", "2026-11-22T08:00:07Z")),
        timeline.place(A, b"{\"type\":\"chat-message\",\"text\":\"no time\"}"),
        timeline.place(B, &block("last", "2026-11-22T08:00:08Z")),
    ];
    assert_eq!(texts(entries), ["?", "later", "no time", "last"]);
    assert_eq!(timeline.next(&A), 3);
}
