//! Tests a relay in full screen.

use crate::say;
use crate::terminals::Terminals;

#[test]
fn seeded_room_opens_no_screen() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new soup --no-open");
    tmux.wait("a", "anyone with this invite");
    tmux.run("a", "invite --seed --no-hints");
    let screen = tmux.wait("a", "and cannot read");
    let invite = screen.split("mfchat:").nth(1).expect("an invite").split_whitespace().next();
    let invite = format!("mfchat:{}", invite.expect("its body"));

    tmux.window("b", (80, 24));
    // A relay is not asked for a name.
    tmux.run("b", &format!("join {invite} --as attic"));
    tmux.wait("b", "this is a relay: it stores and forwards");
    tmux.run("b", "");
    tmux.wait("b", "error[room.sealed]");
    tmux.write("b", "echo ended with $?");
    tmux.wait("b", "ended with 10");
    tmux.run("b", "--nick bob new kitchen");
    tmux.wait("b", "Welcome, bob");
    // The attic is the first room; Alt-1 opens the first one.
    tmux.key("b", "M-1");
    let screen = tmux.wait("b", "this is a relay of the room");
    assert!(screen.contains("bob ›"), "{screen}");
    tmux.write("b", "/rooms");
    tmux.wait("b", "(relay)");
    tmux.quit("b", "bob");

    // The second program sees that the first one serves.
    tmux.run("b", "--room attic --listen 127.0.0.1:0 serve");
    tmux.wait("b", "listening on 127.0.0.1:");
    tmux.window("c", (80, 24));
    tmux.run_as("c", "b", "");
    tmux.wait("c", "error[room.sealed]");
}
