//! The hypercore channel against running JavaScript peers of versions 10 and 11. Needs Node.js, and
//! `npm ci` in `golden/generate`: `cargo test -p multifeed-tests -- --ignored`.

use std::time::{Duration, Instant};

use multifeed_core::{Event, FeedId, Limit, Role, Unsupported};
use multifeed_tests::sockets::{Ours, config, group};
use multifeed_tests::stock::{Core, Pair};
use serde_json::{Value, json};

const ROLES: [Role; 2] = [Role::Initiator, Role::Responder];
const VERSIONS: [u32; 2] = [11, 10];
const SIZES: &[usize] = &[100, 0, 7, 5_000];
const SMALL: &[usize] = &[100];
const LARGE: &[usize] = &[0, 60_000, 70_000, 1 << 20, 1_000_000, 1];

fn default_kind() -> Value {
    json!({ "kind": "default" })
}

/// The kinds of cores that JavaScript writes.
fn kinds() -> [Value; 3] {
    let namespace = data_encoding::HEXLOWER.encode(group().feed_namespace());
    [
        default_kind(),
        json!({ "kind": "compat" }),
        json!({ "kind": "namespace", "namespace": namespace }),
    ]
}

/// A JavaScript core with this many blocks, and our feed that adopts it.
fn adopted(pair: &mut Pair, contents: (u8, &'static [usize]), blocks: u64) -> (Core, FeedId) {
    let core = pair.core("j", contents, default_kind());
    pair.append(&core, blocks);
    let feed = pair.ours.adopt(&core.key);
    (core, feed)
}

/// A feed of ours with this many blocks, and its reader in JavaScript.
fn written(pair: &mut Pair, contents: (u8, &'static [usize]), blocks: u64) -> (Core, FeedId) {
    let feed = pair.ours.writer("local", contents.0);
    pair.ours.append(feed, contents.0, blocks, contents.1);
    (pair.reader("o", contents, feed), feed)
}

#[test]
#[ignore = "needs node and its packages"]
fn javascript_reads_our_feed() {
    for version in VERSIONS {
        for role in ROLES {
            let mut pair = Pair::open(version);
            let (core, feed) = written(&mut pair, (7, SIZES), 150);
            pair.join(role);
            pair.until_they_have(&core, feed);
            // Then appends while the reader watches.
            pair.ours.append(feed, 7, 10, SIZES);
            pair.until_they_have(&core, feed);
            pair.check_open();
        }
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn we_read_what_javascript_writes() {
    for version in VERSIONS {
        for kind in kinds() {
            for role in ROLES {
                let mut pair = Pair::open(version);
                let core = pair.core("j", (7, SIZES), kind.clone());
                pair.append(&core, 150);
                let feed = pair.ours.adopt(&core.key);
                pair.join(role);
                pair.until_we_have(&core, feed);
                pair.append(&core, 3);
                pair.until_we_have(&core, feed);
                pair.check_open();
                let is_added = |event: &Event| matches!(event, Event::FeedAdded { .. });
                assert!(pair.ours.events.iter().any(is_added));
            }
        }
    }
}

/// Many cores of both sides on one connection.
fn exchange_many(version: u32, cores: u64, blocks: u64) {
    let mut pair = Pair::open(version);
    let (mut theirs, mut mine) = (Vec::new(), Vec::new());
    for number in 0..cores {
        let contents = ((number % 251) as u8, SIZES);
        if number % 2 == 0 {
            let feed = pair.ours.number(number);
            pair.ours.append(feed, contents.0, blocks, SIZES);
            mine.push((pair.reader(&format!("o{number}"), contents, feed), feed));
        } else {
            let kind = json!({ "kind": "default", "number": number });
            let core = pair.core(&format!("j{number}"), contents, kind);
            pair.append(&core, blocks);
            let feed = pair.ours.adopt(&core.key);
            theirs.push((core, feed));
        }
    }
    pair.join(Role::Responder);
    let expected: Vec<_> =
        mine.iter().map(|(core, feed)| (pair.tell_to_have(core, *feed), *feed)).collect();
    for (id, feed) in expected {
        pair.until_it_has(id, feed);
    }
    for (core, feed) in theirs {
        pair.until_we_have(&core, feed);
    }
    pair.check_open();
}

#[test]
#[ignore = "needs node and its packages"]
fn one_connection_carries_2_and_10_cores() {
    for version in VERSIONS {
        exchange_many(version, 2, 30);
        exchange_many(version, 10, 30);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn one_connection_carries_1_000_cores() {
    for version in VERSIONS {
        exchange_many(version, 1_000, 3);
    }
}

/// One feed of each side.
fn both_ways(version: u32, blocks: u64, sizes: &'static [usize]) {
    let mut pair = Pair::open(version);
    let (their_core, theirs) = adopted(&mut pair, (7, sizes), blocks);
    let (our_core, mine) = written(&mut pair, (8, sizes), blocks);
    pair.join(Role::Initiator);
    pair.until_we_have(&their_core, theirs);
    pair.until_they_have(&our_core, mine);
    pair.check_open();
}

#[test]
#[ignore = "needs node and its packages"]
fn blocks_of_all_sizes_cross_both_ways() {
    for version in VERSIONS {
        both_ways(version, 30, LARGE);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_feed_of_20_000_blocks_crosses_both_ways() {
    for version in VERSIONS {
        both_ways(version, 20_000, SMALL);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn javascript_reads_single_blocks_and_finds_places_in_bytes() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let (core, feed) = written(&mut pair, (7, SMALL), 200);
        pair.join(Role::Responder);
        let options = json!({ "name": "o", "indices": [150, 3, 199], "seed": 7, "sizes": SMALL });
        let tree = pair.order("get", options);
        assert_eq!(tree["hash"], json!(pair.ours.tree_hash(feed)));
        let found = pair.order("seek", json!({ "name": core.name, "bytes": 12_345 }));
        assert_eq!(found["found"], json!([123, 45]));
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn both_sides_append_during_a_connection() {
    for version in VERSIONS {
        for kind in kinds() {
            let mut pair = Pair::open(version);
            let their_core = pair.core("j", (7, SIZES), kind);
            let theirs = pair.ours.adopt(&their_core.key);
            let (our_core, mine) = written(&mut pair, (8, SIZES), 0);
            pair.join(Role::Initiator);
            for _ in 0..20 {
                pair.ours.append(mine, 8, 1, SIZES);
                pair.append(&their_core, 1);
                pair.until_they_have(&our_core, mine);
                pair.until_we_have(&their_core, theirs);
            }
            pair.check_open();
        }
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_truncation_is_refused_and_reported() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let (core, feed) = adopted(&mut pair, (7, SIZES), 20);
        let connection = pair.join(Role::Initiator);
        pair.until_we_have(&core, feed);
        let hash = pair.ours.tree_hash(feed);
        pair.cut_to_10_and_append_15(&core);
        let key = pair.ours.feed_key(feed);
        let expected = |length| Event::Truncated { connection, feed, key, fork: 1, length };
        let is_reported =
            |ours: &mut Ours| [10, 25].iter().any(|n| ours.events.contains(&expected(*n)));
        pair.ours.until("the event arrives", is_reported);
        assert_eq!((pair.ours.length(feed), pair.ours.tree_hash(feed)), (20, hash));
        // A node that adopts the feed only now accepts it as it is.
        pair.ours.cut(connection);
        pair.ours = Ours::open(config(2));
        let feed = pair.ours.adopt(&core.key);
        pair.join(Role::Responder);
        pair.until_we_have(&core, feed);
        assert_eq!(pair.ours.length(feed), 25);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_truncation_is_followed_where_the_application_says_so() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let (core, feed) = adopted(&mut pair, (7, SIZES), 20);
        pair.join(Role::Initiator);
        pair.until_we_have(&core, feed);
        pair.cut_to_10_and_append_15(&core);
        let is_reported = |event: &Event| matches!(event, Event::Truncated { fork: 1, .. });
        pair.ours.until("the event arrives", |ours| ours.events.iter().any(is_reported));
        pair.ours.forget(feed);
        let feed = pair.ours.adopt(&core.key);
        pair.until_we_have(&core, feed);
        assert_eq!(pair.order("tree", json!({ "name": "j" }))["fork"], json!(1));
        pair.append(&core, 2);
        pair.until_we_have(&core, feed);
        assert_eq!(pair.ours.length(feed), 27);
        pair.check_open();
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_broken_socket_costs_only_time() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let (core, feed) = adopted(&mut pair, (7, SMALL), 3_000);
        for part in 1..=5 {
            let connection = pair.join(Role::Initiator);
            pair.ours.until("we have a part", |ours| ours.length(feed) >= 500 * part);
            match part % 2 {
                0 => pair.ours.cut(connection),
                _ => drop(pair.order("destroy", json!({}))),
            }
        }
        // A new process of ours continues with the same store.
        pair.ours = Ours::on(config(3), pair.ours.close());
        let feed = pair.ours.adopt(&core.key);
        assert!(pair.ours.length(feed) >= 2_500);
        pair.join(Role::Responder);
        pair.until_we_have(&core, feed);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn unsupported_manifests_are_reported() {
    let namespace = data_encoding::HEXLOWER.encode(&[3; 32]);
    for (other, what) in [
        (json!({ "version": 2 }), Unsupported::Version),
        (json!({ "allowPatch": true }), Unsupported::Multisig),
    ] {
        let mut pair = Pair::open(11);
        let kind = json!({ "kind": "namespace", "namespace": namespace, "other": other });
        let core = pair.core("j", (7, SMALL), kind);
        pair.append(&core, 2);
        let feed = pair.ours.adopt(&core.key);
        let connection = pair.join(Role::Initiator);
        let key = pair.ours.feed_key(feed);
        let expected = Event::Unsupported { connection, feed, key, what };
        pair.ours.until("the event arrives", |ours| ours.events.contains(&expected));
        assert_eq!(pair.ours.length(feed), 0);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_peer_that_was_silent_for_longer_than_its_keep_alive_is_still_there() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let (core, feed) = written(&mut pair, (7, SIZES), 5);
        pair.join(Role::Responder);
        pair.until_they_have(&core, feed);
        let start = Instant::now();
        let is_over = |_: &mut Ours| start.elapsed() >= Duration::from_secs(20);
        pair.ours.until("both were silent", is_over);
        pair.ours.append(feed, 7, 1, SIZES);
        pair.until_they_have(&core, feed);
        pair.check_open();
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_block_above_our_limit_affects_only_its_feed() {
    for (version, role) in VERSIONS.into_iter().zip(ROLES) {
        let mut pair = Pair::open(version);
        let long: [(&str, &[usize]); 2] = [("j", &[100, 2_000_000]), ("k", &[14_000_000])];
        let long = long.map(|(name, sizes)| {
            let core = pair.core(name, (name.as_bytes()[0], sizes), default_kind());
            pair.append(&core, 3);
            pair.ours.adopt(&core.key)
        });
        let core = pair.core("l", (3, SIZES), default_kind());
        pair.append(&core, 3);
        let good = pair.ours.adopt(&core.key);
        let connection = pair.join(role);
        for feed in long {
            let key = pair.ours.feed_key(feed);
            let limit = Limit::BlockBytes;
            let expected = Event::ChannelClosed { connection, feed, key, limit };
            pair.ours.until("the event arrives", |ours| ours.events.contains(&expected));
        }
        pair.until_we_have(&core, good);
        pair.append(&core, 2);
        pair.until_we_have(&core, good);
        assert_eq!(long.map(|feed| pair.ours.length(feed)), [1, 0]);
        pair.check_open();
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn we_read_single_blocks_without_the_rest() {
    for version in VERSIONS {
        for (kind, role) in kinds().into_iter().zip(ROLES.into_iter().cycle()) {
            let mut pair = Pair::open(version);
            let core = pair.core("j", (7, SIZES), kind);
            pair.append(&core, 200);
            for index in [150, 3] {
                pair.ours.get(&core.key, index);
            }
            pair.join(role);
            pair.ours.until("we have two blocks", |ours| ours.has_got(&[150, 3], 7, SIZES));
            pair.ours.get(&core.key, 199);
            pair.ours.until("we have all", |ours| ours.has_got(&[150, 3, 199], 7, SIZES));
            let feed = pair.ours.find(core.key.as_str().unwrap()).unwrap();
            assert_eq!(pair.ours.length(feed), 0, "and nothing else");
            // Once adopted, the whole feed is downloaded.
            assert_eq!(pair.ours.adopt(&core.key), feed);
            pair.until_we_have(&core, feed);
            pair.check_open();
        }
    }
}
