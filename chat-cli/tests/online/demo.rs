//! Tests the simulated room: the same seed gives the same line.

use serde_json::Value;

use crate::program::TestDir;

fn demo(seed: &str) -> Value {
    let words = ["demo", "--peers", "5", "--messages", "20", "--seed", seed, "--json"];
    let done = TestDir::new().home("none").run(&words);
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{done:?}");
    done.lines().pop().expect("a line")
}

#[test]
fn trace_depends_on_the_seed() {
    let first = demo("1");
    assert_eq!((&first["v"], &first["type"]), (&1.into(), &"demo".into()));
    assert_eq!((&first["converged"], &first["peers"]), (&true.into(), &5.into()));
    assert_eq!(first["messages"], 100);
    let trace = first["trace"].as_str().expect("a trace");
    assert!(trace.len() == 64 && trace.chars().all(|c| c.is_ascii_hexdigit()), "{trace}");
    assert_eq!(demo("1"), first);
    assert_ne!(demo("2")["trace"], first["trace"]);
}

#[test]
fn demo_text_shows_messages_and_partitions() {
    let dir = TestDir::new();
    let done = dir.home("none").run(&["demo", "--seed", "1"]);
    assert_eq!(done.code, 0, "{done:?}");
    for part in ["ada·", "links cut: ", "links healed", "▓", "KiB over all links"] {
        assert!(done.out.contains(part), "no {part} in {}", done.out);
    }
    let last = done.out.lines().last().expect("a line");
    assert_eq!(last, "all 5 members hold the same 100 messages");
    assert!(!dir.path().join("none").exists(), "the demo leaves nothing");
}
