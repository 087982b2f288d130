//! Tests two, then three members: what one writes, all receive.

use serde_json::Value;

use crate::program::TestDir;

#[test]
fn two_members_exchange_messages() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let sent = a.run(&["send", "hello"]);
    assert_eq!((sent.code, sent.out.as_str()), (0, ""), "{sent:?}");
    assert!(sent.err.contains("stored here"), "{sent:?}");
    let unheard = a.run(&["send", "anybody?", "--wait", "peer"]);
    assert_eq!(unheard.code, 7, "{unheard:?}");
    assert!(unheard.err.starts_with("note[net.nobody]: no other member is online in \"kitchen\""));
    assert!(unheard.err.contains("do not resend"), "{unheard:?}");

    let (serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    let synced = b.run(&["--peer", &addr, "sync", "--until", "all"]);
    assert_eq!(synced.code, 0, "{synced:?}");
    assert!(synced.err.contains("in sync with 1 peer: 2 messages of 1 member"), "{synced:?}");

    let tail = b.run(&["tail", "--json"]);
    let line = &tail.lines()[0];
    let key = line["author"]["key"].as_str().expect("a key");
    assert_eq!((key.len(), &line["id"]), (64, &Value::from(format!("{key}/0"))));
    assert_eq!((&line["author"]["nick"], &line["text"]), (&"first".into(), &"hello".into()));
    assert_eq!((&line["room"], &line["channel"]), (&"kitchen".into(), &"general".into()));
    let time = line["time"].as_str().expect("a time");
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    let people = b.run(&["tail"]).out;
    assert!(people.contains(&format!("first·{} #general  hello", &key[..6])), "{people}");

    let sent = b.run(&["--peer", &addr, "send", "hi back", "--wait", "peer"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert!(sent.err.contains("stored on 1 peer"), "{sent:?}");
    let stopped = serving.stop("TERM");
    assert_eq!(stopped.code, 143, "{stopped:?}");
    assert!(stopped.out.contains(r#""type":"bye""#), "{stopped:?}");
    let all = [("first", "hello"), ("first", "anybody?"), ("second", "hi back")];
    let all = all.map(|(nick, text)| (nick.to_string(), text.to_string()));
    assert_eq!(a.messages(), all);
    assert_eq!(b.messages(), all);
}

#[test]
fn recorded_session_replays_to_the_same_state() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("record");
    let words = ["--record", record.to_str().expect("a path in UTF-8")];
    let (serving, addr) = a.serve(&words);
    let b = dir.joiner("second", &invite);
    let sent = b.run(&["--peer", &addr, "send", "hello", "--wait", "peer"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(serving.stop("TERM").code, 143);
    let bytes = std::fs::read(&record).expect("a record");
    let replayed = multifeed_core::record::replay(&bytes).expect("the same state");
    assert_eq!((replayed.states, replayed.multifeed.sync_status().have), (1, 1));
    let again = a.run(&["--listen", "127.0.0.1:0", words[0], words[1], "serve"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("error[record.file]"), "{again:?}");
}

#[test]
fn third_member_gets_messages_through_the_second() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    assert_eq!(a.run(&["send", "from a"]).code, 0);
    let (serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    assert_eq!(b.run(&["--peer", &addr, "sync", "--until", "all"]).code, 0);
    assert_eq!(serving.stop("INT").code, 130);

    let (serving, addr) = b.serve(&[]);
    let c = dir.joiner("third", &invite);
    assert_eq!(c.run(&["--peer", &addr, "sync", "--until", "all"]).code, 0);
    assert_eq!(c.messages(), [("first".to_string(), "from a".to_string())]);
    assert_eq!(c.run(&["--peer", &addr, "send", "from c"]).code, 0);
    assert_eq!(serving.stop("TERM").code, 143);

    // In the other direction: the first gets the third's message through the second.
    let (serving, addr) = b.serve(&[]);
    assert_eq!(a.run(&["--peer", &addr, "sync", "--until", "all"]).code, 0);
    assert_eq!(a.texts(), ["from a", "from c"]);
    serving.kill();
}

#[test]
fn invite_carries_the_senders_address() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run(&["send", "hello"]).code, 0);
    let (serving, addr) = a.serve(&[]);
    assert_eq!(serving.stop("TERM").code, 143);
    let invite = a.run(&["--listen", &addr, "invite"]).out;
    let serving = a.start(&["--listen", &addr, "serve"]);
    let mut serving = serving;
    serving.wait(|line| line["type"] == "listening");
    // The guest names no address: it is in the invite.
    let b = dir.joiner("second", &invite);
    assert_eq!(b.run(&["sync", "--until", "all"]).code, 0);
    assert_eq!(b.texts(), ["hello"]);
    assert_eq!(b.run(&["send", "thanks"]).code, 0);
    assert_eq!(serving.stop("TERM").code, 143);
    assert_eq!(a.texts(), ["hello", "thanks"]);
}

#[test]
fn open_room_is_joined_by_name() {
    let dir = TestDir::new();
    let [a, b] = ["a", "b"].map(|name| dir.home(name));
    for home in [&a, &b] {
        assert_eq!(home.run(&["join", "--open", "foobar-123", "--no-open"]).code, 0);
    }
    assert_eq!(a.run(&["send", "who is here?"]).code, 0);
    let (_serving, addr) = a.serve(&[]);
    assert_eq!(b.run(&["--peer", &addr, "sync"]).code, 0);
    assert_eq!(b.texts(), ["who is here?"]);
    // A member of another room learns nothing and gets a clear error.
    let c = dir.home("c");
    assert_eq!(c.run(&["join", "--open", "foobar-124", "--no-open"]).code, 0);
    let refused = c.run(&["--peer", &addr, "sync"]);
    assert_eq!(refused.code, 7, "{refused:?}");
    assert_eq!(c.texts(), [""; 0]);
}

#[test]
fn sync_reports_unreached_peers() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let (_serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    // After the port is released, no program listens on it.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let unreachable = free.local_addr().expect("an address").to_string();
    drop(free);
    let some = b.run(&["--peer", &addr, "--peer", &unreachable, "sync"]);
    assert_eq!(some.code, 8, "{some:?}");
    assert!(some.err.contains(&unreachable), "{some:?}");
    let words =
        ["--peer", &addr, "--peer", &unreachable, "sync", "--until", "all", "--timeout", "1s"];
    assert_eq!(b.run(&words).code, 8);
    let none = b.run(&["--peer", &unreachable, "--json", "sync"]);
    assert_eq!((none.code, none.err.as_str()), (7, ""));
    let lines = none.lines();
    assert!(lines.iter().any(|line| line["type"] == "sync"), "{lines:#?}");
    assert_eq!(lines.last().expect("a line")["code"], "net.nobody");
    let few = ["--peer", &addr, "send", "x", "--wait", "peers=2", "--timeout", "1s"];
    let few = b.run(&few);
    assert_eq!(few.code, 8, "{few:?}");
    assert!(few.err.contains("stored on 1 of 2 peers"), "{few:?}");
}

#[test]
fn tail_follows_new_messages() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    assert_eq!(a.run(&["send", "before"]).code, 0);
    let (serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    assert_eq!(b.run(&["--peer", &addr, "sync", "--until", "all"]).code, 0);
    let mut tail = b.start(&["--peer", &addr, "tail", "-f"]);
    let old = tail.wait(|line| line["type"] == "message");
    assert_eq!((&old["text"], &old["backfill"]), (&"before".into(), &true.into()));
    let c = dir.joiner("third", &invite);
    assert_eq!(c.run(&["--peer", &addr, "send", "now"]).code, 0);
    let new = tail.wait(|line| line["type"] == "message");
    assert_eq!((&new["text"], &new["backfill"]), (&"now".into(), &false.into()));
    assert_eq!(tail.stop("INT").code, 130);
    assert_eq!(serving.stop("TERM").code, 143);
    // As many of the last messages as requested, or none of the history.
    assert_eq!(b.run(&["tail", "--json", "-n", "1"]).lines()[0]["text"], "now");
    assert_eq!(b.run(&["tail", "--no-backfill"]).out, "");
    assert_eq!(b.run(&["tail", "--json", "--since", "1h"]).lines().len(), 2);
}

#[test]
fn long_history_syncs_completely() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let lines: String = (0..500).map(|n| format!("line {n}\n")).collect();
    let done = a.run_with(&lines, &["chat"]);
    assert_eq!(done.code, 0, "{done:?}");
    let (_serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    let synced = b.run(&["--peer", &addr, "--json", "sync", "--until", "all"]);
    assert_eq!(synced.code, 0, "{synced:?}");
    let last = synced.lines().pop().expect("a line");
    assert_eq!((&last["type"], &last["state"]), (&"sync".into(), &"synced".into()));
    assert_eq!((&last["have"], &last["want"]), (&500.into(), &500.into()));
    let expected: Vec<String> = (0..500).map(|n| format!("line {n}")).collect();
    assert_eq!(b.texts(), expected);
}
