use alloc::string::ToString;

use super::*;
use crate::id::{ConnectionId, Role};
use crate::record::replay;
use crate::record::tests::Recorded;
use crate::{KeyPair, Mode, Secure};

const GROUP: [u8; 32] = *b"the key of the group, kept apart";
const TEXTS: [&str; 3] = ["meet me at the old mill", "the second line", "and what the other said"];
const NAME: &str = "chat of somebody";
const SEEDS: [[u8; 32]; 2] =
    [*b"the seed of the one of the two..", *b"the seed of the other of the two"];

/// Two multifeeds that replicate over a secret stream, with their records.
fn met() -> [Recorded; 2] {
    let mut both = SEEDS.map(|seed| Recorded::open(GROUP, seed));
    for (place, one) in both.iter_mut().enumerate() {
        let feed = one.multifeed.writer(NAME, KeyPair::from_seed(&SEEDS[place])).unwrap();
        one.multifeed.append(feed, &[TEXTS[place].as_bytes(), TEXTS[2].as_bytes()]).unwrap();
        one.drain();
    }
    let connection = ConnectionId(1);
    for (one, role) in both.iter_mut().zip([Role::Initiator, Role::Responder]) {
        one.connect(connection, role, Secure::Noise, Mode::Live);
    }
    loop {
        let [first, second] = &mut both;
        let moved = first.pass(connection, second) + second.pass(connection, first);
        if moved == 0 {
            break;
        }
    }
    let [first, _] = &mut both;
    let feed = first.multifeed.feeds().last().unwrap().id;
    first.multifeed.read(feed, 0, 2).unwrap();
    first.drain();
    first.multifeed.record_state();
    first.drain();
    both
}

/// Whether a text contains any eight bytes of a secret, raw or in hexadecimal.
fn contains(text: &str, secret: &[u8]) -> bool {
    secret.windows(8).any(|part| {
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let is_plain = text.as_bytes().windows(8).any(|place| place == part);
        is_plain || text.to_lowercase().contains(&hex)
    })
}

#[test]
fn a_redacted_record_contains_no_key_and_no_text() {
    let [one, other] = met();
    assert_eq!(one.multifeed.sync_status().feeds, 2);
    let (record, text) = (&one.record, redact(&one.record).unwrap().join("\n"));
    let raw = String::from_utf8_lossy(record).to_string();
    for secret in TEXTS.map(str::as_bytes).iter().chain(&[NAME.as_bytes(), &GROUP, &SEEDS[0]]) {
        assert!(!contains(&text, secret), "{secret:?}");
        // The record itself contains it, except for sealed input.
        assert!(contains(&raw, secret) || *secret == TEXTS[1].as_bytes(), "{secret:?}");
    }
    for feed in one.multifeed.feeds() {
        assert!(!contains(&text, &feed.key.0) && !contains(&text, &feed.public_key.0));
    }
    let keys = [one.multifeed.public_key(), other.multifeed.public_key()];
    assert!(keys.iter().all(|key| !contains(&text, &key.0)));
    assert!(!contains(&text, one.multifeed.group().topic()));
}

#[test]
fn a_redacted_record_has_its_kinds_lengths_and_order() {
    let [one, _] = met();
    let lines = redact(&one.record).unwrap();
    let steps = lines.iter().filter(|line| !line.starts_with("    ")).count();
    assert_eq!(steps, 1 + replay(&one.record).unwrap().steps);
    let place = |what: &str| {
        let found = lines.iter().position(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("{what} in {lines:#?}"))
    };
    let order = [
        "open Limits",
        "event ready feeds=0",
        "writer, its name has 16 bytes",
        "append feed=0 bytes=[23, 23]",
        "event appended request=0 feed=0 0..2",
        "connected connection=1 dialling to be sealed live",
        "event opened connection=1",
        "event extended feed=1 0..2",
        "read feed=1 0..2",
        "event blocks request=1 feed=1 0..2 bytes=38",
        "state met",
    ];
    let places: Vec<usize> = order.iter().map(|what| place(what)).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_truncated_record_is_redacted_up_to_its_end() {
    let [one, _] = met();
    let lines = redact(&one.record[..one.record.len() - 1]).unwrap();
    assert!(lines.last().unwrap().contains("cut short"));
    assert_eq!(redact(&[]), Err(BadRecord::NoOpening));
}
