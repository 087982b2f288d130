//! Compares multifeed with alternatives in one run: `cargo run --release -p multifeed-tests --bin
//! compare -- [--json] [--svg FILE]`.
//!
//! Rule: every system is measured from outside in the same way. Two of its processes exchange feeds
//! through a proxy that counts bytes; CPU time, memory and descriptors come from the kernel.

mod bars;
mod ours;
mod process;
mod proxy;
mod scenario;
mod table;
mod usage;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use multifeed_tests::exit_code;

use scenario::{Row, Scenario, System};

/// Measures multifeed, multifeed 6 and hypercore 11 in the same scenarios, and hypercore 11 with a
/// multifeed as the other side.
#[derive(Parser)]
#[command(name = "compare")]
struct Arguments {
    /// Print a line of JSON per measurement instead of the table.
    #[arg(long)]
    json: bool,
    /// Write a bar chart of the ratios to this file.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Only these scenarios: a, b, c1000, c5000, d, bulk, first_block.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these systems.
    #[arg(long, value_delimiter = ',')]
    systems: Vec<System>,
    /// Be one side of a comparison that reads orders from its input.
    #[arg(long, hide = true)]
    peer: Option<ours::Storage>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.peer {
        Some(storage) => ours::run(storage),
        None => compare(&arguments),
    };
    exit_code(done.map(|()| true))
}

fn compare(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let scenarios = Scenario::all();
    let known = |name: &String| scenarios.iter().any(|scenario| scenario.name == name);
    if let Some(unknown) = arguments.only.iter().find(|name| !known(name)) {
        return Err(format!("unknown scenario {unknown:?}").into());
    }
    let is_wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|n| n == name);
    let systems = match arguments.systems.as_slice() {
        [] => System::ALL.to_vec(),
        some => some.to_vec(),
    };
    let mut rows: Vec<Row> = Vec::new();
    for scenario in scenarios.iter().filter(|scenario| is_wanted(scenario.name)) {
        // Within a scenario, systems run one after the other, so all meet the same conditions.
        for system in &systems {
            let row = scenario.run(*system)?;
            if arguments.json {
                writeln!(io::stdout(), "{}", serde_json::to_string(&row)?)?;
            } else {
                let end = if row.figures.is_some() { "done" } else { "took too long" };
                writeln!(io::stderr(), "{} {}: {end}", row.scenario, row.system.name())?;
            }
            rows.push(row);
        }
    }
    if !arguments.json {
        write!(io::stdout(), "{}", table::markdown(&rows))?;
    }
    if let Some(path) = &arguments.svg {
        std::fs::write(path, bars::svg(&rows))?;
    }
    Ok(())
}
