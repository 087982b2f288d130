//! Malformed invites and chat messages.

use multichat::envelope::Envelope;
use multichat::invite::hints::Hints;
use multichat::invite::{Invite, PREFIX, Right, decode_symbols, encode_symbols};
use multichat::message::{self, Content, Draft};
use multichat::profile::room::Room;
use multichat::sanitize;
use multifeed_core::{Event, FeedId, Input, Role};

use super::ALLOCATOR;
use super::pen::{Mutant, Pen, blind, mutants, wholes};
use super::stage::{BYTES_MAX, Stage, run_until_idle};

/// Bytes of an invite's checksum, which comes last.
const CHECKSUM_BYTES: usize = 4;

/// Runs something and checks how much memory it used.
fn counted(name: &str, work: impl FnOnce()) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    work();
    let most = ALLOCATOR.peak_usage().saturating_sub(before);
    assert!(most <= BYTES_MAX, "{name}: {most} bytes");
}

/// No part of a text may move a terminal's cursor.
fn check_shown(name: &str, text: &str) {
    let shown = [sanitize::line(text, 80), sanitize::nick(text)];
    assert!(shown.iter().all(|shown| !shown.as_str().contains(char::is_control)), "{name}");
}

fn invites() -> Vec<Mutant> {
    [Right::Member, Right::Seeder].into_iter().flat_map(invites_with).collect()
}

fn invites_with(right: Right) -> Vec<Mutant> {
    let address = "192.0.2.7:4000".parse().expect("an address");
    let hints = Hints::default().with_name("kitchen").with_address(address).with_inviter([3; 8]);
    let text = Invite::of(right, [7; 32], hints).encode();
    let symbols = text.strip_prefix(PREFIX).expect("it begins so");
    let bytes = decode_symbols(symbols).expect("it is genuine");
    let body = &bytes[..bytes.len() - CHECKSUM_BYTES];
    let mut all = wholes("invite", text.as_bytes());
    all.extend(blind("text of an invite", text.as_bytes()));
    all.extend(blind("bytes of an invite", body).into_iter().map(|Mutant { name, bytes }| {
        let sum = crc32fast::hash(&bytes).to_be_bytes();
        let symbols = encode_symbols(&[&bytes[..], &sum].concat());
        Mutant { name, bytes: format!("{PREFIX}{symbols}").into_bytes() }
    }));
    all
}

/// Reads invites with one defect each.
pub(super) fn suffer_invites() -> usize {
    let (mut taken, all) = (0, invites());
    for Mutant { name, bytes } in &all {
        let text = String::from_utf8_lossy(bytes);
        counted(name, || match Invite::parse(&text) {
            Ok(invite) => {
                taken += 1;
                check_shown(name, invite.hints().name().unwrap_or_default());
            }
            Err(error) => check_shown(name, &error.to_string()),
        });
    }
    // A newer program may add unknown fields, and a different key is a valid key.
    assert!(0 < taken && taken < all.len(), "{taken}");
    all.len()
}

fn block(pen: &mut Pen) -> Vec<u8> {
    let kind = pen.text("type", b"chat-message");
    let nickname = pen.text("nickname", "al\u{202e}ice\\u001b[2J".as_bytes());
    let text = pen.text("text", "hi\\n\\u0007\u{200f} there \\ud83d\\ude00".as_bytes());
    let time = pen.text("time", b"\"2026-11-22T08:26:14.138Z\"");
    let parts: [&[u8]; 9] = [
        br#"{"type":""#,
        &kind,
        br#"","nickname":""#,
        &nickname,
        br#"","text":""#,
        &text,
        br#"","timestamp":"#,
        &time,
        b"}",
    ];
    parts.concat()
}

fn timed(pen: &mut Pen) -> Vec<u8> {
    let time = pen.number("time", 1_795_000_000_000);
    format!(r#"{{"type":"chat-message","text":"hi","timestamp":{time}}}"#).into_bytes()
}

fn blocks() -> Vec<Mutant> {
    let now = "2026-11-22T08:26:14.138Z".parse().expect("a time");
    let genuine = message::encode(&Draft::new("alice", "hi"), now).expect("it is short");
    let mut all = [mutants("message", block), mutants("message with a number", timed)].concat();
    all.extend(blind("written message", &genuine).into_iter().step_by(3));
    for (name, bytes) in [
        ("lists in lists", "[".repeat(60_000)),
        ("objects in objects", r#"{"text":"#.repeat(8_000)),
        ("the longest block", " ".repeat(message::BLOCK_BYTES_MAX + 1)),
        ("a time before time", r#"{"type":"chat-message","text":"a","timestamp":-1e308}"#.into()),
        ("a text of numbers", r#"{"type":"chat-message","text":7}"#.into()),
        ("half of a pair", r#"{"type":"chat-message","text":"\ud83d"}"#.into()),
        ("two texts", r#"{"type":"chat-message","text":"a","text":"b"}"#.into()),
    ] {
        all.push(Mutant { name: name.to_owned(), bytes: bytes.into_bytes() });
    }
    all
}

/// Reads messages of a secret room with one defect each: none is accepted as a member's.
pub(super) fn suffer_sealed() -> usize {
    let now = "2026-11-22T08:26:14.138Z".parse().expect("a time");
    let envelope = Room::create("kitchen", now).expect("a room").envelope();
    let feed = [7; 32];
    let genuine = envelope.encode(&feed, &Draft::new("alice", "hi"), now).expect("it is short");
    assert!(matches!(envelope.decode(&feed, &genuine), Content::Chat(_)));
    let all = [blind("sealed message", &genuine), blocks()].concat();
    for Mutant { name, bytes } in &all {
        counted(name, || {
            let content = envelope.decode(&feed, bytes);
            assert!(matches!(content, Content::Unreadable(_)), "{name}: {content:?}");
        });
    }
    all.len()
}

/// Sends messages with one defect each through a feed to a reader.
pub(super) fn suffer_messages() -> usize {
    let (mut stage, all) = (Stage::new(), blocks());
    let connection = stage.dial(Role::Responder);
    let own = stage.member.multifeed.feeds().find(|feed| feed.is_writable).expect("it has one");
    let (key, feed): (_, FeedId) = (own.key, own.id);
    let mut shown = 0;
    for Mutant { name, bytes } in &all {
        stage.member.multifeed.append(feed, &[bytes]).expect("it is its own");
        stage.member.handle(Input::Timeout);
        run_until_idle(&mut stage.node, &mut stage.member, connection);
        let copy = stage.node.multifeed.find(&key).expect("the node knows the feed");
        let (id, length) = (copy.id, copy.length);
        stage.node.multifeed.read(id, length - 1, length).expect("it is held");
        stage.node.handle(Input::Timeout);
        let Some(Event::Blocks { blocks, .. }) = stage.node.events.pop() else { panic!("{name}") };
        assert_eq!(&blocks[0][..], bytes, "{name}");
        counted(name, || {
            if let Content::Chat(chat) = Envelope::Plain.decode(&key.0, &blocks[0]) {
                shown += 1;
                check_shown(name, &chat.text);
                check_shown(name, chat.nickname.as_deref().unwrap_or_default());
            }
        });
        stage.node.events.clear();
    }
    assert!(0 < shown && shown < all.len(), "{shown}");
    all.len()
}
