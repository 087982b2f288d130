//! A process with a store on a real disk is killed at random moments and restarted.
//!
//! Rule: only the parent knows what was acknowledged, from the child's output. A second process
//! never gets the store while the child lives.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use multifeed_core::Event;
use multifeed_store::{Check, DiskStore, FailureKind};
use multifeed_tests::Node;

use crate::life::{OWN, writers};
use crate::report::{Row, Wrong};
use crate::view::{View, complaint, config};

/// Cycles per store: it grows, and all of it is read in each cycle.
const CYCLES_OF_A_STORE: u64 = 25;

/// Longest life of a child, from its first acknowledgement.
const LIFE_MS_MAX: u64 = 40;

/// The block of an index, so that a reader can verify it.
fn block(name: &str, index: u64) -> Vec<u8> {
    let length = (index * 7_919 % 1_500) as usize;
    format!("{name} {index} ").bytes().cycle().take(8 + length).collect()
}

/// Appends one to four blocks at a time until it is killed, and prints what is durable.
pub(crate) fn child(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut node = Node::open_on(config(1), DiskStore::open(path, Check::Quick)?);
    let feeds = writers(&mut node, &OWN);
    let mut out = std::io::stdout().lock();
    for round in 0.. {
        for (feed, (name, _)) in feeds.iter().zip(OWN) {
            let at = node.multifeed.feed(*feed).map_or(0, |feed| feed.length);
            let blocks: Vec<_> = (at..at + 1 + round % 4).map(|at| block(name, at)).collect();
            let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
            node.multifeed.append(*feed, &slices)?;
        }
        node.drain();
        for event in std::mem::take(&mut node.events) {
            match event {
                Event::Appended { feed, end, .. } => {
                    let name = node.multifeed.feed(feed).and_then(|feed| feed.name);
                    writeln!(out, "{} {end}", name.unwrap_or_default())?;
                }
                Event::Ready { .. } => {}
                other => return Err(format!("{other:?}").into()),
            }
        }
        out.flush()?;
    }
    Ok(())
}

/// A child and its output.
struct Running {
    child: Child,
    said: Receiver<String>,
}

impl Running {
    fn start(path: &Path) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--child")
            .arg(path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().ok_or("a child without output")?;
        let (sender, said) = channel();
        std::thread::spawn(move || {
            // A line cut by the kill does not count.
            let mut lines = BufReader::new(out);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|count| count > 0) && line.ends_with('\n') {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, said })
    }

    /// Reads its output so far.
    fn read_acknowledged(&self, acknowledged: &mut BTreeMap<String, u64>) -> u64 {
        self.said.try_iter().map(|line| take(&line, acknowledged)).sum()
    }

    /// Kills it and reads its remaining output.
    fn kill(mut self, acknowledged: &mut BTreeMap<String, u64>) -> std::io::Result<u64> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.said.iter().map(|line| take(&line, acknowledged)).sum())
    }
}

/// Records the acknowledged length of a feed. Returns how many blocks were added.
fn take(line: &str, acknowledged: &mut BTreeMap<String, u64>) -> u64 {
    let said = line.trim_end().split_once(' ');
    let Some((feed, Ok(end))) = said.map(|(feed, end)| (feed, end.parse::<u64>())) else {
        return 0;
    };
    let before = acknowledged.insert(feed.into(), end).unwrap_or_default();
    end.saturating_sub(before)
}

/// Kills this many children.
pub(crate) fn run(cycles: u64) -> Result<Row, Box<dyn Error>> {
    let mut row = Row::new("kill9");
    let (mut folder, mut acknowledged) = (tempfile::tempdir()?, BTreeMap::new());
    for cycle in 0..cycles {
        if cycle % CYCLES_OF_A_STORE == 0 {
            (folder, acknowledged) = (tempfile::tempdir()?, BTreeMap::new());
        }
        let path = folder.path().join("feeds");
        let running = Running::start(&path)?;
        // At various moments; primes avoid equal cycles.
        let life = Duration::from_micros(500 + cycle * 7_919 % (LIFE_MS_MAX * 1_000));
        std::thread::sleep(life);
        let acknowledged_alive = running.read_acknowledged(&mut acknowledged);
        if acknowledged_alive > 0 {
            // It has opened the store and is alive.
            row.add("second_opens", 1);
            row.judge(is_locked(&path), || format!("cycle {cycle}"));
        }
        let count = acknowledged_alive + running.kill(&mut acknowledged)?;
        row.add("cycles", 1);
        row.add("acknowledged", count);
        row.judge(look(&path, &acknowledged), || format!("cycle {cycle}"));
    }
    Ok(row.end())
}

fn is_locked(path: &Path) -> Result<(), Wrong> {
    match DiskStore::open(path, Check::Quick).map_err(|failure| failure.kind()) {
        Err(FailureKind::Locked) => Ok(()),
        other => Err(Wrong::Bad(format!("a second process was not locked out: {other:?}"))),
    }
}

fn look(path: &Path, acknowledged: &BTreeMap<String, u64>) -> Result<(), Wrong> {
    let store = DiskStore::open(path, Check::Quick);
    let store = store.map_err(|failure| Wrong::Bad(format!("{failure:?}")))?;
    let mut node = Node::open_on(config(1), store);
    let feeds = writers(&mut node, &OWN);
    let view = View::of(&mut node);
    if let Some(event) = complaint(&node) {
        return Err(Wrong::Bad(format!("{event:?}")));
    }
    for (feed, (name, _)) in feeds.iter().zip(OWN) {
        let Some(held) = node.multifeed.feed(*feed) else { continue };
        let (length, key) = (held.length, held.key);
        let least = acknowledged.get(name).copied().unwrap_or_default();
        if length < least {
            return Err(Wrong::Lost(format!("{name} has {length} of {least} blocks")));
        }
        let blocks = view.0.get(&key).map(|seen| &seen.blocks);
        let is_right = |index| {
            blocks
                .and_then(|blocks| blocks.get(&index))
                .is_some_and(|found| *found == block(name, index))
        };
        if let Some(index) = (0..length).find(|index| !is_right(*index)) {
            return Err(Wrong::Bad(format!("block {index} of {name} has other bytes")));
        }
    }
    Ok(())
}
