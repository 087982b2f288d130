//! The program `simulate`, as used to investigate a failing seed.

use std::path::PathBuf;
use std::process::{Command, Output};

fn simulate(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_simulate")).args(words).output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a scenario to a file. Returns its path.
fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

/// Two nodes so far apart that every handshake times out.
const TOO_FAR: &str = "summary = 'Two who are too far apart.'
nodes = 2
topology = 'chain'
blocks = 3
seconds = 2
[link]
delay_ms = 60000
";

#[test]
fn a_failing_seed_reports_the_violation_and_how_to_repeat_it() {
    let path = file("too-far.toml", TOO_FAR);
    let run = simulate(&["run", &path, "--seeds", "1", "--first-seed", "4"]);
    assert_eq!(run.status.code(), Some(1));
    let report = said(&run.stderr);
    let again = format!("simulate -- replay {path} --seed 4 --trace");
    for part in
        ["seed 4:", "broken: convergence at", "cut down to 0 steps", "the last events", "its trace"]
    {
        assert!(report.contains(part), "{part:?} in {report}");
    }
    assert!(report.contains(&again), "{report}");
    let replayed = simulate(&["replay", &path, "--seed", "4", "--trace"]);
    assert_eq!(replayed.status.code(), Some(1));
    assert!(said(&replayed.stdout).contains("broken: convergence at"));
}

#[test]
fn added_faults_and_adversaries_are_part_of_the_repeat_command() {
    let name = "a-ring-whose-connections-break";
    // The former name of `an_adversary`.
    let with = ["--with", "never_answers=2", "--with", "a_liar", "--with", "clock_freeze"];
    let words = [&["run", name, "--seeds", "4", "--json"][..], &with].concat();
    let run = simulate(&words);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run.stderr));
    for fault in ["never_answers", "clock_freeze", "forged_block", "equivocation"] {
        assert!(said(&run.stdout).contains(&format!("\"{fault}\":")), "{fault}");
    }
    let path = file("far-and-adversarial.toml", TOO_FAR);
    let with = ["--with", "reset=2", "--with", "an_adversary"];
    let run = simulate(&[&["run", &path, "--seeds", "1", "--first-seed", "4"][..], &with].concat());
    let report = said(&run.stderr);
    assert!(report.contains("--seed 4 --with reset=2 --with an_adversary --trace"), "{report}");
    assert!(report.contains(&format!("4 {path}+reset=2+replayed_session=1 ")), "{report}");
    let replayed = simulate(&[&["replay", &path, "--seed", "4"][..], &with].concat());
    assert_eq!(replayed.status.code(), Some(1));
    for (words, why) in [
        (&["run", "--with", "rest"][..], "there is no fault \"rest\""),
        (&["run", "--with", "reset=x"], "\"x\" is not a number"),
        (&["run", name, "--with", "loss"], "noise = true"),
        (&["list", "--with", "reset"], "cannot be combined with list"),
    ] {
        let run = simulate(words);
        assert_eq!(run.status.code(), Some(2));
        assert!(said(&run.stderr).contains(why), "{}", said(&run.stderr));
    }
}

#[test]
fn an_invalid_file_is_rejected_with_its_line_before_anything_runs() {
    let path = file("bad.toml", "summary = 'x'\nnodes = 2\ntopology = 'chain'\nblocks = 0\n");
    let run = simulate(&["run", &path]);
    assert_eq!(run.status.code(), Some(2));
    assert_eq!(said(&run.stderr), "error: bad.toml, line 4: a feed has 1 to 100000 blocks\n");
    assert!(run.stdout.is_empty());
}

#[test]
fn replaying_and_reopening_do_not_change_the_trace() {
    let trace = |words: &[&str]| {
        let name = "processes-and-machines-that-crash";
        let run = simulate(&[words, &[name, "--seeds", "2", "--json"]].concat());
        assert_eq!(run.status.code(), Some(0), "{}", said(&run.stderr));
        let line = said(&run.stdout);
        let place = line.find("\"trace\":").unwrap();
        (line[place..place + 74].to_owned(), line.contains("\"reopened\":0"))
    };
    let once = trace(&["run"]);
    assert_eq!(trace(&["run", "--twice"]), once);
    let restarted = trace(&["restart"]);
    assert_eq!((restarted.0, restarted.1), (once.0, false));
}
