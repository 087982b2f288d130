//! Tests members who discover each other and share only an invite.

#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};

use crate::program::{Running, TestDir};

/// Starts a DHT of one node on loopback.
fn dht(dir: &TestDir) -> (Running, String) {
    let mut node = dir.home("dht").start(&["--listen", "127.0.0.1:0", "dht"]);
    let listening = node.wait(|line| line["type"] == "listening");
    let addr = listening["addr"].as_str().expect("an address").to_string();
    (node, addr)
}

#[test]
fn two_members_meet_through_a_private_dht() {
    let dir = TestDir::new();
    let (_node, addr) = dht(&dir);
    let (host, invite) = dir.host("ada");
    let sent = host.run(&["send", "hello", "--wait", "stored"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let mut serving = host.start(&["--listen", "127.0.0.1:0", "--bootstrap", &addr, "serve"]);
    for step in ["bootstrapped", "announced", "looking", "found"] {
        serving.wait(|line| line["type"] == "net" && line["via"] == "dht" && line["step"] == step);
    }
    let joiner = dir.joiner("bob", &invite);
    let done = joiner.run(&["--listen", "127.0.0.1:0", "--bootstrap", &addr, "sync"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.err.contains("dht: found 1"), "{done:?}");
    assert!(joiner.run(&["tail"]).out.contains("hello"));
}

#[test]
fn offline_transport_overrides_other_flags() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    let words = ["--transport", "offline", "--lan", "--peer", "127.0.0.1:9", "sync"];
    let done = home.run(&words);
    assert_eq!(done.code, 7, "{done:?}");
    assert!(done.err.contains("there is no peer to sync with"), "{done:?}");
}

/// Connects two hosts by a cable: two network namespaces without other networks.
#[cfg(target_os = "linux")]
const CABLE: &str = r#"
set -e
mount -t tmpfs none /run && mkdir /run/netns
ip netns add left
ip netns add right
ip link add cable-left netns left type veth peer name cable-right netns right
ip -n left addr add 10.77.0.1/24 dev cable-left
ip -n right addr add 10.77.0.2/24 dev cable-right
for side in left right; do
    ip -n $side link set lo up
    ip -n $side link set cable-$side up
done
test "$1" = probe && exit 0
ip netns exec left "$1" --data-dir "$2" --json --no-lan --lan serve >&2 &
serving=$!
trap 'kill $serving' EXIT
ip netns exec right "$1" --data-dir "$3" --lan sync --timeout 50s
"#;

#[cfg(target_os = "linux")]
fn on_a_cable(words: &[&str]) -> std::process::Output {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--map-root-user", "sh", "-c", CABLE, "sh"]).args(words);
    command.stdin(Stdio::null()).output().expect("unshare is there")
}

#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn two_members_meet_by_mdns() {
    if !on_a_cable(&["probe"]).status.success() {
        eprintln!("left out: network namespaces are not allowed here");
        return;
    }
    let dir = TestDir::new();
    let (host, invite) = dir.host("ada");
    let sent = host.run(&["send", "hello", "--wait", "stored"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let joiner = dir.joiner("bob", &invite);
    let path = |home: &crate::program::Home| home.data.to_str().expect("UTF-8").to_string();
    let done = on_a_cable(&[env!("CARGO_BIN_EXE_multichat"), &path(&host), &path(&joiner)]);
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{stderr}");
    assert!(stderr.contains("lan: found 1"), "{stderr}");
    assert!(joiner.run(&["tail"]).out.contains("hello"));
}
