//! The first five minutes of two people, on real terminals made by tmux: what each of them must
//! see. Where tmux is not there, this is said aloud and nothing is tested.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a screen.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A tmux server of our own, with one window for each person. It ends with the test.
struct Terminals {
    dir: tempfile::TempDir,
}

impl Terminals {
    fn new() -> Option<Self> {
        let found = Command::new("tmux").arg("-V").output().is_ok();
        found.then(|| Self { dir: tempfile::tempdir().expect("a folder") })
    }

    fn tmux(&self, words: &[&str]) -> String {
        let socket = self.dir.path().join("tmux");
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").args(["-f", "/dev/null", "-S"]).arg(socket).args(words);
        let done = command.output().expect("tmux");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Opens a window with a shell in it.
    fn window(&self, name: &str, (width, height): (u16, u16)) {
        let (width, height) = (width.to_string(), height.to_string());
        let shell = "env -i TERM=tmux-256color LANG=C.UTF-8 PATH=/usr/bin:/bin PS1='$ ' sh";
        self.tmux(&["-u", "new-session", "-d", "-s", name, "-x", &width, "-y", &height, shell]);
        self.wait(name, "$");
    }

    /// Runs the program in a window, with a data folder of the window's own.
    fn run(&self, name: &str, words: &str) {
        let (program, data) = (env!("CARGO_BIN_EXE_multichat"), self.dir.path().join(name));
        let data: &Path = &data;
        self.write(name, &format!("clear; {program} --data-dir {} {words}", data.display()));
    }

    fn write(&self, name: &str, text: &str) {
        self.tmux(&["send-keys", "-t", name, "-l", text]);
        self.key(name, "Enter");
    }

    fn key(&self, name: &str, key: &str) {
        self.tmux(&["send-keys", "-t", name, key]);
    }

    fn screen(&self, name: &str) -> String {
        self.tmux(&["capture-pane", "-p", "-t", name])
    }

    /// Waits until something stands on a screen.
    fn wait(&self, name: &str, text: &str) -> String {
        self.wait_for(name, text, |screen| screen.contains(text))
    }

    fn wait_for(&self, name: &str, what: &str, is: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen(name);
            if is(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "no {what:?} on the screen of {name}:\n{screen}");
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// A word to whoever reads a test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}

/// The end of the line of a message: its mark.
fn mark<'a>(screen: &'a str, text: &str) -> &'a str {
    let line = screen.lines().find(|line| line.contains(text)).unwrap_or_default();
    let behind = line.split(text).last().unwrap_or_default();
    behind.split_whitespace().next().unwrap_or_default()
}

#[test]
fn two_newcomers_see_what_they_have_to() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (120, 40));
    tmux.window("b", (80, 24));

    // "Start a chat called kitchen."
    tmux.run("a", "--nick alice --listen 127.0.0.1:0 new kitchen");
    let screen = tmux.wait("a", "Welcome, alice");
    assert!(screen.contains("kitchen #general") && screen.contains("[ ] /invite someone"));
    let screen = tmux.wait("a", "listening on 127.0.0.1:");
    let port: String = screen
        .split("127.0.0.1:")
        .nth(1)
        .expect("a port")
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();

    // "Write hello before anybody is there."
    tmux.write("a", "hello");
    let screen = tmux.wait("a", "1 message waits here and will go out by itself");
    assert_eq!(mark(&screen, "hello"), "◌", "{screen}");

    // "Invite B."
    tmux.write("a", "/invite");
    let screen = tmux.wait("a", "anyone with this can read the whole history");
    assert!(screen.contains("▀▀▀▀▀█"), "a picture to scan:\n{screen}");
    let mut lines = screen.split("mfchat:").nth(1).expect("an invite").lines();
    // It goes on in the next line, between the frames of the list of rooms and of the people.
    let first = lines.next().expect("a line").split('│').next().expect("its start").trim();
    let second = lines.next().expect("a line").split('│').nth(3).expect("its end").trim();
    tmux.key("a", "Escape");

    // "Join with this", wrapped over two lines.
    let invite = format!("mfchat:{first} {second}");
    tmux.run("b", &format!("--nick bob --peer 127.0.0.1:{port} join {invite}"));
    tmux.wait("b", "hello");
    tmux.wait("b", "synced with all");

    // "Talk."
    tmux.wait_for("a", "a full mark", |screen| mark(screen, "hello") == "●");
    tmux.write("b", "hi @alice");
    tmux.wait("a", "hi @alice");
    let screen = tmux.wait("a", "people 2");
    assert!(screen.contains("bob·") && screen.contains("synced"), "{screen}");

    // "Find what A said first."
    tmux.write("b", "/search HELLO");
    tmux.wait("b", "1 message: ↑ ↓ choose");
    tmux.key("b", "Enter");
    tmux.wait("b", "End goes there");
    tmux.key("b", "End");

    // The window is pulled, and nothing of the old picture stays.
    tmux.tmux(&["resize-window", "-t", "a", "-x", "50", "-y", "12"]);
    let screen = tmux.wait_for("a", "no frames", |screen| !screen.contains('┐'));
    assert!(screen.contains("hi @alice") && screen.contains("alice ›"), "{screen}");

    // "Leave. Is your terminal normal?"
    for name in ["a", "b"] {
        tmux.key(name, "C-c");
        tmux.key(name, "C-c");
        tmux.wait_for(name, "a prompt", |screen| screen.trim_end().ends_with('$'));
        tmux.write(name, "stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e icanon | tr '\\n' +");
        tmux.wait(name, "icanon+echo+");
    }
}

#[test]
fn the_terminal_comes_back_after_a_stop_and_after_a_signal() {
    let Some(tmux) = Terminals::new() else { return say("left out: tmux is not there") };
    tmux.window("a", (80, 24));
    tmux.run("a", "--nick alice new kitchen");
    tmux.wait("a", "Welcome, alice");
    tmux.key("a", "C-z");
    tmux.wait_for("a", "the shell", |screen| !screen.contains("Welcome"));
    tmux.write("a", "fg");
    tmux.wait("a", "Welcome, alice");
    tmux.write("a", "still here");
    tmux.wait("a", "still here");
    let data = tmux.dir.path().join("a/default/LOCK");
    let lock = std::fs::read_to_string(data).expect("a lock");
    let pid = lock.split_whitespace().nth(1).expect("a process");
    assert!(Command::new("kill").args(["-TERM", pid]).status().expect("kill").success());
    let screen = tmux.wait("a", "your message is stored here and not yet on any peer");
    assert!(!screen.contains("Welcome"), "{screen}");
    tmux.write("a", "echo ended with $?");
    tmux.wait("a", "ended with 143");
}
