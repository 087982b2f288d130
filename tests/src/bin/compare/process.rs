//! One side of a comparison as a separate process.

use std::error::Error;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scenario::{Load, Program};
use crate::usage::Usage;

/// How long one measurement may take, including its preparation: several times the slowest one on
/// an idle machine.
pub(crate) const RUN_LIMIT: Duration = Duration::from_secs(600);

/// A measurement took longer than [`RUN_LIMIT`].
#[derive(Debug)]
pub(crate) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it took longer than {} s", RUN_LIMIT.as_secs())
    }
}

impl Error for TooLong {}

/// A process that executes orders, a line of JSON each.
pub(crate) struct Process {
    child: Child,
    /// `None` after it was stopped.
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    pub(crate) until: Instant,
    pub(crate) usage: Usage,
}

impl Process {
    /// Starts one side of a system, which must answer before `until`.
    pub(crate) fn start(program: Program, until: Instant) -> Result<Self, Box<dyn Error>> {
        let mut command = match program {
            Program::Ours(storage) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("--peer").arg(storage);
                command
            }
            Program::Javascript(name) => {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/compare");
                let packages = folder.join(name);
                if !packages.join("node_modules").is_dir() {
                    let packages = packages.display();
                    return Err(format!("packages are missing: run `npm ci` in {packages}").into());
                }
                let mut command = Command::new("node");
                // Thousands of feeds of multifeed 6 take gigabytes.
                command.arg("--max-old-space-size=8192");
                command.arg(folder.join("peer.js")).arg(name);
                command
            }
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take();
        let output = child.stdout.take().ok_or("the process has no output")?;
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let usage = Usage::of(child.id());
        Ok(Self { child, orders, answers, until, usage })
    }

    /// Creates feeds. Returns the keys that the other side needs.
    pub(crate) fn fill(&mut self, name: &str, load: Load) -> Result<Value, Box<dyn Error>> {
        let Load { feeds, blocks, bytes } = load;
        self.order(&json!({
            "fill": { "name": name, "feeds": feeds, "blocks": blocks, "bytes": bytes }
        }))?;
        Ok(self.answer()?["keys"].take())
    }

    /// Replicates these feeds from now on.
    pub(crate) fn follow(&mut self, keys: &Value) -> Result<(), Box<dyn Error>> {
        self.order(&json!({ "follow": keys }))?;
        self.answer().map(drop)
    }

    /// Accepts connections. Returns the port.
    pub(crate) fn listen(&mut self) -> Result<u16, Box<dyn Error>> {
        self.order(&json!({ "listen": {} }))?;
        let port = self.answer()?["port"].as_u64().ok_or("no port")?;
        Ok(port.try_into()?)
    }

    /// Connects. It reports the first new block, and `blocks` of them.
    pub(crate) fn dial(&mut self, port: u16, blocks: u64) -> Result<(), Box<dyn Error>> {
        self.order(&json!({ "dial": { "port": port, "blocks": blocks } }))
    }

    /// Closes its connections.
    pub(crate) fn hang_up(&mut self) -> Result<(), Box<dyn Error>> {
        self.order(&json!({ "hang_up": {} }))?;
        self.answer().map(drop)
    }

    /// Its next message.
    pub(crate) fn answer(&mut self) -> Result<Value, Box<dyn Error>> {
        match self.answers.recv_timeout(self.until.saturating_duration_since(Instant::now())) {
            Ok(line) => Ok(serde_json::from_str(&line)?),
            Err(RecvTimeoutError::Timeout) => Err(TooLong.into()),
            Err(RecvTimeoutError::Disconnected) => Err("a process ended unexpectedly".into()),
        }
    }

    fn order(&mut self, order: &Value) -> Result<(), Box<dyn Error>> {
        let orders = self.orders.as_mut().ok_or("it was stopped")?;
        writeln!(orders, "{order}")?;
        Ok(orders.flush()?)
    }

    /// Stops it and waits for its end.
    pub(crate) fn end(mut self) -> Result<(), Box<dyn Error>> {
        self.orders = None;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After a failure it is killed; after a normal end this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
