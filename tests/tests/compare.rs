//! The comparison runs with our side alone; the other systems need Node.js and minutes.

use std::process::{Command, Output};

use serde_json::Value;

fn compare(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_compare"));
    command.args(arguments).output().expect("it starts")
}

#[test]
#[cfg(target_os = "linux")]
fn our_side_is_measured_from_outside() {
    let output = compare(&["--json", "--systems", "multifeed,multifeed_disk", "--only", "a"]);
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).expect("text");
    let rows: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let systems: Vec<_> = rows.iter().map(|row| row["system"].as_str()).collect();
    assert_eq!(systems, [Some("multifeed"), Some("multifeed_disk")]);
    for row in &rows {
        // Ten thousand blocks of a hundred bytes stay within the README's figures.
        let bytes = row["bytes"].as_u64().expect("counted");
        assert!((1_000_000..=1_050_000).contains(&bytes), "{row}");
        for figure in ["cpu_ms", "rss", "fds", "wall_ms"] {
            assert!(row[figure].as_f64().is_some_and(|figure| figure > 0.0), "{figure}: {row}");
        }
    }
}

#[test]
fn an_unknown_scenario_is_named() {
    let output = compare(&["--only", "z"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(said, "error: unknown scenario \"z\"\n");
}
