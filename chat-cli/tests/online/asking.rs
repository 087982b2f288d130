//! Tests the slash commands in line mode.

use std::fs;

use crate::program::{Home, Place};

/// Types these lines in a room and returns the output.
fn asked(home: &Home, words: &[&str], lines: &[&str]) -> String {
    let done = home.run_with(&(lines.join("\n") + "\n"), &[words, &["chat"]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    done.out + &done.err
}

#[test]
fn whois_shows_key_length_and_holders() {
    let place = Place::new();
    let (host, invite) = place.host("first");
    for text in ["one", "two"] {
        assert_eq!(host.run(&["send", text]).code, 0);
    }
    let (serving, addr) = host.serve(&[]);
    let guest = place.guest("second", &invite);
    assert_eq!(guest.run(&["--peer", &addr, "sync"]).code, 0);
    serving.stop("TERM");
    let told = asked(&guest, &[], &["/who", "/whois first", "/whois nobody", "/rooms"]);
    let key = guest.run(&["feeds"]).out[..64].to_string();
    assert!(told.contains(&format!("key {key}\n")), "{told}");
    assert!(told.contains(": 2 messages\n"), "{told}");
    assert!(told.contains("no other member is online"), "{told}");
    assert!(told.contains("no member is called 'nobody'"), "{told}");
    assert!(told.contains("1  kitchen  ") && told.contains("(open)"), "{told}");
}

#[test]
fn set_command_stores_and_applies_a_setting() {
    let place = Place::new();
    let (home, _) = place.host("ada");
    let told = asked(&home, &[], &["/set timestamps none", "/set nick carol", "hello"]);
    assert!(told.contains("timestamps is none from now on"), "{told}");
    assert!(told.contains("\n carol·"), "{told}");
    assert_eq!(home.run(&["config", "get", "nick"]).out, "carol\n");
    let told = asked(&home, &[], &["/nick dave", "/nick carol"]);
    assert!(told.contains("/set nick dave saves it"), "{told}");
    assert!(told.contains("you are carol from now on"), "{told}");
    let told = asked(&home, &[], &["/set notify loud", "/set colour red", "/set ui line"]);
    assert!(told.contains("notify: use all, mentions, none"), "{told}");
    assert!(told.contains("there is no setting 'colour'"), "{told}");
    assert!(told.contains("from the next start"), "{told}");
}

#[cfg(unix)]
#[test]
fn export_writes_a_new_private_file() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let (home, _) = place.host("ada");
    let file = place.path().join("kitchen.md");
    let export = format!("/export {}", file.display());
    let told = asked(&home, &[], &["/me waves", &export, &export]);
    assert!(told.contains("*ada·") && told.contains("1 message written to"), "{told}");
    assert!(told.contains("cannot write") && told.contains("name a new file"), "{told}");
    let page = fs::read_to_string(&file).expect("a file");
    assert!(page.contains("### * `ada·") && page.contains("    waves"), "{page}");
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn doctor_command_reports_the_open_room() {
    let place = Place::new();
    let (home, _) = place.host("ada");
    // A message is shown before the answer of a later command.
    let told = asked(&home, &[], &["hello there", "/doctor", "/unread", "/notify all", "/help"]);
    for part in ["store    ok", "clock    ok", "peers    warn", "everything here is new to you"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.contains("/whois WHO") && told.contains("  hello there\n"), "{told}");
}
