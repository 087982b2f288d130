//! Prints the demo: a line per message, cut and recovery, and the missing messages.

use std::time::Duration;

use multifeed_core::FeedKey;
use multifeed_memory::World;

use super::options::DemoOptions;
use crate::lines::Demo;
use crate::output::{Format, Output};
use crate::report::{ColourMode, Failure};
use crate::transcript::{author, dim};

/// The names of the first members; further names have numbers.
const NAMES: [&str; 16] = [
    "ada", "ben", "cal", "dot", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "leo", "mia",
    "ned", "ola", "pia",
];
/// The most messages that are shown; a larger room shows a sample. Chosen: a run fits in a few
/// seconds.
const SHOWN_MAX: u64 = 240;
/// The most members that are reported by name; larger rooms get one number. Chosen: the line fits
/// a wide terminal.
const NAMED_MAX: usize = 10;
/// The pause after each line on a terminal. Chosen: a run takes a few seconds and can be
/// followed.
const LINE_MS: u64 = 12;
/// The width of the bar after a name, in columns.
const BAR_COLUMNS: u64 = 8;

/// The output of the demo.
pub(super) struct Display {
    output: Output,
    colour_mode: ColourMode,
    size: DemoOptions,
    last_missing: Vec<u64>,
}

impl Display {
    pub(super) fn new(size: DemoOptions, output: &Output) -> Self {
        Self { output: *output, colour_mode: output.stdout_colour, size, last_missing: Vec::new() }
    }

    pub(super) fn open(&self, world: &World) -> Result<(), Failure> {
        let count = usize::from(self.size.peers);
        let mut names: Vec<String> = (0..count.min(NAMED_MAX)).map(name).collect();
        if count > NAMED_MAX {
            names.push(format!("… {count} in all"));
        }
        let names = names.join(" ── ");
        let pipes = world.links().count();
        self.line(world, &self.bold(&format!("{names} ── (ring)")))?;
        let what = format!(
            "{count} members, {pipes} links, {} messages each, seed {}; no network, no disk",
            self.size.messages, self.size.seed
        );
        self.line(world, &dim(&what, self.colour_mode))
    }

    pub(super) fn message(
        &self,
        world: &World,
        at: usize,
        feed: &FeedKey,
        text: &str,
        nth: u64,
    ) -> Result<(), Failure> {
        let total = u64::from(self.size.peers) * u64::from(self.size.messages);
        let every = total.div_ceil(SHOWN_MAX);
        if !nth.is_multiple_of(every) {
            return Ok(());
        }
        let author = author(&name(at), &feed.0, self.colour_mode);
        self.line(world, &format!("{author}  {text}"))
    }

    pub(super) fn cut(&self, world: &World, what: &str, links: usize) -> Result<(), Failure> {
        let sign = self.colour("╳", "1;31");
        self.line(world, &format!("{sign} {} cut: {what}", self.bold(&pipes(links))))
    }

    pub(super) fn healed(&self, world: &World, links: usize) -> Result<(), Failure> {
        let sign = self.colour("═", "1;32");
        self.line(world, &format!("{sign} {} healed", self.bold(&pipes(links))))
    }

    /// Shows how many messages each member lacks.
    pub(super) fn missing(&mut self, world: &World, missing: &[u64]) -> Result<(), Failure> {
        if self.last_missing == missing {
            return Ok(());
        }
        self.last_missing = missing.to_vec();
        let sign = self.colour("·", "1;36");
        let most = missing.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return self.line(world, &format!("{sign} no message is missing"));
        }
        if missing.len() > NAMED_MAX {
            let without = missing.iter().filter(|count| **count > 0).count();
            let sum: u64 = missing.iter().sum();
            let what = format!("{without} of {} members lack {sum} messages", missing.len());
            return self.line(world, &format!("{sign} {what}"));
        }
        let parts: Vec<String> = missing
            .iter()
            .enumerate()
            .map(|(at, count)| match count {
                0 => dim(&format!("{} {}", name(at), bar(0, most)), self.colour_mode),
                count => format!("{} {} -{count}", name(at), self.colour(&bar(*count, most), "33")),
            })
            .collect();
        self.line(world, &format!("{sign} missing: {}", parts.join("  ")))
    }

    pub(super) fn close(&self, end: &Demo) -> Result<(), Failure> {
        let seconds = format!("{}.{:03}", end.elapsed_ms / 1_000, end.elapsed_ms % 1_000);
        let summary = format!(
            "{seconds} s of virtual time, {} KiB over all links, trace {}",
            end.bytes / 1_024,
            &end.trace[..16]
        );
        self.output.data(&dim(&summary, self.colour_mode))?;
        if end.converged {
            let (peers, messages) = (end.peers, end.messages);
            let last = format!("all {peers} members hold the same {messages} messages");
            self.output.data(&self.colour(&last, "1;32"))?;
        }
        Ok(())
    }

    /// Prints a line with the virtual time, and pauses on a terminal.
    fn line(&self, world: &World, text: &str) -> Result<(), Failure> {
        if self.output.format == Format::Json {
            return Ok(());
        }
        if self.output.terminals.stdout {
            std::thread::sleep(Duration::from_millis(LINE_MS));
        }
        let micros = world.now().as_micros();
        let (seconds, hundredths) = (micros / 1_000_000, micros / 10_000 % 100);
        let moment = dim(&format!("{seconds:3}.{hundredths:02}"), self.colour_mode);
        self.output.data(&format!("{moment}  {text}"))
    }

    fn bold(&self, text: &str) -> String {
        self.colour(text, "1")
    }

    fn colour(&self, text: &str, code: &str) -> String {
        match self.colour_mode {
            ColourMode::Plain => text.to_string(),
            ColourMode::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// Returns the name of a member.
pub(super) fn name(at: usize) -> String {
    match NAMES.get(at) {
        Some(name) => (*name).to_string(),
        None => format!("{}{}", NAMES[at % NAMES.len()], at / NAMES.len() + 1),
    }
}

/// Describes a split: the members from one up to another, and the others.
pub(super) fn partition_text(from: usize, until: usize, count: usize) -> String {
    let last = |at: usize| name((at + count - 1) % count);
    let run = |from: usize, until: usize| {
        if (from + 1) % count == until {
            name(from)
        } else {
            format!("{} to {}", name(from), last(until))
        }
    };
    format!("{} | {}", run(from, until), run(until, from))
}

/// Describes an isolated member.
pub(super) fn isolation_text(at: usize) -> String {
    format!("{} is isolated", name(at))
}

fn pipes(count: usize) -> String {
    if count == 1 { "1 link".to_string() } else { format!("{count} links") }
}

/// Draws a bar that shows how complete a member is.
fn bar(count: u64, most: u64) -> String {
    let empty = (count * BAR_COLUMNS).div_ceil(most.max(1)).min(BAR_COLUMNS);
    (0..BAR_COLUMNS).map(|at| if at < BAR_COLUMNS - empty { '▓' } else { '░' }).collect()
}
