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
#[test]
fn invite_pasted_in_two_rows_is_joined() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen --no-open");
    tmux.wait("a", "anyone with this invite");
    tmux.run("a", "-q invite --no-hints && echo f''ine");
    let screen = tmux.wait("a", "fine");
    let invite = screen.split("mfchat:").nth(1).expect("an invite").split_whitespace().next();
    let (first, second) = invite.expect("its body").split_at(30);

    tmux.window("b", (80, 24));
    tmux.run("b", &format!("--nick bob join --no-open mfchat:{first}"));
    tmux.write("b", second);
    let screen = tmux.wait("b", "joined room");
    assert!(!screen.contains("not found"), "{screen}");
    // Without the rest, the failure is the usual one.
    tmux.window("c", (120, 24));
    tmux.run("c", &format!("--nick carol join --no-open mfchat:{first}; echo code $?"));
    tmux.wait("c", "This invite is incomplete");
    tmux.key("c", "Enter");
    let screen = tmux.wait("c", "code 4");
    assert!(screen.contains("error[ticket.length]"), "{screen}");
}
