//! Short runs of the programs that break disks and networks and attack a node: their exact counts
//! must hold.

use std::process::Command;

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}\n{out}\n{err}");
}

#[test]
fn power_cuts_lose_nothing() {
    run(env!("CARGO_BIN_EXE_crash"), &["--images", "1500", "--json"]);
}

#[test]
fn a_restored_disk_costs_no_other_author_anything() {
    run(env!("CARGO_BIN_EXE_crash"), &["--backup", "--seed", "9"]);
}

#[test]
fn a_process_that_is_killed_loses_nothing() {
    run(env!("CARGO_BIN_EXE_crash"), &["--kill9", "8"]);
}

/// Allocations are counted in the node's own process; times are not checked.
#[cfg(target_os = "linux")]
#[test]
fn a_hostile_connection_costs_no_more_than_its_bound() {
    run(env!("CARGO_BIN_EXE_siege"), &["--only", "connections"]);
}

/// Descriptors and files too.
#[cfg(target_os = "linux")]
#[test]
fn a_flood_of_feeds_costs_no_file_and_no_descriptor() {
    run(env!("CARGO_BIN_EXE_siege"), &["--short", "--only", "flood"]);
}

#[test]
fn five_peers_started_together_connect_and_a_killed_one_returns() {
    run(env!("CARGO_BIN_EXE_networks"), &["--loopback", "--only", "mesh,restart"]);
}
