//! Tests that the terminal is restored, whatever ends or stops the program.

use std::process::Command;

use crate::say;
use crate::terminals::{Terminals, mark};

#[test]
fn terminal_is_restored_after_suspend_and_signal() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen");
    tmux.wait("a", "Welcome, alice");
    tmux.key("a", "C-z");
    // Input before the shell has the terminal again is lost.
    tmux.wait("a", "Stopped");
    tmux.write("a", "fg");
    tmux.wait("a", "Welcome, alice");
    tmux.write("a", "still here");
    // The text is also in the input line before it is stored.
    tmux.wait_for("a", "a stored message", |screen| mark(screen, "still here") == "◌");
    let data = tmux.dir.path().join("a/default/LOCK");
    let lock = std::fs::read_to_string(data).expect("a lock");
    let pid = lock.split_whitespace().nth(1).expect("a process");
    assert!(Command::new("kill").args(["-TERM", pid]).status().expect("kill").success());
    let screen = tmux.wait("a", "your message is stored here and not yet on any peer");
    assert!(!screen.contains("Welcome"), "{screen}");
    tmux.write("a", "echo ended with $?");
    tmux.wait("a", "ended with 143");
}
