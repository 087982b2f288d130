//! Measures the disk store under the load of a multifeed:
//! `cargo run --release --example load [folder]`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use multifeed_store::{Check, DiskStore, Failure, Scan, Store};

const FEEDS: u32 = 10_000;
const GROUP: u32 = 100;
const LONE_APPENDS: u64 = 2_000;

fn key(kind: u8, feed: u32, index: u64) -> StoreKey {
    let mut bytes = [kind; 13];
    bytes[1..5].copy_from_slice(&feed.to_be_bytes());
    bytes[5..].copy_from_slice(&index.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

/// The writes of one append: a block, a tree node, and the feed's record.
fn append(feed: u32, index: u64) -> [Write; 3] {
    let value = |length: usize| Bytes::from(vec![feed as u8 ^ index as u8; length]);
    [
        Write::Put(key(3, feed, index), value(100)),
        Write::Put(key(2, feed, index), value(34)),
        Write::Put(key(1, feed, 0), value(250)),
    ]
}

fn commit_all(store: &mut DiskStore, appends: &[[Write; 3]]) -> Result<(), Failure> {
    let group: Vec<&[Write]> = appends.iter().map(|writes| &writes[..]).collect();
    store.commit(&group)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let path = folder.path().join("feeds");
    let mut out = io::stdout().lock();
    writeln!(out, "| load | measured |\n|---|---|")?;
    let mut row = |load: &str, value: String| writeln!(out, "| {load} | {value} |");

    let start = Instant::now();
    let mut store = DiskStore::open(&path, Check::Quick)?;
    row("creating a store", milliseconds(start.elapsed()))?;
    row("an empty store", format!("{} bytes", std::fs::metadata(&path)?.len()))?;

    let mut times = Vec::new();
    for index in 0..LONE_APPENDS {
        let start = Instant::now();
        commit_all(&mut store, &[append(FEEDS, index)])?;
        times.push(start.elapsed());
    }
    times.sort();
    row("one append, durable: median", milliseconds(times[times.len() / 2]))?;
    row("one append, durable: 99 %", milliseconds(times[times.len() * 99 / 100]))?;

    for (load, step) in [("in order", 1), ("scattered", 7_919)] {
        let start = Instant::now();
        for first in (0..FEEDS).step_by(GROUP as usize) {
            let feeds = (first..first + GROUP).map(|feed| feed * step % FEEDS);
            let appends: Vec<_> = feeds.map(|feed| append(feed, u64::from(step))).collect();
            commit_all(&mut store, &appends)?;
        }
        row(
            &format!("10,000 feeds × 1 block, 100 commits, {load}"),
            milliseconds(start.elapsed()),
        )?;
    }

    drop(store);
    let start = Instant::now();
    let store = DiskStore::open(&path, Check::Quick)?;
    row("opening", milliseconds(start.elapsed()))?;
    let start = Instant::now();
    let (from, until) = (key(1, 0, 0), key(1, FEEDS, 0));
    let scan = Scan { from, until, entries_max: usize::MAX, bytes_max: usize::MAX };
    let records = store.scan(&scan)?.len();
    row(&format!("scan of {records} records"), milliseconds(start.elapsed()))?;
    drop(store);
    let start = Instant::now();
    DiskStore::open(&path, Check::Full)?;
    row("opening with a full check", milliseconds(start.elapsed()))?;
    row("on the disk", format!("{} bytes", std::fs::metadata(&path)?.len()))?;
    Ok(())
}
