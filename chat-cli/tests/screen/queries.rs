//! Tests slash commands in full screen on a small terminal.

use crate::say;
use crate::terminals::Terminals;

#[test]
fn queries_are_answered_on_a_24_row_screen() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen");
    tmux.wait("a", "Welcome, alice");
    tmux.write("a", "/me waves");
    tmux.wait("a", "*alice·");
    tmux.write("a", "/help");
    tmux.wait("a", "/set KEY VALUE");
    let help = tmux.wait("a", "Ctrl-C twice");
    assert!(!help.contains("a larger window"), "{help}");
    tmux.key("a", "Escape");
    tmux.wait_for("a", "the room again", |screen| !screen.contains("/set KEY VALUE"));
    tmux.write("a", "/whois alice");
    let screen = tmux.wait("a", "no other member is online");
    assert!(screen.contains("key ") && screen.contains("1 message stored"), "{screen}");
    let first = |line: &str| line.split(' ').next().unwrap_or_default().to_string();
    let clock = |screen: &str| screen.lines().any(|line| first(line).matches(':').count() == 2);
    assert!(!clock(&screen), "{screen}");
    tmux.write("a", "/set timestamps seconds");
    tmux.wait_for("a", "a time with seconds", clock);
    tmux.write("a", "/quit");
    tmux.wait("a", "not yet on any peer");
    // The setting is saved and used by every command.
    tmux.run("a", "tail");
    tmux.wait_for("a", "a time with seconds", clock);
}
