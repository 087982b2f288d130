//! Tests input that is typed or pasted before the program reads it.

use crate::say;
use crate::terminals::{Terminals, mark};

#[test]
fn keys_before_the_first_frame_are_kept() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen --no-open");
    tmux.wait("a", "anyone with this invite");
    tmux.run("a", "");
    tmux.write("a", "typed ahead");
    let is_sent = |screen: &str| screen.contains("alice ›") && mark(screen, "typed ahead") == "◌";
    tmux.wait_for("a", "the message", is_sent);
}
