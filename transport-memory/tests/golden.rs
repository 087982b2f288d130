//! Traces that are the same on every machine, in debug and release.
//!
//! After a change of the protocol or of the simulator, look at what changed, and then:
//! `cargo run --release -p multifeed-memory --bin simulate -- golden
//! transport-memory/golden-traces.txt --bless`.

use multifeed_memory::scenario::golden_traces;

#[test]
fn traces_are_those_of_the_repository() {
    let known = include_str!("../golden-traces.txt");
    let lines = golden_traces().unwrap().into_iter().map(|(name, seed, trace)| {
        let hex: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex} {seed} {name}\n")
    });
    let now: String = lines.collect();
    assert_eq!(now.lines().count(), 64);
    assert_eq!(now, known);
}
