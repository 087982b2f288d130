//! Measures the transfer of one feed, and the shares of hashing, encryption and loopback:
//! `cargo bench -p multifeed-tcp --bench throughput`.
//!
//! Rule: one run on one machine measures both sides and every part, because only their ratios are
//! comparable between machines. On a busy machine use the processor time, not the wall time.

mod cpu;
mod crossing;
mod parts;

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

/// Bytes in a block.
const BLOCK_BYTES: usize = 64 * 1024;

/// Blocks in the feed: 256 MiB, which both sides hold in memory.
const BLOCKS: usize = 4_096;

/// Number of rounds; the best one of each measurement counts.
const ROUNDS: usize = 5;

/// An error that can move between threads.
type Failure = Box<dyn Error + Send + Sync>;

/// The time that a measurement took.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    wall: Duration,
    /// Processor time of all cores; wall time if the system does not report it.
    cpu: Duration,
}

fn main() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{:<22}{:>8}{:>20}{:>16}", "", "MB/s", "MB per CPU second", "of all CPU, %")?;
    let mut slower = Duration::MAX;
    let whole = best(|| {
        let crossing = crossing::cross(BLOCKS)?;
        slower = slower.min(crossing.slower);
        Ok::<_, Failure>(crossing.both)
    })?;
    let mut row = |name: &str, cost: Cost| {
        let bytes = (BLOCKS * BLOCK_BYTES) as f64;
        let speed = |took: Duration| bytes / took.as_secs_f64() / 1e6;
        let (wall, cpu) = (speed(cost.wall), speed(cost.cpu));
        let share = 100.0 * cost.cpu.as_secs_f64() / whole.cpu.as_secs_f64();
        writeln!(out, "{name:<22}{wall:>8.0}{cpu:>20.0}{share:>16.0}")
    };
    row("one feed, both sides", whole)?;
    row("the slower side", Cost { wall: whole.wall, cpu: slower })?;
    for (name, part) in parts::ALL {
        row(name, best(|| part(BLOCKS))?)?;
    }
    Ok(())
}

/// Returns the minimum of all rounds, for each kind of time.
fn best<E>(mut measure: impl FnMut() -> Result<Cost, E>) -> Result<Cost, E> {
    let mut best = measure()?;
    for _ in 1..ROUNDS {
        let cost = measure()?;
        best = Cost { wall: best.wall.min(cost.wall), cpu: best.cpu.min(cost.cpu) };
    }
    Ok(best)
}
