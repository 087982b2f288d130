//! What stock peers do as a matter of course must not end a connection or stall a feed. Each case
//! also runs with a stock corestore in the place of our node. Needs Node.js, and `npm ci` in
//! `interop/js`: `cargo test -p multifeed-tests --test interop_stock -- --ignored`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs all cases of `behaviour.js`; `cases` is their number.
fn check(role: &str, cases: usize) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/js/behaviour.js");
    let mut command = Command::new("node");
    command.arg(script).arg(role).env("STOCK_NODE", env!("CARGO_BIN_EXE_stock_node"));
    let output = command.output().expect("node is there");
    let text = String::from_utf8(output.stdout).expect("as text");
    let results: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let failed: Vec<_> = results.iter().filter(|result| result["isWanted"] != true).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(results.len(), cases, "{errors}");
}

#[test]
#[ignore = "needs node and its packages"]
fn our_node_tolerates_what_stock_peers_do() {
    check("ours", 13);
}

#[test]
#[ignore = "needs node and its packages"]
fn a_stock_corestore_tolerates_it_too() {
    check("control", 10);
}
