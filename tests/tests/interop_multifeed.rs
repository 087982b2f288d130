//! `multifeed/1` against a running JavaScript peer, written from PROTOCOL.md. Needs Node.js, and
//! `npm ci` in `golden/generate`: `cargo test -p multifeed-tests -- --ignored`.

use std::{fs::read_to_string, path::Path};

use multifeed_core::{Event, FeedId, Role};
use multifeed_tests::javascript::Javascript;
use multifeed_tests::sockets::{Ours, config, group};
use serde_json::json;

const ROLES: [Role; 2] = [Role::Initiator, Role::Responder];
const SIZES: &[usize] = &[100, 0, 7, 5_000];

fn pair() -> (Ours, Javascript) {
    (Ours::open(config(1)), Javascript::multifeed(group().key()))
}

/// JavaScript appends to the feed of the author of this seed. Returns its key.
fn append(javascript: &mut Javascript, seed: u8, count: u64, sizes: &[usize]) -> String {
    let options = json!({ "seed": seed, "count": count, "sizes": sizes });
    javascript.ask("append", options)["key"].as_str().unwrap().to_owned()
}

/// JavaScript downloads a feed of ours: every byte, and the tree hash.
fn until_they_have(
    ours: &mut Ours,
    javascript: &mut Javascript,
    feed: FeedId,
    (seed, sizes): (u8, &[usize]),
) {
    let (key, length) = (ours.key(feed), ours.length(feed));
    let options = json!({ "key": key, "length": length, "seed": seed, "sizes": sizes });
    let id = javascript.tell("have", options);
    let answer = ours.until_answered(javascript, id, "javascript has it");
    assert_eq!(
        (&answer["length"], &answer["hash"]),
        (&json!(length), &json!(ours.tree_hash(feed)))
    );
}

/// We download a feed of theirs.
fn until_we_have(
    ours: &mut Ours,
    javascript: &mut Javascript,
    key: &str,
    (seed, sizes): (u8, &[usize]),
) {
    let options = json!({ "key": key, "length": 0, "seed": seed, "sizes": sizes });
    let answer = javascript.ask("have", options);
    let length = answer["length"].as_u64().unwrap();
    ours.until("we have it", |ours| ours.find(key).is_some_and(|id| ours.length(id) == length));
    let feed = ours.find(key).unwrap();
    ours.check(feed, 0..length, seed, sizes);
    assert_eq!(answer["hash"], json!(ours.tree_hash(feed)));
}

/// A feed of each side, and appends of both during the connection.
fn exchange(role: Role, blocks: u64, sizes: &[usize]) {
    let (mut ours, mut javascript) = pair();
    let mine = ours.writer("local", 7);
    ours.append(mine, 7, blocks, sizes);
    let theirs = append(&mut javascript, 8, blocks, sizes);
    ours.join(&mut javascript, role);
    for _ in 0..3 {
        until_they_have(&mut ours, &mut javascript, mine, (7, sizes));
        until_we_have(&mut ours, &mut javascript, &theirs, (8, sizes));
        ours.append(mine, 7, 2, sizes);
        append(&mut javascript, 8, 3, sizes);
    }
    assert!(ours.closed.is_empty(), "{:?}", ours.closed);
}

#[test]
fn a_peer_of_430_lines_suffices() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/js");
    // The folder also has other programs, which do not count.
    let files = ["peer.js", "secure.js", "session.js", "feed.js", "encoding.js"];
    let lines = |file| read_to_string(folder.join(file)).unwrap().lines().count();
    let lines: usize = files.into_iter().map(lines).sum();
    assert!((100..=430).contains(&lines), "{lines} lines");
}

#[test]
#[ignore = "needs node and its packages"]
fn feeds_replicate_both_ways_in_either_role() {
    for role in ROLES {
        exchange(role, 150, SIZES);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn blocks_of_all_sizes_cross_both_ways() {
    let sizes: &[usize] = &[0, 60_000, 70_000, 1 << 20, 1_000_000, 1];
    for role in ROLES {
        exchange(role, 30, sizes);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_feed_of_20_000_blocks_crosses_both_ways() {
    exchange(Role::Initiator, 20_000, &[100]);
}

#[test]
#[ignore = "needs node and its packages"]
fn more_feeds_replicate_than_the_alias_credit() {
    for role in ROLES {
        let (mut ours, mut javascript) = pair();
        let feeds = 200;
        let mine: Vec<FeedId> = (0..feeds).map(|number| ours.number(number)).collect();
        for feed in &mine {
            ours.append(*feed, 7, 3, SIZES);
        }
        let theirs: Vec<(u8, String)> =
            (0..200).map(|seed| (seed, append(&mut javascript, seed, 3, SIZES))).collect();
        ours.join(&mut javascript, role);
        for feed in mine {
            until_they_have(&mut ours, &mut javascript, feed, (7, SIZES));
        }
        for (seed, key) in theirs {
            until_we_have(&mut ours, &mut javascript, &key, (seed, SIZES));
        }
        assert!(ours.closed.is_empty(), "{:?}", ours.closed);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_javascript_peer_forwards_feeds() {
    let (mut ours, mut javascript) = pair();
    let mine = ours.writer("local", 7);
    ours.append(mine, 7, 150, SIZES);
    let connection = ours.join(&mut javascript, Role::Initiator);
    until_they_have(&mut ours, &mut javascript, mine, (7, SIZES));
    ours.cut(connection);
    let mut other = Ours::open(config(2));
    other.join(&mut javascript, Role::Responder);
    let key = ours.key(mine);
    until_we_have(&mut other, &mut javascript, &key, (7, SIZES));
}

#[test]
#[ignore = "needs node and its packages"]
fn a_broken_connection_costs_only_time() {
    let (mut ours, mut javascript) = pair();
    let theirs = append(&mut javascript, 8, 20_000, &[1_000]);
    for part in 1..=4 {
        ours.join(&mut javascript, ROLES[part % 2]);
        let held = |ours: &Ours| ours.find(&theirs).map_or(0, |feed| ours.length(feed));
        ours.until("we have a part", |ours| held(ours) >= 1_000 * part as u64);
        let id = javascript.tell("destroy", json!({}));
        ours.until_answered(&mut javascript, id, "it is destroyed");
    }
    ours.join(&mut javascript, Role::Initiator);
    until_we_have(&mut ours, &mut javascript, &theirs, (8, &[1_000]));
}

#[test]
#[ignore = "needs node and its packages"]
fn cleared_blocks_come_back_from_a_javascript_peer() {
    let (mut ours, mut javascript) = pair();
    let theirs = append(&mut javascript, 8, 40, SIZES);
    ours.join(&mut javascript, Role::Initiator);
    until_we_have(&mut ours, &mut javascript, &theirs, (8, SIZES));
    let feed = ours.find(&theirs).unwrap();
    ours.multifeed.clear(feed, 10..30).unwrap();
    ours.drain();
    let is_cleared = |event: &Event| matches!(event, Event::Cleared { .. });
    ours.until("they are cleared", |ours| ours.events.iter().any(is_cleared));
    ours.multifeed.download(feed, 10..30).unwrap();
    ours.drain();
    let is_back = |event: &Event| matches!(event, Event::Downloaded { .. });
    ours.until("they are back", |ours| ours.events.iter().any(is_back));
    until_we_have(&mut ours, &mut javascript, &theirs, (8, SIZES));
}

#[test]
#[ignore = "needs node and its packages"]
fn a_stranger_learns_nothing() {
    for role in ROLES {
        let mut ours = Ours::open(config(1));
        let mut javascript = Javascript::multifeed(&[8; 32]);
        let mine = ours.writer("local", 7);
        ours.append(mine, 7, 3, SIZES);
        let theirs = append(&mut javascript, 8, 3, SIZES);
        ours.join(&mut javascript, role);
        ours.until("it is closed", |ours| ours.is_alone());
        assert_eq!(ours.find(&theirs), None);
        assert_eq!(javascript.ask("feeds", json!({}))["feeds"], json!([theirs]));
    }
}
