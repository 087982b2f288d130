//! A process that is killed at any moment loses no acknowledged commit.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use multifeed_store::{Check, DiskStore, Scan, Store};

const CHILD_ENV: &str = "MULTIFEED_STORE_KILL9_CHILD";
const CYCLES_ENV: &str = "MULTIFEED_STORE_KILL9_CYCLES";

/// The number of cycles, unless the variable above sets another.
const CYCLES: u64 = 20;

const GROUP: u64 = 3;

fn block_key(index: u64) -> StoreKey {
    let mut bytes = [3; 13];
    bytes[5..].copy_from_slice(&index.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

/// The key of the record; it sorts before all blocks.
fn record_key() -> StoreKey {
    StoreKey::from_bytes([1; 13])
}

/// The writes of one append: a distinct block, and the record with the number of blocks.
fn append(index: u64) -> [Write; 2] {
    let block = index.to_le_bytes().repeat(1 + index as usize % 50);
    let length = Bytes::copy_from_slice(&(index + 1).to_le_bytes());
    [Write::Put(block_key(index), block.into()), Write::Put(record_key(), length)]
}

/// Returns the length in the record, after checking that exactly these blocks are stored.
fn length(store: &DiskStore) -> u64 {
    let record = store.read(&[record_key()]).unwrap().remove(0);
    let length = record.map_or(0, |record| u64::from_le_bytes(record[..].try_into().unwrap()));
    let (from, until) = (block_key(0), StoreKey::from_bytes([255; 13]));
    let scan = Scan { from, until, entries_max: usize::MAX, bytes_max: usize::MAX };
    let blocks = store.scan(&scan).unwrap();
    assert_eq!(blocks.len() as u64, length, "the blocks are not a prefix");
    for ((key, block), index) in blocks.into_iter().zip(0..) {
        assert_eq!(Write::Put(key, block), append(index)[0]);
    }
    length
}

/// Appends groups of three until it is killed, and prints the number of durable blocks after each.
#[test]
#[ignore = "the child process of the test below"]
fn child() {
    let Ok(path) = std::env::var(CHILD_ENV) else {
        return;
    };
    let mut store = DiskStore::open(path, Check::Quick).unwrap();
    let mut out = std::io::stdout().lock();
    let mut next = length(&store);
    loop {
        let appends: Vec<_> = (next..next + GROUP).map(append).collect();
        let group: Vec<&[Write]> = appends.iter().map(|writes| &writes[..]).collect();
        store.commit(&group).unwrap();
        next += GROUP;
        writeln!(out, "\nacknowledged {next}").unwrap();
        out.flush().unwrap();
    }
}

/// Runs the child for a while, kills it and returns the last acknowledgement.
fn cycle(path: &Path, life: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(CHILD_ENV, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let lines = out.lines().map_while(Result::ok);
        lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok()).last()
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap().unwrap_or(0)
}

#[test]
fn acknowledged_commits_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feeds");
    let cycles = std::env::var(CYCLES_ENV).map_or(CYCLES, |cycles| cycles.parse().unwrap());
    let (mut total, started) = (0, Instant::now());
    for number in 0..cycles {
        // Between 0.5 and 60.5 ms: before the store exists, up to long after. The step is a prime,
        // so the cycles differ.
        let life = Duration::from_micros(500 + number * 7_919 % 60_000);
        let acknowledged = cycle(&path, life);
        let found = length(&DiskStore::open(&path, Check::Quick).unwrap());
        assert!(
            found >= acknowledged,
            "cycle {number}: {found} of {acknowledged} acknowledged blocks"
        );
        assert_eq!(found % GROUP, 0, "cycle {number}: part of a group");
        total = total.max(found);
    }
    assert!(total > cycles, "only {total} blocks in {:?}", started.elapsed());
}
