//! A JavaScript process that executes commands, each a line of JSON.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant as Clock},
};

use serde_json::{Value, json};

/// Longer than any command takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A block of an author, as `commands.js` makes it.
pub fn block(seed: u8, index: u64, sizes: &[usize]) -> Vec<u8> {
    let first = u64::from(seed) + index * 31;
    let size = sizes[usize::try_from(index).unwrap() % sizes.len()];
    (0..size as u64).map(|place| (first + place * 7) as u8).collect()
}

/// The number of processes so far: each has its own folder.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A JavaScript process.
#[derive(Debug)]
pub struct Javascript {
    child: Child,
    folder: PathBuf,
    answers: Receiver<Value>,
    kept: VecDeque<Value>,
    next: u64,
}

impl Javascript {
    /// Starts a hypercore of this version.
    pub fn hypercore(version: u32) -> Self {
        Self::start("hypercore.js", &version.to_string())
    }

    /// Starts the peer that speaks `multifeed/1`.
    pub fn multifeed(group_key: &[u8]) -> Self {
        Self::start("js/peer.js", &data_encoding::HEXLOWER.encode(group_key))
    }

    fn start(script: &str, argument: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(script);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = format!("multifeed-interop-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let mut command = Command::new("node");
        command.arg(script).arg(argument).arg(&folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node is there");
        let (sender, answers) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // A line that is not JSON is output of some package.
                if let Ok(answer) = serde_json::from_str(&line) {
                    _ = sender.send(answer);
                }
            }
        });
        Self { child, folder, answers, kept: VecDeque::new(), next: 0 }
    }

    /// Sends a command; its answer comes with [`Javascript::answered`].
    pub fn tell(&mut self, command: &str, mut options: Value) -> u64 {
        self.next += 1;
        options["id"] = json!(self.next);
        options["command"] = json!(command);
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{options}").unwrap();
        self.next
    }

    /// The answer, if it has arrived.
    pub fn answered(&mut self, id: u64) -> Option<Value> {
        self.kept.extend(self.answers.try_iter());
        let place = self.kept.iter().position(|answer| answer["id"] == id)?;
        let answer = self.kept.remove(place).unwrap();
        assert_eq!(answer.get("error"), None, "{}", answer["error"].as_str().unwrap_or_default());
        Some(answer)
    }

    /// Sends a command that does not need us, and waits for the answer.
    pub fn ask(&mut self, command: &str, options: Value) -> Value {
        let (id, start) = (self.tell(command, options), Clock::now());
        loop {
            if let Some(answer) = self.answered(id) {
                return answer;
            }
            assert!(start.elapsed() < PATIENCE, "{command} takes too long");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Javascript {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        _ = std::fs::remove_dir_all(&self.folder);
    }
}
