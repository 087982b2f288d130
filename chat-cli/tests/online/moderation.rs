//! Tests hiding and blocking a member.

use serde_json::Value;

use crate::program::{Home, Running, TestDir};

fn sync(home: &Home, addr: &str) {
    let synced = home.run(&["--peer", addr, "sync", "--until", "all"]);
    assert_eq!(synced.code, 0, "{synced:?}");
}

/// Writes a message and serves it.
fn say(home: &Home, text: &str) -> (Running, String) {
    assert_eq!(home.run(&["send", text]).code, 0);
    home.serve(&[])
}

/// Returns the homes of a member who wrote a message and of one who received it.
fn member_with_message(dir: &TestDir) -> (Home, Home) {
    let (mallory, invite) = dir.host("mallory");
    let bob = dir.joiner("bob", &invite);
    let (serving, addr) = say(&mallory, "buy this");
    sync(&bob, &addr);
    serving.kill();
    (mallory, bob)
}

#[test]
fn hidden_member_is_not_shown_and_blocked_member_not_synced() {
    let dir = TestDir::new();
    let (mallory, bob) = member_with_message(&dir);

    let hidden = bob.run(&["mod", "hide", "Mallory"]);
    assert_eq!(hidden.code, 0, "{hidden:?}");
    let tail = bob.run(&["tail"]).out;
    assert!(tail.contains("(hidden here") && !tail.contains("buy"), "{tail}");
    assert_eq!(bob.run(&["tail", "--json"]).lines()[0]["hidden"], Value::Bool(true));
    assert_eq!(bob.run(&["search", "buy"]).out, "");
    assert_eq!(bob.run(&["mod", "unhide", "mallory"]).code, 0);
    assert!(bob.run(&["tail"]).out.contains("buy this"));

    let log = bob.run(&["mod", "block", "mallory"]);
    assert!(log.err.contains("blocked: nothing more of them is received"), "{log:?}");
    let (serving, addr) = say(&mallory, "buy that");
    // Both are in sync, because refused feeds are not requested.
    bob.run(&["--peer", &addr, "sync", "--timeout", "3s"]);
    let listed = bob.run(&["mod", "log", "--json"]).lines();
    assert_eq!((&listed[0]["blocked"], &listed[0]["hidden"]), (&true.into(), &true.into()));
    // What was stored of them is deleted, which returns its bytes to the room's limit.
    assert_eq!(bob.run(&["tail"]).out, "");
    let feeds = bob.run(&["feeds", "--json"]).lines();
    assert!(feeds.iter().all(|feed| feed["own"] == true), "{feeds:?}");
    // The name is deleted with the messages, the key is listed.
    let key = listed[0]["key"].as_str().expect("a key");
    assert!(log.err.contains(&format!("mod unblock {}", &key[..16])), "{log:?}");
    assert_eq!(bob.run(&["mod", "unblock", &key[..16]]).code, 0);
    sync(&bob, &addr);
    serving.kill();
    let tail = bob.run(&["tail"]).out;
    assert!(tail.contains("buy this") && tail.contains("buy that"), "{tail}");
    assert_eq!(bob.run(&["mod", "log"]).out, "");
}

#[test]
fn moderation_needs_another_member() {
    let dir = TestDir::new();
    let (alice, _) = dir.host("alice");
    assert_eq!(alice.run(&["send", "hello"]).code, 0);
    let unknown = alice.run(&["mod", "block", "alicf"]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    assert!(unknown.err.contains("error[author.unknown]"), "{unknown:?}");
    assert!(unknown.err.contains("did you mean: alice"), "{unknown:?}");
    let own = alice.run(&["mod", "hide", "alice"]);
    assert_eq!(own.code, 4, "{own:?}");
    assert!(alice.run(&["tail"]).out.contains("hello"));
}

#[test]
fn many_authors_are_blocked_by_one_command() {
    let dir = TestDir::new();
    let (_, bob) = member_with_message(&dir);

    let listed = bob.run(&["feeds", "--json"]).lines();
    let of_mallory = listed.iter().find(|feed| feed["own"] == false).expect("listed");
    let mut keys = format!("{}\n\n", of_mallory["key"].as_str().expect("a key"));
    // Most of them are not here, as if a flood were still coming in.
    for n in 0..20_000 {
        keys.push_str(&format!("{n:064x}  flood\n"));
    }
    let blocked = bob.run_with(&keys, &["mod", "block", "-"]);
    assert_eq!(blocked.code, 0, "{blocked:?}");
    assert!(blocked.err.contains("20001 authors are blocked"), "{blocked:?}");
    assert_eq!(bob.run(&["tail"]).out, "");
    assert_eq!(bob.run(&["mod", "log", "--json"]).lines().len(), 20_001);
    let bad = bob.run_with("mallory\n", &["mod", "block", "-"]);
    assert_eq!(bad.code, 4, "{bad:?}");
}
