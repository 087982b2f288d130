//! Failing disks below the real store and core: `cargo run --release -p multifeed-tests --bin crash
//! -- --images 1000000 [--json]`.
//!
//! Rule: the correct results are recorded outside the tested code: blocks when they are made,
//! groups of commits when they are durable, acknowledgements by another process.

mod backup;
mod bitrot;
mod images;
mod iofault;
mod kill9;
mod life;
mod report;
mod view;
mod watched;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use report::Report;

/// Breaks disks in every way and checks what is left. Without options, everything in short.
#[derive(Parser)]
#[command(name = "crash")]
struct Arguments {
    /// Power cuts: open this many disk images with torn and reordered writes.
    #[arg(long, value_name = "N")]
    images: Option<u64>,
    /// Kill a process with a store on a real disk this many times.
    #[arg(long, value_name = "N")]
    kill9: Option<u64>,
    /// Flip every byte that a store uses, one after the other.
    #[arg(long)]
    bitrot: bool,
    /// Let every disk operation fail, in every way.
    #[arg(long)]
    iofault: bool,
    /// Restore an old copy of a disk, for every moment of a life.
    #[arg(long)]
    backup: bool,
    /// All of these, in less than a minute.
    #[arg(long)]
    short: bool,
    /// The seed of the first life.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print JSON lines instead of text.
    #[arg(long)]
    json: bool,
    /// Be the process that is killed.
    #[arg(long, hide = true)]
    child: Option<PathBuf>,
    /// Be the process that flips bytes, from this one on.
    #[arg(long, hide = true)]
    flip_from: Option<usize>,
    /// Flip one byte in this many.
    #[arg(long, hide = true, default_value_t = 1)]
    flip_step: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The engine panics on deliberate damage, and the store catches it; do not print that a
    // thousand times.
    std::panic::set_hook(Box::new(|_| ()));
    let done = match (&arguments.child, arguments.flip_from) {
        (Some(path), _) => kill9::child(path).map(|()| true),
        (_, Some(from)) => bitrot::child(arguments.seed, arguments.flip_step, from).map(|()| true),
        _ => crash(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn crash(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let Arguments { bitrot, iofault, backup, seed, .. } = *arguments;
    let is_chosen = arguments.images.is_some() || arguments.kill9.is_some();
    let short = arguments.short || !(is_chosen || bitrot || iofault || backup);
    let mut report = Report::new(arguments.json);
    if let Some(count) = arguments.images.or(short.then_some(20_000)) {
        report.row(&images::run(count, seed))?;
    }
    if iofault || short {
        report.row(&iofault::run(seed, if short { 1 } else { 4 }))?;
    }
    if bitrot || short {
        report.row(&bitrot::run(seed, if short { 61 } else { 1 })?)?;
    }
    if backup || short {
        report.row(&backup::run(seed, if short { 1 } else { 8 }))?;
    }
    if let Some(cycles) = arguments.kill9.or(short.then_some(60)) {
        report.row(&kill9::run(cycles)?)?;
    }
    report.end()
}
