//! A room that is only kept, on the screen of whoever keeps it.

use crate::say;
use crate::terminals::Terminals;

#[test]
fn seeded_room_opens_no_screen() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new soup --no-open");
    tmux.wait("a", "anyone with this invite");
    tmux.run("a", "invite --seed --no-hints");
    let screen = tmux.wait("a", "can read nothing");
    let invite = screen.split("mfchat:").nth(1).expect("an invite").split_whitespace().next();
    let invite = format!("mfchat:{}", invite.expect("its body"));

    tmux.window("b", (80, 24));
    // Nobody is asked for a name who says nothing.
    tmux.run("b", &format!("join {invite} --as attic"));
    tmux.wait("b", "you keep it for others, and cannot read it");
    tmux.run("b", "");
    tmux.wait("b", "error[room.sealed]");
    tmux.write("b", "echo ended with $?");
    tmux.wait("b", "ended with 10");
    tmux.run("b", "--nick bob new kitchen");
    tmux.wait("b", "Welcome, bob");
    // The attic is the first of the rooms; Alt-1 goes to the first.
    tmux.key("b", "M-1");
    let screen = tmux.wait("b", "only kept here for others");
    assert!(screen.contains("bob ›"), "{screen}");
    tmux.write("b", "/rooms");
    tmux.wait("b", "kept for others");
    tmux.quit("b", "bob");

    // A second start where the first one serves.
    tmux.run("b", "--room attic --listen 127.0.0.1:0 serve");
    tmux.wait("b", "listening on 127.0.0.1:");
    tmux.window("c", (80, 24));
    tmux.run_as("c", "b", "");
    tmux.wait("c", "error[room.sealed]");
}
