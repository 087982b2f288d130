//! Tests what the doctor finds, repairs, and omits.

use std::fs;

use crate::program::TestDir;

/// The most lookups in a small DHT until its nodes know each other.
const TRIES_MAX: usize = 20;

#[test]
fn doctor_loopback_works_and_its_bundle_holds_no_secret() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("secretname");
    assert_eq!(a.run(&["send", "secrettext"]).code, 0);
    let bundle = dir.path().join("bundle");
    let path = bundle.to_str().expect("UTF-8");
    let done = a.run(&["--json", "doctor", "--bundle", path]);
    assert_eq!(done.code, 0, "{done:?}");
    let named = |name: &str| done.lines().into_iter().find(|line| line["name"] == name);
    assert_eq!(named("loop").expect("a loop")["outcome"], "ok");
    assert_eq!(
        named("store").expect("a store")["found"],
        "1 feed, 1 message; 1 of 1024 MiB, largest author 1 of 64 MiB"
    );
    let text = fs::read_to_string(&bundle).expect("a bundle");
    let key = a.run(&["feeds"]).out[..8].to_string();
    for secret in ["secretname", "secrettext", "kitchen", &invite[7..20], &key] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // An existing file is not overwritten.
    assert_eq!(a.run(&["doctor", "--bundle", path]).code, 1);
    fs::write(a.store(), b"damaged").expect("writable");
    let done = a.run(&["doctor"]);
    assert!(done.code == 1 && done.out.contains("store    fail"), "{done:?}");
}

#[test]
fn doctor_finds_overwritten_messages() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    let lines: String = (0..200).map(|n| format!("{n} {}\n", "x".repeat(2_000))).collect();
    assert_eq!(home.run_with(&lines, &["chat"]).code, 0);
    assert_eq!(home.run(&["doctor", "store"]).code, 0);
    let good = fs::read(home.store()).expect("a store");
    let mut found = 0;
    for part in 1..8 {
        let mut bytes = good.clone();
        let at = (bytes.len() * part / 8) & !4095;
        let is_used = bytes[at..at + 4096].iter().any(|byte| *byte != 0);
        bytes[at..at + 4096].fill(0xff);
        fs::write(home.store(), bytes).expect("writable");
        let done = home.run(&["doctor", "store"]);
        assert!(!done.err.contains("panicked"), "{done:?}");
        found += usize::from(is_used && done.code == 1 && done.out.contains("store    fail"));
    }
    // Some pages of the file are free.
    assert!(found >= 4, "{found} of 7");
}

#[test]
fn doctor_fix_rebuilds_the_index_and_keeps_messages() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    for text in ["one", "two"] {
        assert_eq!(home.run(&["send", text]).code, 0);
    }
    let key = home.run(&["feeds"]).out[..8].to_string();
    let said = || home.run(&["tail"]).out + &home.run(&["inspect", "feed", &key]).out;
    let before = said();
    let done = home.run(&["doctor", "store", "--fix"]);
    assert_eq!(done.code, 0, "{done:?}");
    let names: Vec<_> = done.out.lines().filter_map(|row| row.split(' ').next()).collect();
    assert_eq!(names, ["config", "profile", "index", "store", "clock", "crash"], "{done:?}");
    assert!(done.out.contains("index    ok    rebuilt"), "{done:?}");
    assert_eq!(said(), before);
    assert_eq!(home.run(&["doctor", "net", "--fix"]).code, 2);
}

#[test]
fn doctor_dials_the_named_peers() {
    let dir = TestDir::new();
    let (host, invite) = dir.host("first");
    let joiner = dir.joiner("second", &invite);
    let (_serving, addr) = host.serve(&[]);
    let done = joiner.run(&["doctor", "net", "--peer", &addr, "--peer", "127.0.0.1:9"]);
    assert!(done.out.contains("reach    warn  1 of 2 named peers can be reached"), "{done:?}");
    assert!(!done.out.contains("127.0.0.1:9"), "{done:?}");
    let done = joiner.run(&["doctor", "net", "--peer", &addr]);
    assert!(done.out.contains("reach    ok    1 of 1 named peer can be reached"), "{done:?}");
}

#[test]
fn doctor_reports_whether_the_dht_answers() {
    let dir = TestDir::new();
    let mut node = dir.home("dht").start(&["--listen", "127.0.0.1:0", "dht"]);
    let listening = node.wait(|line| line["type"] == "listening");
    let addr = listening["addr"].as_str().expect("an address").to_string();
    let (home, _) = dir.host("ada");
    let done = home.run(&["doctor", "net", "--bootstrap", &addr]);
    assert!(done.code == 0 && done.out.contains("dht      ok    connected in"), "{done:?}");
    assert!(done.out.contains("nat      warn  too few DHT nodes"), "{done:?}");
    drop(node);
    let done = home.run(&["doctor", "net", "--bootstrap", &addr]);
    assert!(done.code == 1 && done.out.contains("dht      fail"), "{done:?}");
    assert!(!done.out.contains(&addr), "{done:?}");
}

#[test]
fn doctor_reports_nat() {
    let dir = TestDir::new();
    let start = |name: &str, args: &[&str]| {
        let mut node = dir.home(name).start(&[&["--listen", "127.0.0.1:0"], args].concat());
        let listening = node.wait(|line| line["type"] == "listening");
        (listening["addr"].as_str().expect("an address").to_string(), node)
    };
    let (first, _one) = start("one", &["dht"]);
    let _others = ["two", "three", "four"].map(|name| start(name, &["--bootstrap", &first, "dht"]));
    let (home, _) = dir.host("ada");
    let mut done = home.run(&["doctor", "net", "--bootstrap", &first]);
    // New nodes do not know each other yet.
    for _ in 0..TRIES_MAX {
        if !done.out.contains("nat      warn  too few DHT nodes") {
            break;
        }
        done = home.run(&["doctor", "net", "--bootstrap", &first]);
    }
    assert!(done.out.contains("nat      ok    DHT nodes see an address of this"), "{done:?}");
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn doctor_counts_crash_files() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    fs::create_dir(home.data.join("crash")).expect("a folder");
    fs::write(home.data.join("crash/20260101T000000-1.txt"), "").expect("written");
    let done = home.run(&["doctor", "store"]);
    assert!(done.code == 0 && done.out.contains("crash    warn  1 crash report"), "{done:?}");
}
