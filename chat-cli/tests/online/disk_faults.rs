//! Tests full and damaged disks: one error, and no message reported as stored is lost.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::{Home, TestDir};

/// Creates a member with some messages, and returns the bytes of the store.
fn stored(dir: &TestDir) -> (Home, Vec<u8>) {
    let (a, _) = dir.host("first");
    let lines: String = (0..40).map(|n| format!("line {n}\n")).collect();
    assert_eq!(a.run_with(&lines, &["chat"]).code, 0);
    let bytes = fs::read(a.store()).expect("a store");
    (a, bytes)
}

#[test]
fn truncated_or_overwritten_store_is_reported_and_unchanged() {
    let dir = TestDir::new();
    let (a, whole) = stored(&dir);
    let mut headless = whole.clone();
    headless[..512].fill(0);
    let cut = |length: usize| whole[..length].to_vec();
    let garbage = vec![0x5a; whole.len()];
    for damaged in [headless, cut(0), cut(1), cut(5_000), cut(whole.len() / 2), garbage] {
        fs::write(a.store(), &damaged).expect("writable");
        for words in [&["tail"][..], &["send", "x"], &["chat"]] {
            let done = a.run(words);
            assert_eq!(done.code, 6, "{} bytes: {done:?}", damaged.len());
            assert!(done.err.starts_with("error[store.damaged]: "), "{done:?}");
            assert!(done.err.contains("\n  help: nothing was changed"), "{done:?}");
            assert_eq!(done.err.matches("error[").count(), 1, "{done:?}");
            assert!(!done.err.contains("panicked"), "{done:?}");
        }
        assert_eq!(fs::read(a.store()).expect("still there").len(), damaged.len());
    }
    // As the help says: a good copy restores everything.
    fs::write(a.store(), &whole).expect("writable");
    assert_eq!(a.texts().len(), 40);
}

#[test]
fn flipped_byte_is_reported_or_harmless() {
    let dir = TestDir::new();
    let (a, whole) = stored(&dir);
    let expected = a.texts();
    let whole_again = fs::read(a.store()).unwrap_or(whole);
    for at in (0..whole_again.len()).step_by(whole_again.len() / 40) {
        let mut flipped = whole_again.clone();
        flipped[at] ^= 0x40;
        fs::write(a.store(), &flipped).expect("writable");
        let done = a.run(&["tail", "--json", "-n", "1000"]);
        let text = |line: &serde_json::Value| line["text"].as_str().unwrap_or("").to_string();
        match done.code {
            0 => assert_eq!(done.lines().iter().map(text).collect::<Vec<_>>(), expected, "{at}"),
            6 => assert_eq!(done.out.matches("store.damaged").count(), 1, "{at}: {done:?}"),
            _ => panic!("byte {at}: {done:?}"),
        }
        assert!(!done.err.contains("panicked"), "byte {at}: {done:?}");
    }
}

/// A small file system, if we may mount one.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(path: &'a Path, size: &str) -> Option<Self> {
        fs::create_dir(path).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path);
        let made = mount.output().is_ok_and(|output| output.status.success());
        made.then_some(Self(path))
    }

    fn grow(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]).arg(self.0);
        assert!(mount.status().expect("mount").success());
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // The folder above can be removed only after this.
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn full_disk_refuses_new_messages_and_keeps_old_ones() {
    let dir = TestDir::new();
    let path = dir.path().join("small");
    let Some(small) = Small::mount(&path, "256k") else {
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    };
    let (a, _) = dir.host("small");
    let text = "x".repeat(6_000);
    let mut acknowledged = 0;
    let refused = loop {
        let sent = a.run(&["send", &text]);
        if sent.code != 0 {
            break sent;
        }
        acknowledged += 1;
        assert!(acknowledged < 100, "the disk is never full");
    };
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.starts_with("error[store.full]: "), "{refused:?}");
    assert!(
        refused.err.contains("free some space") && refused.err.contains("tail -n 1"),
        "{refused:?}"
    );
    assert!(acknowledged > 0);
    small.grow("4m");
    assert!(a.texts().len() >= acknowledged, "{} of {acknowledged}", a.texts().len());
    assert_eq!(a.run(&["send", "there is room again"]).code, 0);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn sync_onto_a_full_disk_fails_and_continues_with_more_space() {
    let dir = TestDir::new();
    let path = dir.path().join("small");
    let Some(small) = Small::mount(&path, "3m") else {
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    };
    let (a, invite) = dir.host("first");
    let lines = format!("{}\n", "x".repeat(4_000)).repeat(1_200);
    assert_eq!(a.run_with(&lines, &["chat"]).code, 0);
    let (_serving, addr) = a.serve(&[]);
    let b = dir.joiner("small/second", &invite);
    for words in [&["sync"][..], &["serve"]] {
        let done = b.run(&[&["--peer", &addr], words].concat());
        assert_eq!(done.code, 1, "{done:?}");
        assert!(done.err.contains("error[store.full]: "), "{done:?}");
        assert!(done.err.contains("free some space"), "{done:?}");
        assert!(!done.err.contains("in sync with"), "{done:?}");
    }
    let done = b.run(&["tail"]);
    assert!(done.code == 0 || done.err.contains("error[store.full]: "), "{done:?}");
    small.grow("64m");
    let done = b.run(&["--peer", &addr, "sync"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(b.texts().len(), 1_200);
}

#[test]
fn sync_with_a_peer_that_lost_messages_is_incomplete() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let lines: String = (0..300).map(|n| format!("{n} {}\n", "x".repeat(2_000))).collect();
    assert_eq!(a.run_with(&lines, &["chat"]).code, 0);
    let good = fs::read(a.store()).expect("a store");
    let mut holes = 0;
    for part in [3, 7, 11, 14] {
        let mut bytes = good.clone();
        let at = ((bytes.len() * part / 40) & !4095) + 2_000;
        bytes[at..at + 8].fill(0xff);
        fs::write(a.store(), bytes).expect("writable");
        if a.run(&["status"]).code != 0 {
            continue;
        }
        let (serving, addr) = a.serve(&[]);
        let b = dir.joiner(&format!("joiner {part}"), &invite);
        let done = b.run(&["--json", "--peer", &addr, "sync"]);
        serving.kill();
        let kept = b.texts().len();
        let last = done.lines().pop().expect("a line");
        if kept == 300 {
            assert_eq!(done.code, 0, "{part}: {done:?}");
        } else {
            assert_eq!((done.code, &last["code"]), (8, &"sync.incomplete".into()), "{done:?}");
            assert!(last["message"].as_str().is_some_and(|text| text.contains("of 300 messages")));
            holes += 1;
        }
    }
    assert!(holes > 0);
}
