use serde_json::{Value, json};

use super::*;
use crate::message::seen::Head;
use crate::message::{Chat, Unreadable, channel_name};

fn value(event: Event) -> Value {
    serde_json::to_value(Line::from(event)).unwrap()
}

fn id() -> MessageId {
    MessageId { feed: [0xab; 32], index: 41 }
}

fn key() -> String {
    "ab".repeat(32)
}

#[test]
fn message_line_matches_the_specification() {
    let chat = Chat {
        nickname: Some("bob\u{1b}".into()),
        text: "hi\r\n\u{202e}you".into(),
        time: Some("2026-11-22T08:26:14.138Z".parse().unwrap()),
        channel: channel_name("Big  Ideas"),
        seen: vec![Head { feed: [1; 32], index: 6, digest: [0; 16] }],
    };
    let content = Content::Chat(chat);
    let line = value(Event::Message(Message::new(id(), "kitchen", &content, Arrival::Live)));
    let expected = json!({
        "v": 1, "type": "message", "id": format!("{}/41", key()), "room": "kitchen",
        "channel": "big-ideas", "clock": {"01".repeat(32): 6},
        "author": {"key": key(), "nick": "bob\\u{1b}"},
        "time": "2026-11-22T08:26:14.138Z", "text": "hi\r\n\u{202e}you",
        "backfill": false, "hidden": false
    });
    assert_eq!(line, expected);
}

#[test]
fn unreadable_block_gives_a_line() {
    let content = Content::Unreadable(Unreadable::NotJson);
    let line = value(Event::Message(Message::new(id(), "kitchen", &content, Arrival::Backfill)));
    assert_eq!(line["unreadable"], "(not a message)");
    assert_eq!((&line["time"], &line["text"]), (&Value::Null, &json!("")));
    assert_eq!(line["backfill"], true);
    assert_eq!(line["author"]["nick"], "anonymous");
}

#[test]
fn each_event_has_type_and_version() {
    let name = sanitize::line("kitchen", 40);
    let events = [
        (
            Event::Room { id: "x".into(), name: name.clone(), invite: None, kept: false },
            json!({"v": 1, "type": "room", "id": "x", "name": "kitchen"}),
        ),
        (
            Event::Room { id: "x".into(), name: name.clone(), invite: None, kept: true },
            json!({"v": 1, "type": "room", "id": "x", "name": "kitchen", "kept": true}),
        ),
        (
            Event::Peer { state: PeerState::Up, key: "k".into(), via: "tcp", rtt_ms: Some(12) },
            json!({"v": 1, "type": "peer", "state": "up", "key": "k", "via": "tcp", "rtt_ms": 12}),
        ),
        (
            Event::Sync { room: name, have: 1, want: 2, feeds: 3, peers: 4, state: "syncing" },
            json!({"v": 1, "type": "sync", "room": "kitchen", "have": 1, "want": 2, "feeds": 3,
                   "peers": 4, "state": "syncing"}),
        ),
        (
            Event::Ack { reference: Some(sanitize::json("a1")), id: id(), state: "stored" },
            json!({"v": 1, "type": "ack", "ref": "a1", "id": format!("{}/41", key()),
                   "state": "stored"}),
        ),
        (
            Event::Sent { id: id(), holders: 1, of: 2 },
            json!({"v": 1, "type": "sent", "id": format!("{}/41", key()), "holders": 1, "of": 2}),
        ),
        (
            Event::Status { id: id(), holders: 2, of: 3 },
            json!({"v": 1, "type": "status", "id": format!("{}/41", key()), "holders": 2, "of": 3}),
        ),
        (
            Event::Demo(Demo {
                seed: 1,
                converged: true,
                peers: 5,
                messages: 100,
                trace: "ab".into(),
                elapsed_ms: 900,
                bytes: 7,
            }),
            json!({"v": 1, "type": "demo", "seed": 1, "converged": true, "peers": 5,
                   "messages": 100, "trace": "ab", "elapsed_ms": 900, "bytes": 7}),
        ),
        (
            Event::Listening { addr: "127.0.0.1:4977".parse().unwrap() },
            json!({"v": 1, "type": "listening", "addr": "127.0.0.1:4977"}),
        ),
        (
            Event::Feed { key: "ab".into(), length: 2, bytes: 9, own: true },
            json!({"v": 1, "type": "feed", "key": "ab", "length": 2, "bytes": 9, "own": true}),
        ),
        (Event::Bye { reason: "eof" }, json!({"v": 1, "type": "bye", "reason": "eof"})),
    ];
    for (event, expected) in events {
        assert_eq!(value(event), expected);
    }
}

#[test]
fn line_starts_with_its_version_and_has_no_newline() {
    let line = serde_json::to_string(&Line::from(Event::Bye { reason: "eof" })).unwrap();
    assert_eq!(line, r#"{"v":1,"type":"bye","reason":"eof"}"#);
}
