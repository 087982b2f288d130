//! Hypercore's channel against living JavaScript peers of versions 10 and 11. Needs node, and
//! `npm ci` in `golden/generate`: `cargo test -p multifeed-tests -- --ignored`.

use multifeed_core::{Event, Limit, Role, Unsupported};
use multifeed_tests::javascript::Javascript;
use multifeed_tests::sockets::{Ours, config, group};
use serde_json::json;

const ROLES: [Role; 2] = [Role::Initiator, Role::Responder];
const SIZES: &[usize] = &[100, 0, 7, 5_000];

#[test]
#[ignore = "needs node and its packages"]
fn javascript_reads_our_feed() {
    for version in [11, 10] {
        for role in ROLES {
            let (mut ours, mut javascript) =
                (Ours::open(config(1)), Javascript::hypercore(version));
            let feed = ours.writer("local", 7);
            ours.append(feed, 7, 150, SIZES);
            javascript.ask("core", json!({ "name": "a", "key": ours.key(feed) }));
            ours.join(&mut javascript, role);
            let options = json!({ "name": "a", "length": 150, "seed": 7, "sizes": SIZES });
            let id = javascript.tell("download", options);
            let tree = ours.until_answered(&mut javascript, id, "javascript has it");
            assert_eq!((&tree["length"], &tree["fork"]), (&json!(150), &json!(0)));
            // And what is appended while it looks.
            ours.append(feed, 7, 10, SIZES);
            let options =
                json!({ "name": "a", "length": 160, "seed": 7, "sizes": SIZES, "from": 150 });
            let id = javascript.tell("download", options);
            ours.until_answered(&mut javascript, id, "javascript has the rest");
        }
    }
}

/// The kinds of cores that JavaScript writes.
fn kinds() -> [serde_json::Value; 3] {
    let namespace = data_encoding::HEXLOWER.encode(group().feed_namespace());
    [
        json!({ "kind": "default" }),
        json!({ "kind": "compat" }),
        json!({ "kind": "namespace", "namespace": namespace }),
    ]
}

#[test]
#[ignore = "needs node and its packages"]
fn we_read_what_javascript_writes() {
    for version in [11, 10] {
        for (mut kind, role) in kinds().into_iter().zip(ROLES.into_iter().cycle()) {
            let (mut ours, mut javascript) =
                (Ours::open(config(1)), Javascript::hypercore(version));
            kind["name"] = json!("a");
            kind["seed"] = json!(7);
            let key = javascript.ask("core", kind)["key"].clone();
            let append =
                |count: u64| json!({ "name": "a", "seed": 7, "count": count, "sizes": SIZES });
            javascript.ask("append", append(150));
            let feed = ours.adopt(&key);
            ours.join(&mut javascript, role);
            ours.until("we have it", |ours| ours.length(feed) == 150);
            ours.check(feed, 0..150, 7, SIZES);
            let id = javascript.tell("append", append(3));
            ours.until_answered(&mut javascript, id, "it is appended");
            ours.until("we have the rest", |ours| ours.length(feed) == 153);
            ours.check(feed, 150..153, 7, SIZES);
            assert!(ours.closed.is_empty(), "{:?}", ours.closed);
            assert!(ours.events.iter().any(|event| matches!(event, Event::FeedAdded { .. })));
        }
    }
}

/// Many cores on one connection, of both sides.
fn exchange_many(version: u32, cores: u64, blocks: u64) {
    let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
    let (mut theirs, mut mine) = (Vec::new(), Vec::new());
    for number in 0..cores {
        let seed = (number % 251) as u8;
        if number % 2 == 0 {
            let feed = ours.number(number);
            ours.append(feed, seed, blocks, SIZES);
            let name = format!("o{number}");
            javascript.ask("core", json!({ "name": name, "key": ours.key(feed) }));
            mine.push((name, seed));
        } else {
            let name = format!("j{number}");
            let core = json!({ "name": name, "kind": "default", "number": number, "seed": 1 });
            let key = javascript.ask("core", core)["key"].clone();
            let append = json!({ "name": name, "seed": seed, "count": blocks, "sizes": SIZES });
            javascript.ask("append", append);
            theirs.push((ours.adopt(&key), seed));
        }
    }
    ours.join(&mut javascript, Role::Responder);
    let ids: Vec<u64> = mine
        .iter()
        .map(|(name, seed)| {
            let options = json!({ "name": name, "length": blocks, "seed": seed, "sizes": SIZES });
            javascript.tell("download", options)
        })
        .collect();
    for id in ids {
        ours.until_answered(&mut javascript, id, "javascript has ours");
    }
    for (feed, seed) in theirs {
        ours.until("we have theirs", |ours| ours.length(feed) == blocks);
        ours.check(feed, 0..blocks, seed, SIZES);
    }
    assert!(ours.closed.is_empty(), "{:?}", ours.closed);
}

#[test]
#[ignore = "needs node and its packages"]
fn one_connection_carries_2_and_10_cores() {
    for version in [11, 10] {
        exchange_many(version, 2, 30);
        exchange_many(version, 10, 30);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn one_connection_carries_1_000_cores() {
    exchange_many(10, 1_000, 3);
    exchange_many(11, 1_000, 3);
}

#[test]
#[ignore = "needs node and its packages"]
fn blocks_of_all_sizes_cross_both_ways() {
    let sizes: &[usize] = &[0, 60_000, 70_000, 1 << 20, 1_000_000, 1];
    for version in [11, 10] {
        both_ways(version, 30, sizes);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_feed_of_20_000_blocks_crosses_both_ways() {
    both_ways(11, 20_000, &[100]);
    both_ways(10, 20_000, &[100]);
}

/// One feed of each side, and the tree hash that both come to.
fn both_ways(version: u32, blocks: u64, sizes: &[usize]) {
    let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
    let core = json!({ "name": "j", "kind": "default", "seed": 7 });
    let key = javascript.ask("core", core)["key"].clone();
    let append = json!({ "name": "j", "seed": 7, "count": blocks, "sizes": sizes });
    javascript.ask("append", append);
    let theirs = ours.adopt(&key);
    let feed = ours.writer("local", 8);
    ours.append(feed, 8, blocks, sizes);
    javascript.ask("core", json!({ "name": "o", "key": ours.key(feed) }));
    ours.join(&mut javascript, Role::Initiator);
    let start = std::time::Instant::now();
    ours.until("we have it", |ours| ours.length(theirs) == blocks);
    say(&format!("{version}: we read {blocks} blocks in {:?}", start.elapsed()));
    ours.check(theirs, 0..blocks, 7, sizes);
    let start = std::time::Instant::now();
    let options = json!({ "name": "o", "length": blocks, "seed": 8, "sizes": sizes });
    let id = javascript.tell("download", options);
    let tree = ours.until_answered(&mut javascript, id, "javascript has it");
    say(&format!("{version}: javascript reads {blocks} blocks in {:?}", start.elapsed()));
    assert_eq!(tree["hash"], json!(ours.tree_hash(feed)));
    assert_eq!(javascript.ask("tree", json!({ "name": "j" }))["hash"], ours.tree_hash(theirs));
    assert!(ours.closed.is_empty(), "{:?}", ours.closed);
}

/// A word to whoever reads a test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}

#[test]
#[ignore = "needs node and its packages"]
fn javascript_reads_single_blocks_and_finds_places_in_bytes() {
    for version in [11, 10] {
        let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
        let feed = ours.writer("local", 7);
        ours.append(feed, 7, 200, &[100]);
        javascript.ask("core", json!({ "name": "a", "key": ours.key(feed) }));
        ours.join(&mut javascript, Role::Responder);
        let options = json!({ "name": "a", "indices": [150, 3, 199], "seed": 7, "sizes": [100] });
        let id = javascript.tell("get", options);
        ours.until_answered(&mut javascript, id, "javascript has three blocks");
        let id = javascript.tell("seek", json!({ "name": "a", "bytes": 12_345 }));
        let found = ours.until_answered(&mut javascript, id, "javascript has found the place");
        assert_eq!(found["found"], json!([123, 45]));
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn both_sides_append_while_they_look() {
    for version in [11, 10] {
        let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
        let key = javascript.ask("core", json!({ "name": "j", "kind": "compat", "seed": 7 }));
        let theirs = ours.adopt(&key["key"]);
        let feed = ours.writer("local", 8);
        javascript.ask("core", json!({ "name": "o", "key": ours.key(feed) }));
        ours.join(&mut javascript, Role::Initiator);
        for round in 1..=20 {
            let append = json!({ "name": "j", "seed": 7, "count": 1, "sizes": SIZES });
            javascript.tell("append", append);
            ours.append(feed, 8, 1, SIZES);
            let mut options = json!({ "name": "o", "length": round, "from": round - 1 });
            (options["seed"], options["sizes"]) = (json!(8), json!(SIZES));
            let id = javascript.tell("download", options);
            ours.until_answered(&mut javascript, id, "javascript has the next");
            ours.until("we have the next", |ours| ours.length(theirs) == round);
        }
        ours.check(theirs, 0..20, 7, SIZES);
        assert_eq!(javascript.ask("tree", json!({ "name": "o" }))["hash"], ours.tree_hash(feed));
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_truncation_is_refused_and_told() {
    for version in [11, 10] {
        let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
        let core = json!({ "name": "j", "kind": "default", "seed": 7 });
        let key = javascript.ask("core", core)["key"].clone();
        let append = |count: u64| json!({ "name": "j", "seed": 7, "count": count, "sizes": SIZES });
        javascript.ask("append", append(20));
        let feed = ours.adopt(&key);
        let connection = ours.join(&mut javascript, Role::Initiator);
        ours.until("we have it", |ours| ours.length(feed) == 20);
        let hash = ours.tree_hash(feed);
        let id = javascript.tell("truncate", json!({ "name": "j", "length": 10 }));
        ours.until_answered(&mut javascript, id, "it is cut");
        let id = javascript.tell("append", append(15));
        ours.until_answered(&mut javascript, id, "it has grown anew");
        ours.until("we hear of it", |ours| {
            let told = Event::Truncated { connection, feed, fork: 1, length: 25 };
            let cut = Event::Truncated { connection, feed, fork: 1, length: 10 };
            ours.events.contains(&told) || ours.events.contains(&cut)
        });
        assert_eq!((ours.length(feed), ours.tree_hash(feed)), (20, hash));
        // Who adopts it only now takes it as it is.
        let mut late = Ours::open(config(2));
        let feed = late.adopt(&key);
        ours.cut(connection);
        late.join(&mut javascript, Role::Responder);
        late.until("the late one has it", |late| late.length(feed) == 25);
        assert_eq!(late.tree_hash(feed), javascript.ask("tree", json!({ "name": "j" }))["hash"]);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_socket_that_breaks_in_the_middle_costs_nothing_but_time() {
    for version in [11, 10] {
        let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
        let core = json!({ "name": "j", "kind": "default", "seed": 7 });
        let key = javascript.ask("core", core)["key"].clone();
        let append = json!({ "name": "j", "seed": 7, "count": 3_000, "sizes": [100] });
        javascript.ask("append", append);
        let feed = ours.adopt(&key);
        for part in 1..=5 {
            let connection = ours.join(&mut javascript, Role::Initiator);
            ours.until("we have a part", |ours| ours.length(feed) >= 500 * part);
            match part % 2 {
                0 => ours.cut(connection),
                _ => {
                    let id = javascript.tell("destroy", json!({}));
                    ours.until_answered(&mut javascript, id, "it is destroyed");
                }
            }
        }
        // A new process of ours goes on with the same store.
        let mut ours = Ours::on(config(3), ours.close());
        let feed = ours.adopt(&key);
        assert!(ours.length(feed) >= 2_500);
        ours.join(&mut javascript, Role::Responder);
        ours.until("we have it all", |ours| ours.length(feed) == 3_000);
        ours.check(feed, 0..3_000, 7, &[100]);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn manifests_that_are_not_supported_are_told_of() {
    let namespace = data_encoding::HEXLOWER.encode(&[3; 32]);
    for (other, what) in [
        (json!({ "version": 2 }), Unsupported::Version),
        (json!({ "allowPatch": true }), Unsupported::Multisig),
    ] {
        let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(11));
        let core = json!({
            "name": "j", "kind": "namespace", "namespace": namespace, "seed": 7, "other": other,
        });
        let key = javascript.ask("core", core)["key"].clone();
        javascript.ask("append", json!({ "name": "j", "seed": 7, "count": 2, "sizes": [9] }));
        let feed = ours.adopt(&key);
        let connection = ours.join(&mut javascript, Role::Initiator);
        let told = Event::Unsupported { connection, feed, what };
        ours.until("we hear of it", |ours| ours.events.contains(&told));
        assert_eq!(ours.length(feed), 0);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_peer_that_was_silent_for_longer_than_its_keep_alive_is_still_there() {
    let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(11));
    let feed = ours.writer("local", 7);
    ours.append(feed, 7, 5, SIZES);
    javascript.ask("core", json!({ "name": "a", "key": ours.key(feed) }));
    ours.join(&mut javascript, Role::Responder);
    let options = |length: u64| json!({ "name": "a", "length": length, "seed": 7, "sizes": SIZES });
    let id = javascript.tell("download", options(5));
    ours.until_answered(&mut javascript, id, "javascript has it");
    let start = std::time::Instant::now();
    ours.until("both were silent", |_| start.elapsed().as_secs() >= 20);
    ours.append(feed, 7, 1, SIZES);
    let id = javascript.tell("download", options(6));
    ours.until_answered(&mut javascript, id, "javascript has the rest");
    assert!(ours.closed.is_empty(), "{:?}", ours.closed);
}

#[test]
#[ignore = "needs node and its packages"]
fn a_block_too_long_for_us_costs_its_feed_and_no_other() {
    for (version, role) in [(11, Role::Initiator), (10, Role::Responder)] {
        let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
        let mut feeds = [("j", 1, &[100, 2_000_000][..]), ("k", 2, &[14_000_000]), ("l", 3, SIZES)]
            .map(|(name, seed, sizes)| {
                let core = json!({ "name": name, "kind": "default", "seed": seed });
                let key = javascript.ask("core", core)["key"].clone();
                let append = json!({ "name": name, "seed": seed, "count": 3, "sizes": sizes });
                javascript.ask("append", append);
                ours.adopt(&key)
            })
            .to_vec();
        let connection = ours.join(&mut javascript, role);
        let good = feeds.pop().unwrap();
        let limit = Limit::BlockBytes;
        for feed in &feeds {
            let told = Event::ChannelClosed { connection, feed: *feed, limit };
            ours.until("we hear of it", |ours| ours.events.contains(&told));
        }
        ours.until("we have the other", |ours| ours.length(good) == 3);
        let append = json!({ "name": "l", "seed": 3, "count": 2, "sizes": SIZES });
        let id = javascript.tell("append", append);
        ours.until_answered(&mut javascript, id, "it is appended");
        ours.until("we have the rest", |ours| ours.length(good) == 5);
        ours.check(good, 0..5, 3, SIZES);
        assert_eq!(feeds.iter().map(|feed| ours.length(*feed)).max(), Some(1));
        assert!(ours.closed.is_empty(), "{:?}", ours.closed);
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn we_read_single_blocks_without_the_rest() {
    for version in [11, 10] {
        for (mut kind, role) in kinds().into_iter().zip(ROLES.into_iter().cycle()) {
            let (mut ours, mut javascript) =
                (Ours::open(config(1)), Javascript::hypercore(version));
            kind["name"] = json!("j");
            kind["seed"] = json!(7);
            let key = javascript.ask("core", kind)["key"].clone();
            let append = json!({ "name": "j", "seed": 7, "count": 200, "sizes": SIZES });
            javascript.ask("append", append);
            for index in [150, 3] {
                ours.get(&key, index);
            }
            ours.join(&mut javascript, role);
            ours.until("we have two blocks", |ours| ours.has_got(&[150, 3], 7, SIZES));
            ours.get(&key, 199);
            ours.until("we have three blocks", |ours| ours.has_got(&[150, 3, 199], 7, SIZES));
            let feed = ours.find(key.as_str().unwrap()).unwrap();
            assert_eq!(ours.length(feed), 0, "and nothing else");
            // Once it is adopted, all of it comes.
            assert_eq!(ours.adopt(&key), feed);
            ours.until("we have it", |ours| ours.length(feed) == 200);
            ours.check(feed, 0..200, 7, SIZES);
            let tree = javascript.ask("tree", json!({ "name": "j" }));
            assert_eq!(tree["hash"], ours.tree_hash(feed));
            assert!(ours.closed.is_empty(), "{:?}", ours.closed);
        }
    }
}

#[test]
#[ignore = "needs node and its packages"]
fn a_truncation_is_followed_where_the_application_says_so() {
    for version in [11, 10] {
        let (mut ours, mut javascript) = (Ours::open(config(1)), Javascript::hypercore(version));
        let core = json!({ "name": "j", "kind": "default", "seed": 7 });
        let key = javascript.ask("core", core)["key"].clone();
        let append = |count: u64| json!({ "name": "j", "seed": 7, "count": count, "sizes": SIZES });
        javascript.ask("append", append(20));
        let feed = ours.adopt(&key);
        ours.join(&mut javascript, Role::Initiator);
        ours.until("we have it", |ours| ours.length(feed) == 20);
        let id = javascript.tell("truncate", json!({ "name": "j", "length": 10 }));
        ours.until_answered(&mut javascript, id, "it is cut");
        let id = javascript.tell("append", append(15));
        ours.until_answered(&mut javascript, id, "it has grown anew");
        let is_told = |event: &Event| matches!(event, Event::Truncated { fork: 1, .. });
        ours.until("we hear of it", |ours| ours.events.iter().any(is_told));
        ours.forget(feed);
        let feed = ours.adopt(&key);
        ours.until("we have the other one", |ours| ours.length(feed) == 25);
        let tree = javascript.ask("tree", json!({ "name": "j" }));
        assert_eq!((&tree["hash"], &tree["fork"]), (&json!(ours.tree_hash(feed)), &json!(1)));
        ours.check(feed, 0..25, 7, SIZES);
        let id = javascript.tell("append", append(2));
        ours.until_answered(&mut javascript, id, "it is appended");
        ours.until("we have the rest", |ours| ours.length(feed) == 27);
        assert!(ours.closed.is_empty(), "{:?}", ours.closed);
    }
}
