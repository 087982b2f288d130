//! Processor time of this process, and of one of its threads.

use std::time::{Duration, Instant};

use crate::Cost;

/// Ticks per second of the times in /proc: `USER_HZ`, which is 100 on every common architecture of
/// Linux (proc(5)).
const TICKS_PER_S: f64 = 100.0;

/// The start of a measurement.
pub(crate) struct Clock {
    wall: Instant,
    cpu: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { wall: Instant::now(), cpu: used().unwrap_or_default() }
    }

    pub(crate) fn stop(&self) -> Cost {
        let wall = self.wall.elapsed();
        let cpu = used().map_or(wall, |used| used.saturating_sub(self.cpu));
        Cost { wall, cpu }
    }
}

/// Returns the processor time of all threads so far, in user and system mode: proc(5), fields 14
/// and 15.
fn used() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.map(|field| field.parse::<f64>().ok()).sum::<Option<f64>>()?;
    Some(Duration::from_secs_f64(ticks / TICKS_PER_S))
}

/// Returns the processor time of the calling thread so far: proc(5), `schedstat`.
pub(crate) fn of_this_thread() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
