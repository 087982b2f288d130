//! Tests `kill -9` at random moments: no acknowledged message is lost, and the store opens again.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::Duration;

use crate::program::{TestDir, exit_code};

/// The kills of one test.
const CYCLES: u64 = 20;

/// Returns a random time within a range.
fn moment(most_ms: u64, salt: u64) -> Duration {
    Duration::from_micros(RandomState::new().hash_one(salt) % (most_ms * 1_000))
}

#[test]
fn acknowledged_message_survives_killing_the_server() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    let mut acknowledged = BTreeSet::new();
    for cycle in 0..CYCLES {
        let (serving, addr) = a.serve(&[]);
        let sender = {
            let b = b.clone();
            thread::spawn(move || {
                let text = |n: u64| format!("cycle {cycle} message {n}");
                let send = |n: &u64| {
                    let text = text(*n);
                    let words = ["--peer", &addr, "send", &text, "--timeout", "300ms"];
                    let sent = b.run(&words);
                    assert!(matches!(sent.code, 0 | 7), "{sent:?}");
                    sent.code == 0
                };
                (0..3).filter(send).map(text).collect::<Vec<_>>()
            })
        };
        // This waits for nothing: the kill happens at a random moment.
        thread::sleep(moment(120, cycle));
        serving.kill();
        acknowledged.extend(sender.join().expect("the sender ends"));
        let here: BTreeSet<String> = a.texts().into_iter().collect();
        let lost: Vec<_> = acknowledged.difference(&here).collect();
        assert!(lost.is_empty(), "cycle {cycle}: {lost:?} of {acknowledged:?}");
    }
    let (serving, addr) = a.serve(&[]);
    assert_eq!(b.run(&["--peer", &addr, "sync", "--until", "all"]).code, 0);
    assert_eq!(serving.stop("TERM").code, 143);
    assert_eq!(a.messages(), b.messages());
    assert_eq!(a.messages().len() as u64, CYCLES * 3, "what was stored at b is all there");
}

#[test]
fn acknowledged_message_survives_killing_the_sender() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let mut acknowledged = Vec::new();
    for cycle in 0..CYCLES {
        let text = format!("message {cycle}");
        let mut child = a.command(&["send", &text]).spawn().expect("it starts");
        thread::sleep(moment(30, cycle));
        // It may have exited already.
        let _ = child.kill();
        if exit_code(&mut child) == 0 {
            acknowledged.push(text);
        }
        let here = a.texts();
        assert!(acknowledged.iter().all(|text| here.contains(text)), "cycle {cycle}: {here:?}");
    }
    // A crash forks no feed.
    let (serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    assert_eq!(b.run(&["--peer", &addr, "sync", "--until", "all"]).code, 0);
    serving.kill();
    assert_eq!(b.messages(), a.messages());
}

#[test]
fn member_killed_during_sync_resumes() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let lines: String = (0..300).map(|n| format!("line {n} {}\n", "x".repeat(500))).collect();
    assert_eq!(a.run_with(&lines, &["chat"]).code, 0);
    let (_serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    let mut held = 0;
    for cycle in 0..CYCLES {
        let mut child = b.command(&["--peer", &addr, "sync"]).spawn().expect("it starts");
        thread::sleep(moment(60, cycle));
        // It may have exited already.
        let _ = child.kill();
        exit_code(&mut child);
        let now = b.texts().len();
        assert!(now >= held, "{held} messages were here, and now {now}");
        held = now;
    }
    assert_eq!(b.run(&["--peer", &addr, "sync", "--until", "all"]).code, 0);
    assert_eq!(b.texts().len(), 300);
}
