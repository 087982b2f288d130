//! The measured scenarios: a load on one side, what the other has already, and the end condition.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;

use crate::process::{Process, RUN_LIMIT, TooLong};
use crate::proxy::Proxy;

/// How often the two processes are sampled.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// An exchange is over after this long without a byte or CPU time.
const QUIET: Duration = Duration::from_secs(1);

/// Timers and garbage collection use less of a processor than this; work uses more.
const IDLE_SHARE: f64 = 0.05;

/// One-way delay of the proxy where round trips are counted.
const FLIGHT: Duration = Duration::from_millis(50);

/// A measured system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum System {
    /// Ours in memory, as multifeed 6 is.
    Multifeed,
    /// Ours on disk, as hypercore 11 is.
    MultifeedDisk,
    /// multifeed 6.0.0 of npm in memory: on disk it opens six files per feed.
    #[value(name = "multifeed6")]
    #[serde(rename = "multifeed6")]
    Multifeed6,
    /// corestore 7.12.5 with hypercore 11.37.1 of npm, on disk. It exchanges no keys: they are
    /// passed outside the connection and not counted.
    #[value(name = "hypercore11")]
    #[serde(rename = "hypercore11")]
    Hypercore11,
    /// The same, reading from us over its own channel.
    #[value(name = "hypercore11_from_us")]
    #[serde(rename = "hypercore11_from_us")]
    Hypercore11FromUs,
    /// The reverse.
    #[value(name = "hypercore11_to_us")]
    #[serde(rename = "hypercore11_to_us")]
    Hypercore11ToUs,
}

/// One side of a system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Program {
    /// Ours with this storage.
    Ours(&'static str),
    /// A system of `interop/compare`.
    Javascript(&'static str),
}

impl System {
    pub(crate) const ALL: [Self; 6] = [
        Self::Multifeed,
        Self::MultifeedDisk,
        Self::Multifeed6,
        Self::Hypercore11,
        Self::Hypercore11FromUs,
        Self::Hypercore11ToUs,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Multifeed => "multifeed",
            Self::MultifeedDisk => "multifeed_disk",
            Self::Multifeed6 => "multifeed6",
            Self::Hypercore11 => "hypercore11",
            Self::Hypercore11FromUs => "hypercore11_from_us",
            Self::Hypercore11ToUs => "hypercore11_to_us",
        }
    }

    /// The sending and the receiving side.
    fn programs(self) -> [Program; 2] {
        let (stock, hypercore) = (Program::Ours("stock"), Program::Javascript("hypercore11"));
        match self {
            Self::Multifeed => [Program::Ours("memory"); 2],
            Self::MultifeedDisk => [Program::Ours("disk"); 2],
            Self::Multifeed6 => [Program::Javascript("multifeed6"); 2],
            Self::Hypercore11 => [hypercore; 2],
            Self::Hypercore11FromUs => [stock, hypercore],
            Self::Hypercore11ToUs => [hypercore, stock],
        }
    }
}

/// Feeds with this many blocks of this size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Load {
    pub(crate) feeds: u64,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

impl Load {
    const NONE: Self = Self { feeds: 0, blocks: 0, bytes: 0 };

    fn all_blocks(self) -> u64 {
        self.feeds * self.blocks
    }
}

/// What is measured for each system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What both sides have at the start.
    known: Load,
    /// What one side adds.
    new: Load,
    /// Whether only the first block counts, over a slow line.
    first_block: bool,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) system: System,
    /// New blocks, and the bytes of each.
    pub(crate) blocks: u64,
    pub(crate) block_bytes: u64,
    /// `None` if the measurement took too long.
    #[serde(flatten)]
    pub(crate) figures: Option<Figures>,
    /// The time limit in seconds, if it was exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) passed_limit_s: Option<u64>,
}

/// The result of a measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// Both directions, all layers above TCP.
    pub(crate) bytes: u64,
    /// Of both processes.
    pub(crate) cpu_ms: f64,
    /// The sum of both processes' peaks, in bytes.
    pub(crate) rss: u64,
    /// Of the process with more.
    pub(crate) fds: usize,
    /// From the dial to the last byte or the last block, whichever was later.
    pub(crate) wall_ms: f64,
    /// One-way flights until the first block, without TCP's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flights: Option<f64>,
}

impl Scenario {
    /// In table order.
    pub(crate) fn all() -> Vec<Self> {
        let load = |feeds, blocks, bytes| Load { feeds, blocks, bytes };
        let scenario =
            |name, known, new| Self { name, known, new, first_block: name == "first_block" };
        vec![
            scenario("a", Load::NONE, load(10, 1_000, 100)),
            scenario("b", Load::NONE, load(1_000, 1, 100)),
            scenario("c1000", load(1_000, 1, 100), Load::NONE),
            scenario("c5000", load(5_000, 1, 100), Load::NONE),
            scenario("d", load(1_000, 1, 100), load(10, 1, 100)),
            scenario("bulk", Load::NONE, load(1, 100_000, 100)),
            scenario("bulk", Load::NONE, load(1, 1_000, 64 * 1_024)),
            scenario("first_block", Load::NONE, load(1, 1, 100)),
        ]
    }

    /// Measures a system, or stops after [`RUN_LIMIT`].
    pub(crate) fn run(&self, system: System) -> Result<Row, Box<dyn Error>> {
        let figures = match self.measure(system.programs(), Instant::now() + RUN_LIMIT) {
            Err(error) if error.is::<TooLong>() => None,
            figures => Some(figures?),
        };
        Ok(Row {
            scenario: self.name,
            system,
            blocks: self.new.all_blocks(),
            block_bytes: self.new.bytes,
            passed_limit_s: figures.is_none().then(|| RUN_LIMIT.as_secs()),
            figures,
        })
    }

    fn measure(&self, programs: [Program; 2], until: Instant) -> Result<Figures, Box<dyn Error>> {
        let [server, client] = programs;
        let mut server = Process::start(server, until)?;
        let mut client = Process::start(client, until)?;
        let port = server.listen()?;
        if self.known != Load::NONE {
            let keys = server.fill("known", self.known)?;
            client.follow(&keys)?;
            let proxy = Proxy::to(port, Duration::ZERO)?;
            exchange(&server, &mut client, &proxy, self.known.all_blocks())?;
            client.hang_up()?;
            // Until both have reported the end.
            wait_for_quiet(&server, &client, &proxy)?;
        }
        if self.new != Load::NONE {
            let keys = server.fill("new", self.new)?;
            client.follow(&keys)?;
        }
        let delay = if self.first_block { FLIGHT } else { Duration::ZERO };
        let proxy = Proxy::to(port, delay)?;
        let took = exchange(&server, &mut client, &proxy, self.new.all_blocks())?;
        let figures = Figures {
            bytes: proxy.bytes(),
            cpu_ms: millis(took.cpu),
            rss: server.usage.peak_memory()? + client.usage.peak_memory()?,
            fds: server.usage.descriptors()?.max(client.usage.descriptors()?),
            wall_ms: millis(took.wall),
            flights: took
                .first
                .filter(|_| self.first_block)
                .map(|first| first.as_secs_f64() / FLIGHT.as_secs_f64()),
        };
        client.end()?;
        server.end()?;
        Ok(figures)
    }
}

/// The cost of an exchange.
struct Took {
    cpu: Duration,
    wall: Duration,
    first: Option<Duration>,
}

/// Connects and waits until the client has `blocks` new blocks and nothing more happens.
fn exchange(
    server: &Process,
    client: &mut Process,
    proxy: &Proxy,
    blocks: u64,
) -> Result<Took, Box<dyn Error>> {
    let cpu_before = cpu(server, client)?;
    let start = Instant::now();
    client.dial(proxy.port, blocks)?;
    let (mut first, mut got_all) = (None, Duration::ZERO);
    if blocks > 0 {
        // The first block, then the last.
        client.answer()?;
        first = Some(start.elapsed());
        client.answer()?;
        got_all = start.elapsed();
    }
    let (quiet_since, cpu_after) = wait_for_quiet(server, client, proxy)?;
    let wall = quiet_since.saturating_duration_since(start).max(got_all);
    Ok(Took { cpu: cpu_after.saturating_sub(cpu_before), wall, first })
}

/// Waits until nothing more happens. Returns since when, and the CPU time until then.
fn wait_for_quiet(
    server: &Process,
    client: &Process,
    proxy: &Proxy,
) -> Result<(Instant, Duration), Box<dyn Error>> {
    let (mut since, mut bytes, mut spent) = (Instant::now(), proxy.bytes(), cpu(server, client)?);
    let mut spent_then = spent;
    loop {
        let looked = Instant::now();
        if looked >= server.until {
            return Err(TooLong.into());
        }
        thread::sleep(LOOK_EVERY);
        let (bytes_now, spent_now) = (proxy.bytes(), cpu(server, client)?);
        let share = (spent_now - spent).as_secs_f64() / looked.elapsed().as_secs_f64();
        if bytes_now != bytes || share > IDLE_SHARE {
            since = Instant::now();
            spent_then = spent_now;
        }
        (bytes, spent) = (bytes_now, spent_now);
        // Nothing happens either before the first byte has crossed a slow line.
        if since.elapsed() >= QUIET && bytes > 0 {
            return Ok((since, spent_then));
        }
    }
}

fn cpu(server: &Process, client: &Process) -> Result<Duration, Box<dyn Error>> {
    Ok(server.usage.cpu()? + client.usage.cpu()?)
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 1e2
}
