//! Creates real terminals with tmux.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any step takes on a busy machine.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The interval between checks of a screen.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A private tmux server with a window per person. It ends with the test.
pub(crate) struct Terminals {
    pub(crate) dir: tempfile::TempDir,
}

impl Terminals {
    pub(crate) fn new() -> Option<Self> {
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

    /// Opens a window with a shell.
    pub(crate) fn window(&self, name: &str, (width, height): (u16, u16)) {
        let (width, height) = (width.to_string(), height.to_string());
        let shell = "env -i TERM=tmux-256color LANG=C.UTF-8 PATH=/usr/bin:/bin PS1='$?$ ' sh";
        self.tmux(&["-u", "new-session", "-d", "-s", name, "-x", &width, "-y", &height, shell]);
        self.wait(name, "$");
    }

    /// Runs the program in a window, as the person of that name.
    pub(crate) fn run(&self, name: &str, words: &str) {
        self.run_as(name, name, words);
    }

    /// Runs the program in a window, as the named person.
    pub(crate) fn run_as(&self, name: &str, person: &str, words: &str) {
        let (program, data) = (env!("CARGO_BIN_EXE_multichat"), self.dir.path().join(person));
        let data: &Path = &data;
        self.write(name, &format!("clear; {program} --data-dir {} {words}", data.display()));
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.keys(name, text);
        self.key(name, "Enter");
    }

    /// Leaves the room in a window, as the person of that nick, and waits for the shell.
    pub(crate) fn quit(&self, name: &str, nick: &str) {
        self.write(name, "/quit");
        self.wait_for(name, "the shell", |screen| !screen.contains(&format!("{nick} ›")));
    }

    /// Types text without a newline.
    pub(crate) fn keys(&self, name: &str, text: &str) {
        self.tmux(&["send-keys", "-t", &exactly(name), "-l", text]);
    }

    pub(crate) fn key(&self, name: &str, key: &str) {
        self.tmux(&["send-keys", "-t", &exactly(name), key]);
    }

    /// Changes the size of a window.
    pub(crate) fn resize(&self, name: &str, (width, height): (u16, u16)) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux(&["resize-window", "-t", &exactly(name), "-x", &width, "-y", &height]);
    }

    /// Changes the size of a window while a key arrives.
    pub(crate) fn resize_with_key(&self, name: &str, (width, height): (usize, usize), key: &str) {
        let (width, height, at) = (width.to_string(), height.to_string(), exactly(name));
        let resize = ["resize-window", "-t", &at, "-x", &width, "-y", &height];
        self.tmux(&[&["send-keys", "-t", &at, "-l", key, ";"][..], &resize].concat());
    }

    pub(crate) fn screen(&self, name: &str) -> String {
        self.tmux(&["capture-pane", "-p", "-t", &exactly(name)])
    }

    /// Waits until a text is on a screen.
    pub(crate) fn wait(&self, name: &str, text: &str) -> String {
        self.wait_for(name, text, |screen| screen.contains(text))
    }

    pub(crate) fn wait_for(&self, name: &str, what: &str, is: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + STALL_TIMEOUT;
        loop {
            let screen = self.screen(name);
            if is(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "no {what:?} on the screen of {name}:\n{screen}");
            thread::sleep(CHECK_INTERVAL);
        }
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// Returns the exact session name. A bare name also matches windows and prefixes.
fn exactly(name: &str) -> String {
    format!("={name}:")
}

/// Returns the mark at the end of a message's line.
pub(crate) fn mark<'a>(screen: &'a str, text: &str) -> &'a str {
    let line = screen.lines().find(|line| line.contains(text)).unwrap_or_default();
    let behind = line.split(text).last().unwrap_or_default();
    behind.split_whitespace().next().unwrap_or_default()
}
