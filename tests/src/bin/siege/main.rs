//! A node under attack: the cost of hostile connections, and the service for honest ones. `cargo
//! run --release -p multifeed-tests --bin siege -- [--short] [--json] [--strict]`.
//!
//! Rule: the node runs in its own process, so its counts are its own. Bounds on bytes and
//! descriptors are exact; exceeded time bounds fail only with `--strict`.

mod appends;
mod assault;
mod attacker;
mod figure;
mod flood;
mod target;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use multifeed_tests::exit_code;
use peak_alloc::PeakAlloc;

use figure::Figures;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Feeds of the flood.
const FLOOD_FEEDS: usize = 100_000;

/// Attacks a node on loopback in every way and compares its cost with bounds.
#[derive(Parser)]
#[command(name = "siege")]
struct Arguments {
    /// A tenth of it, in less than a minute.
    #[arg(long)]
    short: bool,
    /// Print a line of JSON per figure.
    #[arg(long)]
    json: bool,
    /// Exceeded time bounds fail too.
    #[arg(long)]
    strict: bool,
    /// Only these: connections, churn, half_open, unfinished, flood, appends.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Be the node.
    #[arg(long, hide = true)]
    target: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done =
        if arguments.target { target::run(&MEMORY).map(|()| true) } else { siege(&arguments) };
    exit_code(done)
}

fn siege(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut figures = Figures::new(arguments.json, arguments.strict);
    let part = if arguments.short { 10 } else { 1 };
    let is_wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|n| n == name);
    if is_wanted("connections") {
        assault::connections(&mut figures)?;
    }
    if is_wanted("churn") {
        assault::churn(&mut figures, 10_000 / part)?;
    }
    if is_wanted("half_open") {
        assault::half_open(&mut figures, 1_000)?;
    }
    if is_wanted("unfinished") {
        assault::unfinished(&mut figures, 10_000 / part)?;
    }
    if is_wanted("flood") {
        flood::run(&mut figures, FLOOD_FEEDS / part)?;
    }
    if is_wanted("appends") {
        appends::run(&mut figures, 64, 1_000 / part as u64)?;
    }
    figures.end()
}
