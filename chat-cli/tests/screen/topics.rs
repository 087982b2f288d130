//! Tests the topic of a channel in the line above the messages.

use crate::say;
use crate::terminals::Terminals;

#[test]
fn topic_shows_beside_its_channel_until_cleared() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen");
    tmux.wait("a", "Welcome, alice");
    tmux.write("a", "/topic");
    tmux.wait("a", "#general has no topic");
    tmux.write("a", "/topic soup at noon");
    tmux.wait("a", "kitchen#general ─ soup at noon");
    tmux.wait("a", "set the topic: soup at noon");
    tmux.write("a", "/channel other");
    tmux.wait_for("a", "no topic", |screen| !screen.contains("─ soup at noon"));
    tmux.write("a", "/channel general");
    tmux.wait("a", "─ soup at noon");
    tmux.quit("a", "alice");
    tmux.run("a", "");
    tmux.wait("a", "─ soup at noon");
    tmux.write("a", "/topic -");
    tmux.wait("a", "cleared the topic");
    tmux.wait_for("a", "no topic", |screen| !screen.contains("─ soup at noon"));
}
