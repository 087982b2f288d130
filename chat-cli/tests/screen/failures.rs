//! Tests that the screen stays open after failures of a store.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::say;
use crate::terminals::{Terminals, mark};

fn mount(options: &str, path: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path);
    command.output().is_ok_and(|output| output.status.success())
}

/// Writes a file until the disk is full.
fn fill(path: &Path) {
    let mut command = Command::new("dd");
    command.arg("if=/dev/zero").arg(format!("of={}", path.display())).arg("bs=4k");
    assert!(!command.output().expect("dd").status.success(), "the disk is full");
}

/// Returns whether the screen says so, in one row or two.
fn is_full(screen: &str) -> bool {
    screen.split_whitespace().collect::<Vec<_>>().join(" ").contains("is full")
}

/// A small file system; unmounted at the end.
struct Small<'a>(&'a Path);

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // The program that still runs there keeps it busy.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn full_disk_keeps_the_screen_and_the_text() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    let path = tmux.dir.path().join("a");
    fs::create_dir(&path).expect("a folder");
    if !mount("size=2m", &path) {
        return say("left out: only root can mount a small file system");
    }
    let _small = Small(&path);
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen");
    tmux.wait("a", "Welcome, alice");
    tmux.write("a", "before");
    tmux.wait_for("a", "the message", |screen| mark(screen, "before") == "◌");
    let fillers = ["1", "2"].map(|name| path.join(name));
    fill(&fillers[0]);
    let long = "x".repeat(200);
    let mut screen = String::new();
    // The store may have free pages inside its file.
    for number in 1..=200 {
        tmux.write("a", &format!("m{number} {long}"));
        let sent = format!("m{number} x");
        let is_sent =
            |screen: &str| screen.contains(&sent) && screen.trim_end().ends_with("alice ›");
        screen = tmux.wait_for("a", "an answer", |screen| is_full(screen) || is_sent(screen));
        if is_full(&screen) {
            break;
        }
    }
    assert!(is_full(&screen), "{screen}");
    let is_kept = |screen: &str| screen.contains("xxx") && screen.contains("text is kept");
    tmux.wait_for("a", "the screen", is_kept);
    // What the store has given back.
    fill(&fillers[1]);
    tmux.key("a", "Enter");
    tmux.wait("a", "cannot be written yet");
    fillers.iter().for_each(|filler| fs::remove_file(filler).expect("a file"));
    tmux.key("a", "Enter");
    tmux.wait("a", "the store works again");
    tmux.key("a", "C-c");
    tmux.write("a", "after");
    tmux.wait_for("a", "the message", |screen| mark(screen, "after") == "◌");
    assert!(tmux.wait("a", "after").contains("alice ›"));
}

#[test]
fn room_that_cannot_be_opened_leaves_the_current_one_open() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    let rooms = tmux.dir.path().join("a/default/rooms");
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new soup --no-open && echo code $?");
    tmux.wait("a", "code 0");
    let soup = fs::read_dir(&rooms).expect("rooms").next().expect("a room").expect("a folder");
    tmux.run("a", "new kitchen");
    tmux.wait("a", "Welcome, alice");
    let feeds = soup.path().join("feeds");
    fs::create_dir_all(&feeds).expect("a folder");
    fs::write(feeds.join("feeds"), [0x5a; 9_000]).expect("a store");
    tmux.key("a", "M-1");
    tmux.key("a", "M-2");
    let screen = tmux.wait("a", "is damaged");
    assert!(screen.contains("alice ›"), "{screen}");
    tmux.write("a", "still here");
    tmux.wait_for("a", "the message", |screen| mark(screen, "still here") == "◌");
}
