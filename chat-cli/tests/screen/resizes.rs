//! Tests changes of the window's size while input arrives and the screen is drawn.

use crate::say;
use crate::terminals::Terminals;

#[test]
fn resize_together_with_a_key_leaves_a_whole_screen() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen");
    tmux.wait("a", "Welcome, alice");
    tmux.write("a", "first message");
    tmux.wait("a", "first message");
    for round in 1..=40 {
        let (width, height) = if round % 2 == 0 { (80, 24) } else { (50, 12) };
        // A terminal library may miss the change of the size if a key arrives with it.
        tmux.resize_with_key("a", (width, height), "x");
        let is_whole = |screen: &str| {
            let lines: Vec<&str> = screen.lines().collect();
            let input = lines.get(height - 1).is_some_and(|line| line.trim_end() == "alice › x");
            let tabs = lines.first().is_some_and(|line| line.contains("kitchen#general"));
            let count = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
            input && tabs == (width == 80) && count("first message") == 1
        };
        tmux.wait_for("a", &format!("a whole screen in round {round}"), is_whole);
        tmux.key("a", "BSpace");
        tmux.wait_for("a", "an empty input", |screen| !screen.contains("› x"));
    }
}
