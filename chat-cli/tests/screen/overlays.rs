//! Tests that no typed text is lost or sent by mistake.

use crate::say;
use crate::terminals::Terminals;

#[test]
fn command_typed_over_the_help_is_not_sent_as_a_message() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen");
    tmux.wait("a", "Welcome, alice");
    tmux.write("a", "/help");
    tmux.write("a", "/nick anne");
    tmux.wait("a", "anne ›");
    tmux.write("a", "nick bea");
    tmux.wait("a", "Did you mean");
    tmux.keys("a", "/");
    let screen = tmux.wait("a", "bea ›");
    assert!(screen.contains("Welcome"), "no message was sent:\n{screen}");
}
