//! Tests the slash commands in line mode.

#[cfg(unix)]
use std::fs;

use crate::program::{Home, TestDir};

/// Types these lines in a room and returns the output.
fn run_queries(home: &Home, words: &[&str], lines: &[&str]) -> String {
    let done = home.run_with(&(lines.join("\n") + "\n"), &[words, &["chat"]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    done.out + &done.err
}

#[test]
fn whois_shows_key_length_and_holders() {
    let dir = TestDir::new();
    let (host, invite) = dir.host("first");
    for text in ["one", "two"] {
        assert_eq!(host.run(&["send", text]).code, 0);
    }
    let (serving, addr) = host.serve(&[]);
    let joiner = dir.joiner("second", &invite);
    assert_eq!(joiner.run(&["--peer", &addr, "sync"]).code, 0);
    serving.stop("TERM");
    let output = run_queries(&joiner, &[], &["/who", "/whois first", "/whois nobody", "/rooms"]);
    let key = joiner.run(&["feeds"]).out[..64].to_string();
    assert!(output.contains(&format!("key {key}\n")), "{output}");
    assert!(output.contains(": 2 messages\n"), "{output}");
    assert!(output.contains("no other member is online"), "{output}");
    assert!(output.contains("no member is called 'nobody'"), "{output}");
    assert!(output.contains("1  kitchen  ") && output.contains("(open)"), "{output}");
}

#[test]
fn set_command_stores_and_applies_a_setting() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    let output = run_queries(&home, &[], &["/set timestamps none", "/set nick carol", "hello"]);
    assert!(output.contains("timestamps is none from now on"), "{output}");
    assert!(output.contains("\n carol·"), "{output}");
    assert_eq!(home.run(&["config", "get", "nick"]).out, "carol\n");
    let output = run_queries(&home, &[], &["/nick dave", "/nick carol"]);
    assert!(output.contains("to keep it:  /set nick dave"), "{output}");
    assert!(output.contains("you are carol from now on"), "{output}");
    let output = run_queries(&home, &[], &["/set notify loud", "/set colour red", "/set ui line"]);
    assert!(output.contains("notify: use all, mentions, none"), "{output}");
    assert!(output.contains("there is no setting 'colour'"), "{output}");
    assert!(output.contains("from the next start"), "{output}");
}

#[cfg(unix)]
#[test]
fn export_writes_a_new_private_file() {
    use std::os::unix::fs::PermissionsExt;

    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    let file = dir.path().join("kitchen.md");
    let export = format!("/export {}", file.display());
    let output = run_queries(&home, &[], &["/me waves", &export, &export]);
    assert!(output.contains("*ada·") && output.contains("1 message written to"), "{output}");
    assert!(output.contains("cannot write") && output.contains("name a new file"), "{output}");
    let page = fs::read_to_string(&file).expect("a file");
    assert!(page.contains("### * `ada·") && page.contains("    waves"), "{page}");
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn doctor_command_reports_the_open_room() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    // A message is shown before the answer of a later command.
    let output =
        run_queries(&home, &[], &["hello there", "/doctor", "/unread", "/notify all", "/help"]);
    for part in ["store    ok", "clock    ok", "peers    warn", "everything here is new to you"] {
        assert!(output.contains(part), "{part}: {output}");
    }
    assert!(output.contains("/whois WHO") && output.contains("  hello there\n"), "{output}");
}
