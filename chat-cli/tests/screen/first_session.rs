//! Tests the first five minutes of two people: what each of them must see, task by task.

use multichat::invite::Invite;
use multichat::invite::hints::Hints;

use crate::proxy::Proxy;
use crate::say;
use crate::terminals::{Terminals, mark};

/// The system's user name; alice is asked for her name, so it is not used.
const USER: &str = "USER=somebody";

#[test]
fn first_session_of_two_users() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (120, 40));
    tmux.window("b", (80, 24));
    tmux.window("script", (80, 24));
    tmux.window("b2", (80, 24));

    let port = a_creates_a_room(&tmux);
    a_writes_while_alone(&tmux);
    let invite = a_shows_an_invite(&tmux);
    let proxy = Proxy::to(port);
    b_joins(&tmux, &invite, proxy.port());
    both_talk(&tmux);
    network_is_cut_and_restored(&tmux, &proxy);
    b_mentions_and_searches(&tmux);
    b_opens_a_second_window(&tmux);
    script_learns_about_delivery(&tmux);
    mistyped_invite_is_explained(&tmux, &invite);
    window_is_resized(&tmux);
    both_quit(&tmux);
}

/// "Start a chat called kitchen." The name is asked for once.
fn a_creates_a_room(tmux: &Terminals) -> u16 {
    tmux.write("a", &format!("export {USER}"));
    tmux.run("a", "--listen 127.0.0.1:0 new kitchen");
    tmux.wait("a", "[somebody]");
    tmux.write("a", "alice");
    let screen = tmux.wait("a", "Welcome, alice");
    assert!(screen.contains("kitchen #general") && screen.contains("[ ] /invite someone"));
    let screen = tmux.wait("a", "listening on 127.0.0.1:");
    let digits = screen.split("127.0.0.1:").nth(1).expect("a port").chars();
    let port: String = digits.take_while(char::is_ascii_digit).collect();
    port.parse().expect("a port")
}

/// "Write hello before anybody is there."
fn a_writes_while_alone(tmux: &Terminals) {
    tmux.write("a", "hello");
    let screen = tmux.wait("a", "1 message undelivered, stored here");
    assert!(screen.contains("no other member online"), "{screen}");
    assert_eq!(mark(&screen, "hello"), "◌", "{screen}");
}

/// "Invite B." The invite is wrapped over two lines of the screen, inside frames.
fn a_shows_an_invite(tmux: &Terminals) -> String {
    tmux.write("a", "/i");
    let screen = tmux.wait("a", "anyone with this can read the whole history");
    assert!(screen.contains("▀▀▀▀▀█"), "a picture to scan:\n{screen}");
    let mut lines = screen.split("mfchat:").nth(1).expect("an invite").lines();
    let first = lines.next().expect("a line").split('│').next().expect("its start").trim();
    let second = lines.next().expect("a line").split('│').nth(3).expect("its end").trim();
    tmux.key("a", "Escape");
    let shown = Invite::parse(&format!("mfchat:{first} {second}")).expect("an invite");
    // An address in the invite would bypass the cable.
    let bare = Invite::new(*shown.key(), Hints::default()).encode();
    let (first, second) = bare.split_at(bare.len() / 2);
    format!("{first} {second}")
}

/// "Join with this", with an invite wrapped over two lines.
fn b_joins(tmux: &Terminals, invite: &str, port: u16) {
    tmux.run("b", &format!("--nick bob --peer 127.0.0.1:{port} join {invite}"));
    tmux.wait("b", "hello");
    tmux.wait("b", "synced with all");
}

/// "Talk." Both see delivery marks and the connected peers.
fn both_talk(tmux: &Terminals) {
    tmux.wait_for("a", "a full mark", |screen| mark(screen, "hello") == "●");
    tmux.write("b", "good morning");
    let screen = tmux.wait("a", "good morning");
    assert!(screen.contains("bob·") && screen.contains("synced"), "{screen}");
    tmux.wait("a", "people 2");
    tmux.wait_for("b", "a full mark", |screen| mark(screen, "good morning") == "●");
}

/// "Pull the cable", both write, "plug it in": the same order on both screens.
fn network_is_cut_and_restored(tmux: &Terminals, proxy: &Proxy) {
    proxy.pull();
    for (name, who) in [("a", "alice"), ("b", "bob")] {
        tmux.wait(name, "no other member online");
        tmux.write(name, &format!("{who} is alone"));
        tmux.write(name, &format!("{who} is still alone"));
        let screen = tmux.wait(name, "2 messages undelivered, stored here");
        assert_eq!(mark(&screen, "is still alone"), "◌", "{screen}");
        assert!(!screen.to_lowercase().contains("error"), "{screen}");
    }
    proxy.plug();
    let orders = ["a", "b"].map(|name| {
        let has_all = |screen: &str| {
            let count = screen.lines().filter(|line| line.contains("alone")).count();
            count == 4 && screen.contains("synced with all") && !screen.contains("not here yet")
        };
        let screen = tmux.wait_for(name, "all four", has_all);
        let said = ["alice is alone", "alice is still", "bob is alone", "bob is still"];
        let mut at = said.map(|text| (screen.find(text).expect("it is there"), text));
        at.sort_unstable();
        at.map(|(_, text)| text)
    });
    assert_eq!(orders[0], orders[1]);
    tmux.wait_for("a", "full marks", |screen| mark(screen, "alice is still alone") == "●");
    tmux.wait_for("b", "full marks", |screen| mark(screen, "bob is still alone") == "●");
}

/// "Mention A; find what A said first."
fn b_mentions_and_searches(tmux: &Terminals) {
    tmux.keys("b", "@al");
    tmux.key("b", "Tab");
    tmux.wait("b", "› @alice");
    tmux.write("b", "look");
    tmux.wait("a", "@alice look");
    tmux.write("b", "/search HELLO");
    tmux.wait("b", "1 message: ↑ ↓ select");
    tmux.key("b", "Enter");
    tmux.wait("b", "press End");
    tmux.key("b", "End");
    tmux.wait_for("b", "the end", |screen| !screen.contains("press End"));
}

/// "Open the same chat in a second window." Both are live and show each other's input.
fn b_opens_a_second_window(tmux: &Terminals) {
    tmux.run_as("b2", "b", "");
    let screen = tmux.wait("b2", "second window: the room");
    assert!(screen.contains("@alice look") && screen.contains("bob ›"), "{screen}");
    tmux.write("b2", "from the second window");
    for name in ["a", "b", "b2"] {
        tmux.wait(name, "from the second window");
    }
    tmux.write("a", "seen");
    tmux.wait("b2", "seen");
    tmux.resize("b2", (50, 12));
    tmux.wait_for("b2", "the tabs gone", |screen| !screen.contains("kitchen#general"));
    tmux.key("b2", "C-c");
    tmux.key("b2", "C-c");
    tmux.wait_for("b2", "a prompt", |screen| screen.trim_end().ends_with('$'));
    tmux.run_as("b2", "b", "feeds");
    tmux.wait("b2", "store.locked");
}

/// "From a script: tell kitchen the build is green, and know it arrived."
fn script_learns_about_delivery(tmux: &Terminals) {
    tmux.run_as("script", "a", "send build green --wait peer && echo f''ine");
    let screen = tmux.wait("script", "fine");
    assert!(screen.contains("stored on 1 peer"), "{screen}");
    tmux.wait("a", "build green");
    tmux.wait("b", "build green");
    tmux.run_as("script", "a", "send tests --wait peers=2 --timeout 2s; echo code $?");
    let screen = tmux.wait("script", "code 8");
    assert!(screen.contains("stored on 1 of 2 peers"), "{screen}");
    tmux.key("b", "C-c");
    tmux.key("b", "C-c");
    tmux.wait("a", "no other member online");
    tmux.run_as("script", "a", "send later --wait peer --timeout 2s; echo code $?");
    let screen = tmux.wait("script", "code 7");
    assert!(screen.contains("do not resend"), "{screen}");
}

/// "Mistype one letter of the invite." The position and the right letter are shown.
fn mistyped_invite_is_explained(tmux: &Terminals, invite: &str) {
    let right = invite.replace(' ', "");
    let at = "mfchat:".len() + 20;
    let found = right.as_bytes()[at];
    let other = if found == b'y' { 'b' } else { 'y' };
    let wrong = format!("{}{other}{}", &right[..at], &right[at + 1..]);
    tmux.run("b", &format!("join {wrong}; echo code $?"));
    let screen = tmux.wait("b", "code 4");
    assert!(screen.contains("error[ticket.checksum]"), "{screen}");
    let caret = screen.lines().position(|line| line.trim() == "^").expect("a caret");
    let place = screen.lines().nth(caret).and_then(|line| line.find('^')).expect("a place");
    let above = screen.lines().nth(caret - 1).expect("the invite");
    assert_eq!(above.chars().nth(place), Some(other), "{screen}");
    assert!(screen.contains(&format!("= '{}'", char::from(found))), "{screen}");
    assert!(screen.contains("--repair"), "{screen}");
}

/// After a change of the window's size, nothing of the old frame stays.
fn window_is_resized(tmux: &Terminals) {
    tmux.resize("a", (50, 12));
    let is_drawn = |screen: &str| screen.contains("later") && screen.contains("alice ›");
    tmux.wait_for("a", "no frames", |screen| !screen.contains('┐') && is_drawn(screen));
}

/// "Leave. Is your terminal normal?"
fn both_quit(tmux: &Terminals) {
    tmux.key("a", "C-c");
    tmux.key("a", "C-c");
    // The window is 50 columns wide, and the shell wraps longer lines.
    tmux.wait("a", "your message is stored here and not yet on any");
    for name in ["a", "b", "b2"] {
        tmux.write(name, "stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e icanon | tr '\\n' +");
        tmux.wait(name, "icanon+echo+");
    }
}
