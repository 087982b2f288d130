//! Tests authors whose feeds are stopped: too large, or with two histories.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{Finished, Home, TestDir};

/// Returns messages of 8 KB with a total above 1 MiB.
fn much() -> String {
    format!("{}\n", "x".repeat(8_000)).repeat(140)
}

fn stopped(done: &Finished) -> Vec<Value> {
    done.lines().into_iter().filter(|line| line["type"] == "author").collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => copy(&entry.path(), &target),
            kind if kind.is_file() => _ = fs::copy(entry.path(), target).expect("a copy"),
            // A socket of a process that has exited.
            _ => (),
        }
    }
    let mode = fs::metadata(from).expect("a folder").permissions();
    fs::set_permissions(to, mode).expect("our own folder");
}

#[test]
fn author_quota_is_enforced() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    assert_eq!(a.run_with(&much(), &["chat"]).code, 0);
    let (_serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    assert_eq!(b.run(&["config", "set", "author-mib", "1"]).code, 0);
    let done = b.run(&["--json", "--peer", &addr, "sync"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(done.lines().last().expect("a report")["code"], "feed.full", "{done:?}");
    let author_lines = stopped(&done);
    assert_eq!(author_lines.len(), 1, "{done:?}");
    assert_eq!(
        (&author_lines[0]["state"], &author_lines[0]["own"]),
        (&"full".into(), &false.into())
    );
    let kept = b.texts().len();
    assert!((100..140).contains(&kept), "{kept} messages");
    // With a higher limit, the rest arrives.
    assert_eq!(b.run(&["config", "set", "author-mib", "2"]).code, 0);
    assert_eq!(b.run(&["--peer", &addr, "sync"]).code, 0);
    assert_eq!(b.texts().len(), 140);
}

#[test]
fn own_messages_over_quota_are_refused() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run(&["config", "set", "author-mib", "1"]).code, 0);
    a.run_with(&much(), &["chat"]);
    let kept = a.texts().len();
    assert!((100..140).contains(&kept), "{kept} messages");
    let done = a.run(&["send", &"x".repeat(8_000)]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.err.contains("error[feed.full]"), "{done:?}");
    assert_eq!(a.texts().len(), kept);
}

/// Creates two homes with copies of one profile that both wrote, and a member who knows one.
fn copied(dir: &TestDir) -> (Home, Home, Home) {
    let (a, invite) = dir.host("first");
    assert_eq!(a.run(&["send", "together"]).code, 0);
    let twin = dir.home("twin");
    copy(&a.data, &twin.data);
    assert_eq!(a.run(&["send", "here"]).code, 0);
    for text in ["there", "and again"] {
        assert_eq!(twin.run(&["send", text]).code, 0);
    }
    let b = dir.joiner("second", &invite);
    let (_serving, addr) = a.serve(&[]);
    assert_eq!(b.run(&["--peer", &addr, "sync"]).code, 0);
    (a, twin, b)
}

#[test]
fn fork_is_reported_and_stops_the_copied_profile() {
    let dir = TestDir::new();
    let (_, twin, b) = copied(&dir);
    let (serving, addr) = b.serve(&[]);
    let done = twin.run(&["--json", "--peer", &addr, "sync"]);
    let author_lines = stopped(&done);
    assert_eq!(author_lines.len(), 1, "{done:?}");
    assert_eq!(
        (&author_lines[0]["state"], &author_lines[0]["own"]),
        (&"forked".into(), &true.into())
    );
    let served = serving.stop("TERM");
    let author_lines = stopped(&served);
    let states: Vec<_> = author_lines.iter().map(|line| &line["state"]).collect();
    assert_eq!(states, ["contested", "forked"], "{served:?}");
    assert!(author_lines.iter().all(|line| line["own"] == false), "{served:?}");
    let done = twin.run(&["send", "more"]);
    assert_eq!(done.code, 6, "{done:?}");
    assert!(done.err.contains("error[feed.forked]"), "{done:?}");
    assert_eq!(b.texts(), ["together", "here"]);
    let done = twin.run(&["--peer", &b.serve(&[]).1, "sync"]);
    assert_eq!(done.code, 6, "{done:?}");
    assert!(done.err.contains("in sync with 1 peer, except 1 stopped author"), "{done:?}");
    let done = b.run(&["doctor", "store"]);
    assert!(done.out.contains("store    warn"), "{done:?}");
}

#[test]
fn send_that_finds_its_own_fork_fails() {
    let dir = TestDir::new();
    let (_, twin, b) = copied(&dir);
    let (_serving, addr) = b.serve(&[]);
    let done = twin.run(&["--peer", &addr, "send", "--timeout", "30s", "more"]);
    assert_eq!(done.code, 6, "{done:?}");
    assert!(done.err.contains("error[feed.forked]"), "{done:?}");
    assert!(done.err.contains("is never sent"), "{done:?}");
}
