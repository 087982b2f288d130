//! Runs two terminals, one per person, with tmux.
//!
//! Rule: a recorded screen is exactly what the program has drawn.

use std::error::Error;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vt100::{Parser, Screen};

/// The columns of a window.
pub(crate) const WIDTH: u16 = 60;
/// The rows of a window.
pub(crate) const HEIGHT: u16 = 26;

/// Longer than any step takes on a busy machine.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The interval between checks of a screen.
const CHECK_INTERVAL: Duration = Duration::from_millis(40);

/// A private tmux server, which ends when this is dropped.
pub(crate) struct Terminals {
    dir: TempDir,
}

impl Terminals {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self { dir: tempfile::tempdir()? })
    }

    fn tmux(&self, words: &[&str]) -> Result<String, Box<dyn Error>> {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").args(["-f", "/dev/null", "-S"]);
        let done = command.arg(self.dir.path().join("tmux")).args(words).output()?;
        if done.status.success() {
            Ok(String::from_utf8_lossy(&done.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned().into())
        }
    }

    /// Opens a shell for a person, with the program in its path and its own data folder.
    pub(crate) fn open(&self, who: &str, programs: &Path) -> Result<(), Box<dyn Error>> {
        let (width, height) = (WIDTH.to_string(), HEIGHT.to_string());
        let shell = format!(
            "env -i TERM=tmux-256color LANG=C.UTF-8 PATH={}:/usr/bin:/bin USER={who} \
             MULTICHAT_DATA_DIR={} PS1='$ ' sh",
            programs.display(),
            self.dir.path().join(who).display()
        );
        self.tmux(&["-u", "new-session", "-d", "-s", who, "-x", &width, "-y", &height, &shell])?;
        self.tmux(&["set", "-g", "status", "off"])?;
        self.tmux(&["resize-window", "-t", &exactly(who), "-x", &width, "-y", &height])?;
        self.wait(who, "$")
    }

    /// Types text.
    pub(crate) fn keys(&self, who: &str, text: &str) -> Result<(), Box<dyn Error>> {
        self.tmux(&["send-keys", "-t", &exactly(who), "-l", text]).map(|_| ())
    }

    /// Presses one key.
    pub(crate) fn key(&self, who: &str, key: &str) -> Result<(), Box<dyn Error>> {
        self.tmux(&["send-keys", "-t", &exactly(who), key]).map(|_| ())
    }

    /// Returns the text of a screen.
    pub(crate) fn text(&self, who: &str) -> Result<String, Box<dyn Error>> {
        self.tmux(&["capture-pane", "-p", "-t", &exactly(who)])
    }

    /// Waits until a text is on a screen.
    pub(crate) fn wait(&self, who: &str, text: &str) -> Result<(), Box<dyn Error>> {
        self.wait_until(who, text, |screen| screen.contains(text))
    }

    /// Waits until a screen matches.
    pub(crate) fn wait_until(
        &self,
        who: &str,
        what: &str,
        is: impl Fn(&str) -> bool,
    ) -> Result<(), Box<dyn Error>> {
        let until = Instant::now() + STALL_TIMEOUT;
        loop {
            let screen = self.text(who)?;
            if is(&screen) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("no {what:?} on the screen of {who}:\n{screen}").into());
            }
            sleep(CHECK_INTERVAL);
        }
    }

    /// Returns a screen with its colours and its visible cursor.
    pub(crate) fn screen(&self, who: &str) -> Result<Shot, Box<dyn Error>> {
        let text = self.tmux(&["capture-pane", "-e", "-p", "-t", &exactly(who)])?;
        let side = |cells| NonZero::new(cells).ok_or("a screen has cells");
        let mut parser = Parser::new(side(HEIGHT)?, side(WIDTH)?, 0);
        parser.process(text.trim_end_matches('\n').replace('\n', "\r\n").as_bytes());
        let format = "#{cursor_flag} #{cursor_y} #{cursor_x}";
        let cursor = self.tmux(&["display-message", "-p", "-t", &exactly(who), format])?;
        let cursor: Vec<u16> = cursor.split_whitespace().flat_map(str::parse).collect();
        let cursor = match cursor[..] {
            [1, row, column] => Some((row, column)),
            _ => None,
        };
        Ok(Shot { screen: parser.screen().clone(), cursor })
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        // It may have ended already after a failure.
        let _ = self.tmux(&["kill-server"]);
    }
}

/// A recorded screen.
pub(crate) struct Shot {
    pub(crate) screen: Screen,
    /// The row and column.
    pub(crate) cursor: Option<(u16, u16)>,
}

/// Returns the exact session name. A bare name also matches windows and prefixes.
fn exactly(name: &str) -> String {
    format!("={name}:")
}
