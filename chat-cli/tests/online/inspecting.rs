//! Tests the commands that show a room's state and its peers.

use crate::program::TestDir;

#[test]
fn channels_are_listed_with_message_counts() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    let empty = home.run(&["channels"]).out;
    assert!(empty.starts_with("#general") && empty.contains("0 messages"), "{empty}");
    for (channel, text) in [("soup", "one"), ("bread", "two"), ("soup", "three")] {
        assert_eq!(home.run(&["send", "-c", channel, text]).code, 0);
    }
    let lines = home.run(&["channels", "--json"]).lines();
    let found: Vec<_> = lines.iter().map(|line| (&line["name"], &line["messages"])).collect();
    assert_eq!(
        found,
        [(&"general".into(), &0.into()), (&"bread".into(), &1.into()), (&"soup".into(), &2.into()),]
    );
    assert!(lines[0]["last"].is_null() && lines[2]["last"].is_string(), "{lines:?}");
}

#[test]
fn peers_lists_reachable_peers() {
    let dir = TestDir::new();
    let (host, invite) = dir.host("first");
    let joiner = dir.joiner("second", &invite);
    let (serving, addr) = host.serve(&[]);
    // No program listens on the port of the second address.
    let both = ["--peer", &addr, "--peer", "127.0.0.1:9", "peers"];
    let done = joiner.run(&both);
    assert_eq!((done.code, done.out.lines().count()), (0, 1), "{done:?}");
    assert!(done.out.starts_with("peer ") && done.out.contains(&addr), "{done:?}");
    assert!(done.err.contains("note[net.unreachable]: 127.0.0.1:9: "), "{done:?}");
    let lines = joiner.run(&[&["--json"], &both[..]].concat()).lines();
    assert_eq!((&lines[0]["type"], &lines[0]["state"]), (&"peer".into(), &"up".into()));
    let in_use = host.run(&["peers"]);
    assert_eq!(in_use.code, 5, "{in_use:?}");
    assert!(in_use.err.contains("/peers"), "{in_use:?}");
    serving.stop("TERM");
    let isolation_text = host.run(&["peers"]);
    assert_eq!((isolation_text.code, isolation_text.out.as_str()), (0, ""), "{isolation_text:?}");
    assert!(isolation_text.err.contains("no other member is online now"), "{isolation_text:?}");
}

#[test]
fn invite_without_hints_holds_only_the_key() {
    let dir = TestDir::new();
    let (host, invite) = dir.host("first");
    let bare = host.run(&["invite", "--no-hints", "--listen", "192.0.2.7:4977"]);
    assert_eq!(bare.code, 0, "{bare:?}");
    assert_eq!(bare.out.trim().len(), 68);
    assert!(invite.len() > 68);
    let joiner = dir.joiner("second", bare.out.trim());
    let room = |home: &crate::program::Home| home.run(&["rooms"]).out[..8].to_string();
    assert_eq!(room(&joiner), room(&host));
}

#[test]
fn version_is_printed_as_text_and_json() {
    let dir = TestDir::new();
    let home = dir.home("nobody");
    let text = home.run(&["version"]).out;
    assert_eq!(home.run(&["--version"]).out, text);
    let line = &home.run(&["version", "--json"]).lines()[0];
    assert_eq!(format!("multichat {}\n", line["version"].as_str().expect("a version")), text);
    assert_eq!(line["schema"], 1);
}
