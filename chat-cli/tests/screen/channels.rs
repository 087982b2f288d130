//! Tests that each channel shows its own messages, and that a search shows its result.

use crate::say;
use crate::terminals::Terminals;

#[test]
fn busy_channel_hides_neither_other_channels_nor_a_search_result() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen --no-open && echo f''ine");
    tmux.wait("a", "fine");
    tmux.write("a", &format!("cd {}", tmux.dir.path().display()));
    tmux.write("a", "words() { seq -f \"$1 %g end\" $2; }");
    tmux.write(
        "a",
        "all() { words soup 3; echo /c quiet; words tea 1; echo /c busy; words x 400; }",
    );
    tmux.write("a", "all > lines");
    tmux.run("a", "chat < lines > out; echo ended with $?");
    tmux.wait("a", "ended with 0");
    tmux.run("a", "");
    tmux.wait("a", "soup 3 end");
    let screen = tmux.wait("a", "#quiet");
    assert!(screen.contains("soup 1 end") && screen.contains("#busy"), "{screen}");
    tmux.write("a", "/channel quiet");
    tmux.wait("a", "tea 1 end");
    tmux.write("a", "/search end 123 x");
    tmux.wait("a", "1 message: ↑ ↓ select");
    tmux.key("a", "Enter");
    let screen = tmux.wait("a", "press End");
    assert!(screen.contains("x 123 end") && screen.contains("x 120 end"), "{screen}");
    for _ in 0..30 {
        tmux.key("a", "NPage");
    }
    tmux.wait_for("a", "the end", |screen| {
        screen.contains("x 400 end") && !screen.contains("press End")
    });
    tmux.write("a", "/search nothing like this");
    tmux.wait("a", "nothing found");
}
