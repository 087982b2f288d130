//! Tests lost and damaged files: no other identity, no second history, and a way back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{Finished, Home, TestDir};
use crate::quotas::copy;

/// Returns the files of a profile, without sockets.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found.sort();
    found
}

fn sent(home: &Home, texts: &[&str]) {
    for text in texts {
        assert_eq!(home.run(&["send", "--wait", "stored", text]).code, 0);
    }
}

fn is_refused(done: &Finished, code: i32, name: &str) {
    assert_eq!(done.code, code, "{done:?}");
    assert!(done.err.contains(&format!("error[{name}]: ")), "{done:?}");
    assert!(!done.err.contains("panicked"), "{done:?}");
}

#[test]
fn each_file_that_is_lost_or_damaged_leaves_identity_and_history() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    sent(&a, &["one", "two", "three"]);
    let key = a.run(&["whoami", "--json"]).lines()[0]["key"].clone();
    let good = dir.path().join("good");
    copy(&a.data, &good);
    let all = files(&a.data);
    assert_eq!(all.len(), 9, "{all:?}");
    for file in &all {
        for damage in ["empty", "half", "zeros", "gone"] {
            fs::remove_dir_all(&a.data).expect("ours");
            copy(&good, &a.data);
            let bytes = fs::read(file).expect("a file");
            match damage {
                "empty" => fs::write(file, "").expect("writable"),
                "half" => fs::write(file, &bytes[..bytes.len() / 2]).expect("writable"),
                "zeros" => fs::write(file, vec![0; bytes.len()]).expect("writable"),
                _ => fs::remove_file(file).expect("removable"),
            }
            let what = format!("{} {damage}", file.display());
            let send = a.run(&["send", "--wait", "stored", "again"]);
            let tail = a.run(&["--json", "tail"]);
            assert!(!send.err.contains("panicked") && !tail.err.contains("panicked"), "{what}");
            if send.code != 0 {
                // Refused: nothing is signed, and `tail` does not pretend that all is well.
                assert_ne!(tail.code, 0, "{what}: {send:?} {tail:?}");
                continue;
            }
            let lines = tail.lines();
            let messages = lines.iter().filter(|line| line["type"] == "message");
            let texts: Vec<_> = messages.map(|line| line["text"].clone()).collect();
            assert_eq!(texts, ["one", "two", "three", "again"], "{what}: {tail:?}");
            let whoami = a.run(&["whoami", "--json"]);
            assert_eq!(whoami.lines()[0]["key"], key, "{what}");
        }
    }
}

#[test]
fn lost_store_refuses_to_sign_again_until_the_peers_gave_it_back() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    sent(&a, &["one", "two"]);
    let b = dir.joiner("second", &invite);
    let (serving, addr) = a.serve(&[]);
    assert_eq!(b.run(&["--peer", &addr, "sync"]).code, 0);
    serving.kill();
    sent(&a, &["three"]);
    fs::remove_file(a.store()).expect("a store");

    let tail = a.run(&["tail"]);
    is_refused(&tail, 6, "feed.lost");
    assert!(tail.err.contains("3 messages of yours"), "{tail:?}");
    for words in [&["send", "x"][..], &["export"], &["search", "one"], &["status"], &["feeds"]] {
        is_refused(&a.run(words), 6, "feed.lost");
    }
    assert_eq!(a.run(&["doctor", "store"]).code, 1);
    let piped = a.run_with("{\"cmd\":\"send\",\"text\":\"x\"}\n", &["pipe"]);
    assert!(piped.out.contains("feed.lost"), "{piped:?}");

    // The peer has two of the three: the third may be on another peer.
    let (serving, addr) = b.serve(&[]);
    let synced = a.run(&["--peer", &addr, "sync"]);
    is_refused(&synced, 6, "feed.lost");
    assert!(synced.err.contains("1 of your messages"), "{synced:?}");
    is_refused(&a.run(&["send", "x"]), 6, "feed.lost");
    serving.kill();
    assert_eq!(b.texts(), ["one", "two"]);
}

#[test]
fn lost_store_is_synced_and_the_user_can_write_again() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    sent(&a, &["one", "two"]);
    let b = dir.joiner("second", &invite);
    let (serving, addr) = b.serve(&[]);
    assert_eq!(a.run(&["--peer", &addr, "sync"]).code, 0);
    // The whole folder of the room is lost, and the user joins again.
    fs::remove_dir_all(a.data.join("default/rooms")).expect("ours");
    assert_eq!(a.run(&["join", &invite, "--no-open"]).code, 0);
    is_refused(&a.run(&["send", "x"]), 6, "feed.lost");
    let synced = a.run(&["--peer", &addr, "sync"]);
    assert_eq!(synced.code, 0, "{synced:?}");
    assert_eq!(a.run(&["--peer", &addr, "send", "three"]).code, 0);
    serving.kill();
    assert_eq!(b.texts(), ["one", "two", "three"]);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn read_only_file_system_can_be_read() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    sent(&a, &["one", "two"]);
    let bind = ["--bind", a.data.to_str().expect("UTF-8"), a.data.to_str().expect("UTF-8")];
    let mounted = Command::new("mount").args(bind).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: only root can mount a file system");
        return;
    }
    let mount = Mounted(&a.data);
    let remount = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&a.data).status();
    assert!(remount.expect("mount").success());
    assert_eq!(a.texts(), ["one", "two"]);
    for words in [&["export"][..], &["search", "one"], &["status"], &["whoami"], &["rooms"]] {
        let done = a.run(words);
        assert_eq!(done.code, 0, "{words:?} {done:?}");
    }
    let done = a.run(&["send", "three"]);
    is_refused(&done, 1, "profile.read-only");
    drop(mount);
    sent(&a, &["three"]);
    assert_eq!(a.texts(), ["one", "two", "three"]);
}

#[test]
fn damaged_index_is_rebuilt_and_reported() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let lines: String = (0..40).map(|n| format!("line {n}\n")).collect();
    assert_eq!(a.run_with(&lines, &["chat"]).code, 0);
    let expected = a.texts();
    let index = a.store().parent().expect("a folder").with_file_name("view.redb");
    let good = fs::read(&index).expect("an index");
    let mut reported = 0;
    for at in (0..good.len()).step_by(good.len() / 120) {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&index, &flipped).expect("writable");
        let done = a.run(&["--json", "tail"]);
        assert_eq!(done.code, 0, "byte {at}: {done:?}");
        assert!(!done.err.contains("crashed"), "byte {at}: {done:?}");
        let lines = done.lines();
        let texts = lines.iter().filter(|line| line["type"] == "message");
        let texts: Vec<_> = texts.filter_map(|line| line["text"].as_str()).collect();
        assert_eq!(texts, expected, "byte {at}");
        reported += lines.iter().filter(|line| line["code"] == "view.rebuilt").count();
    }
    assert!(reported > 0);
    assert_eq!(fs::read_dir(a.data.join("crash")).map_or(0, Iterator::count), 0);
}

/// A mounted folder.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}
