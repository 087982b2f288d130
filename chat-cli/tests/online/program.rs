//! Runs the program under test, to its end or in the background.
//!
//! Every wait has a limit, and waits for a line or an exit, never for a fixed time.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than any step takes on a busy machine.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The interval between checks of a process that should exit.
const CHECK_INTERVAL: Duration = Duration::from_millis(2);

/// A folder with the data of several members.
pub(crate) struct TestDir {
    dir: TempDir,
}

/// The data folder of one member.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) data: PathBuf,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl TestDir {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn home(&self, name: &str) -> Home {
        Home { data: self.dir.path().join(name) }
    }

    /// Creates a member with a new room, and returns the invite.
    pub(crate) fn host(&self, name: &str) -> (Home, String) {
        let home = self.home(name);
        let done = home.run(&["--nick", name, "new", "kitchen", "--no-open", "--json"]);
        assert_eq!(done.code, 0, "{done:?}");
        let invite = done.lines()[0]["ticket"].as_str().expect("a ticket").to_string();
        (home, invite)
    }

    /// Creates a member who joins.
    pub(crate) fn joiner(&self, name: &str, invite: &str) -> Home {
        let home = self.home(name);
        let done = home.run(&["--nick", name, "join", invite, "--no-open"]);
        assert_eq!(done.code, 0, "{done:?}");
        home
    }
}

impl Home {
    /// Creates a command with this member's data and an empty environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_multichat"));
        command.env_clear().arg("--data-dir").arg(&self.data).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Finished {
        finish(self.command(words).spawn().expect("the program starts"))
    }

    /// Runs it with input on stdin.
    pub(crate) fn run_with(&self, input: &str, words: &[&str]) -> Finished {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // The program writes while it reads, so a second thread writes the input.
        let input = input.to_string();
        let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
        let done = finish(child);
        // A program that exits early does not read all input; the result shows that.
        let _ = writer.join();
        done
    }

    /// Starts it with `--json` and reads its lines.
    pub(crate) fn start(&self, words: &[&str]) -> Running {
        let mut command = self.command(&["--json"]);
        let mut child = command.args(words).stdin(Stdio::piped()).spawn().expect("it starts");
        let (said, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let value: Value = serde_json::from_str(&line).expect("each line is JSON");
                if said.send(value).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Running { child, stdin, lines }
    }

    /// Serves on a port chosen by the system, and returns the address.
    pub(crate) fn serve(&self, more: &[&str]) -> (Running, String) {
        let words = [&["--listen", "127.0.0.1:0", "serve"], more].concat();
        let mut running = self.start(&words);
        let listening = running.wait(|line| line["type"] == "listening");
        (running, listening["addr"].as_str().expect("an address").to_string())
    }

    /// Returns every message as `(nick, text)`.
    pub(crate) fn messages(&self) -> Vec<(String, String)> {
        let done = self.run(&["tail", "--json", "-n", "100000"]);
        assert_eq!(done.code, 0, "{done:?}");
        let field = |value: &Value| value.as_str().expect("a string").to_string();
        let message = |line: &Value| (field(&line["author"]["nick"]), field(&line["text"]));
        done.lines().iter().map(message).collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.messages().into_iter().map(|(_, text)| text).collect()
    }

    /// Returns the file with the feeds of the only room.
    pub(crate) fn store(&self) -> PathBuf {
        let rooms = self.data.join("default/rooms");
        let room = std::fs::read_dir(rooms).expect("rooms").next().expect("a room");
        room.expect("readable").path().join("feeds/feeds")
    }
}

impl Finished {
    /// Returns the lines of stdout as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let line = |line: &str| serde_json::from_str(line).expect("each line is JSON");
        self.out.lines().map(line).collect()
    }
}

/// A running program. It is killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Running {
    /// Waits for the next matching line.
    pub(crate) fn wait(&mut self, meant: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + STALL_TIMEOUT;
        let mut passed = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if meant(&line) => return line,
                Ok(line) => passed.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("no such line among {passed:#?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended after {passed:#?}"),
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// Kills it like `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Sends a signal and waits for the exit.
    pub(crate) fn stop(self, signal: &str) -> Finished {
        let mut kill = Command::new("kill");
        let status = kill.args([format!("-{signal}"), self.pid().to_string()]).status();
        assert!(status.expect("kill").success());
        self.done()
    }

    /// Closes its input and waits for the exit.
    pub(crate) fn end(mut self) -> Finished {
        self.stdin = None;
        self.done()
    }

    fn done(mut self) -> Finished {
        let code = exit_code(&mut self.child);
        let out = self.lines.iter().map(|line| format!("{line}\n")).collect();
        let mut err = String::new();
        let stderr = self.child.stderr.as_mut().expect("a pipe");
        stderr.read_to_string(&mut err).expect("UTF-8");
        Finished { code, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn finish(mut child: Child) -> Finished {
    let (out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let read = |mut stream: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("UTF-8");
            text
        })
    };
    let (out, err) = (read(Box::new(out)), read(Box::new(err)));
    let code = exit_code(&mut child);
    Finished { code, out: out.join().expect("read"), err: err.join().expect("read") }
}

/// Waits for the exit of a process; -9 if it was killed.
pub(crate) fn exit_code(child: &mut Child) -> i32 {
    let until = Instant::now() + STALL_TIMEOUT;
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code().unwrap_or(-9);
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("it did not end in {STALL_TIMEOUT:?}");
        }
        thread::sleep(CHECK_INTERVAL);
    }
}
