//! Golden traces, the same on every machine, in debug and release builds.
//!
//! After an intended change of the protocol or the simulator: `cargo run --release -p
//! multifeed-memory --bin simulate -- golden transport-memory/golden-traces.txt --bless`.

use multifeed_memory::scenario::golden_traces;

#[test]
fn golden_traces_are_unchanged() {
    let known = include_str!("../golden-traces.txt");
    let lines = golden_traces().unwrap().into_iter().map(|(name, seed, trace)| {
        let hex: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex} {seed} {name}\n")
    });
    let now: String = lines.collect();
    assert_eq!(now.lines().count(), 64);
    assert_eq!(now, known);
}
