//! Tests that a failure prints one error with a remedy and its exit code.

use crate::program::{Finished, TestDir};

/// Checks for exactly one error with help.
fn assert_one_error(done: &Finished, code: i32, name: &str) {
    assert_eq!(done.code, code, "{done:?}");
    let errors = done.err.lines().filter(|line| line.starts_with("error["));
    assert_eq!(errors.count(), 1, "{done:?}");
    assert!(done.err.starts_with(&format!("error[{name}]: ")), "{done:?}");
    assert!(done.err.contains("\n  help: "), "{done:?}");
    assert!(!done.err.contains("panicked"), "{done:?}");
}

#[test]
fn port_in_use_is_reported() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let (_serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    for words in [&["serve"][..], &["chat"], &["sync"], &["send", "x"], &["tail", "-f"]] {
        let done = b.run(&[&["--listen", &addr], words].concat());
        assert_one_error(&done, 9, "net.in-use");
        assert!(done.err.contains(&addr), "{done:?}");
    }
    // The exit code says that nothing was stored, and that is true.
    assert_eq!(b.texts(), [""; 0]);
}

#[test]
fn second_process_learns_about_the_first() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let (serving, _) = a.serve(&[]);
    for words in [&["tail"][..], &["serve"], &["chat"], &["invite"]] {
        let done = a.run(words);
        assert_one_error(&done, 5, "store.locked");
        assert!(done.err.contains(&format!("pid {}", serving.pid())), "{done:?}");
    }
    serving.kill();
    // The lock was released with the process.
    assert_eq!(a.run(&["send", "x"]).code, 0);
}

#[test]
fn mistyped_invite_is_reported_with_its_position() {
    let dir = TestDir::new();
    let (_, invite) = dir.host("first");
    let broken = format!("{}l{}", &invite[..18], &invite[19..]);
    let b = dir.home("second");
    let done = b.run(&["join", &broken]);
    assert_one_error(&done, 4, "ticket.symbol");
    assert!(done.err.contains("'l' at character 19"), "{done:?}");
    assert!(!b.data.exists());
}

#[test]
fn invalid_data_folder_is_an_error_with_help() {
    let dir = TestDir::new();
    let home = dir.home("file");
    std::fs::write(&home.data, "").expect("a file");
    for words in [&["new", "kitchen", "--no-open"][..], &["tail"], &["send", "x"]] {
        assert_one_error(&home.run(words), 1, "profile.io");
    }
    assert_eq!(std::fs::read(&home.data).expect("still there"), b"");
}

#[test]
fn commands_without_a_room_say_so() {
    let dir = TestDir::new();
    let home = dir.home("new");
    for words in [&["tail"][..], &["send", "x"], &["serve"], &["sync"], &["chat"]] {
        assert_one_error(&home.run(words), 3, "room.none");
    }
    let done = dir.host("first").0.run(&["-r", "kichen", "tail"]);
    assert_one_error(&done, 3, "room.unknown");
    assert!(done.err.contains("kitchen"), "{done:?}");
}

#[test]
fn invalid_message_is_refused_first() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_one_error(&a.run(&["send", " "]), 4, "message.empty");
    assert_one_error(&a.run_with("", &["send", "-"]), 4, "message.empty");
    let long = a.run_with(&"x".repeat(5_000_000), &["send"]);
    assert_one_error(&long, 4, "message.long");
    assert!(long.err.contains("has 5000000 bytes"), "{long:?}");
    assert_eq!(a.run_with("piped\n", &["send"]).code, 0);
    assert_eq!(a.run_with("no newline", &["send", "-"]).code, 0);
    assert_eq!(a.texts(), ["piped", "no newline"]);
}

#[test]
fn sync_without_peers_fails_at_once() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_one_error(&a.run(&["serve"]), 2, "usage");
    let done = a.run(&["sync"]);
    assert_eq!(done.code, 7, "{done:?}");
    assert!(done.err.contains("--peer HOST:PORT"), "{done:?}");
}

#[test]
fn log_is_written_on_request() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let quiet = a.run(&["send", "secret words"]);
    assert!(!quiet.err.contains("INFO"), "{quiet:?}");
    let loud = a.run(&["--log", "trace", "send", "secret words"]);
    assert!(loud.err.contains("node"), "{loud:?}");
    assert!(!loud.err.contains("secret"), "{loud:?}");
    assert_one_error(&a.run(&["--log", "a=b=c", "tail"]), 2, "log.filter");
}
