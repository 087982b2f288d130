//! The attacked node in its own process, and queries of its resource usage.
//!
//! Rule: a query is a line on its input, and the answer a line of JSON.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use multifeed_core::{Group, KeyPair};
use multifeed_tcp::{Node, NodeOptions, runtime::Tokio};
use peak_alloc::PeakAlloc;
use serde::{Deserialize, Serialize};

/// Blocks of the node's own feed, for attackers that request much and read nothing: 8 MiB.
const BLOCKS: usize = 128;
const BLOCK_BYTES: usize = 64 * 1024;

/// How long a node may take to close finished connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long usage must not fall until a node counts as idle.
const REST: Duration = Duration::from_millis(200);

/// The group of the node, and of attackers that are members.
pub(crate) fn group() -> Group {
    Group::keyed([6; 32])
}

/// The resources of a process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Bytes allocated and not freed.
    pub(crate) allocated: i64,
    /// Resident memory according to the kernel.
    pub(crate) resident: i64,
    pub(crate) descriptors: i64,
    /// Files in its folder.
    pub(crate) files: i64,
    /// Connected members.
    pub(crate) peers: i64,
}

/// The node, which runs until its input ends.
pub(crate) fn run(memory: &PeakAlloc) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let open = async {
        let options = NodeOptions::new(group(), Tokio::current()?).folder(folder.path());
        let node = Node::open(options.listen((Ipv4Addr::LOCALHOST, 0).into())).await?;
        let feed = node.writer("own", KeyPair::from_seed(&[7; 32])).await?;
        for number in 0..BLOCKS {
            node.append(feed, vec![vec![number as u8; BLOCK_BYTES]]).await?;
        }
        // The store's read cache belongs to no connection.
        for number in 0..BLOCKS as u64 {
            node.read(feed, number..number + 1).await?;
        }
        let addr = node.local_addrs().await?.first().copied().ok_or("no address")?;
        Ok::<_, Box<dyn Error>>((node, addr))
    };
    let (node, addr) = runtime.block_on(open)?;
    writeln!(io::stdout(), "{addr}")?;
    for _ in io::stdin().lines().map_while(Result::ok) {
        let peers = runtime.block_on(node.peers())?.len() as i64;
        let usage = Usage {
            allocated: memory.current_usage() as i64,
            resident: resident()?,
            descriptors: fs::read_dir("/proc/self/fd")?.count() as i64,
            files: fs::read_dir(folder.path())?.count() as i64,
            peers,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string(&usage)?)?;
    }
    runtime.block_on(node.close());
    Ok(())
}

/// Resident memory (Linux, proc(5)).
fn resident() -> io::Result<i64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<i64>().ok());
    Ok(number.ok_or_else(|| io::Error::other("unexpected format of a proc(5) file"))? * 1024)
}

/// The attacked node, seen from outside.
pub(crate) struct Target {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(crate) addr: SocketAddr,
}

impl Target {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--target")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asks = child.stdin.take().ok_or("a child without input")?;
        let mut answers = BufReader::new(child.stdout.take().ok_or("a child without output")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        Ok(Self { child, asks, answers, addr: line.trim().parse()? })
    }

    pub(crate) fn usage(&mut self) -> Result<Usage, Box<dyn Error>> {
        writeln!(self.asks)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Waits until it has as many descriptors as before and its usage stays constant for a while.
    /// Returns the usage.
    pub(crate) fn wait_until_idle(&mut self, before: &Usage) -> Result<Usage, Box<dyn Error>> {
        let began = Instant::now();
        let mut last = self.usage()?;
        loop {
            thread::sleep(REST);
            let usage = self.usage()?;
            let is_at_rest = usage.allocated >= last.allocated;
            if usage.descriptors <= before.descriptors && is_at_rest
                || began.elapsed() > IDLE_TIMEOUT
            {
                return Ok(usage);
            }
            last = usage;
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It removes its folder when its input ends; otherwise it is killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
