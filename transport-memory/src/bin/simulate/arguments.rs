//! Command line arguments.

use std::path::PathBuf;

use crate::with::With;

pub(crate) const HELP: &str = "\
simulate list
simulate run [SCENARIO…] [--seeds N] [--first-seed S] [--with FAULT[=N]]… [--json] [--twice]
             [--check-invariants]
simulate restart [SCENARIO…] [--seeds N] [--first-seed S] [--with FAULT[=N]]… [--json]
simulate replay SCENARIO --seed S [--with FAULT[=N]]… [--trace]
simulate shrink SCENARIO --seed S [--with FAULT[=N]]…
simulate replay-session FILE
simulate redact FILE
simulate plot [SCENARIO…] [--seeds N] --out FILE.html
simulate plot SCENARIO --out FILE.svg
simulate golden FILE [--bless]

A SCENARIO is a built-in name or a file.toml; without one, all are run. --twice plays each seed
twice and compares the traces. --check-invariants checks the state of each multifeed after each
input, as debug builds always do, and stops at the first violation. restart opens a second multifeed
over a disk after one event in ten and compares the two. --with adds a fault or an adversary to each
scenario, by its name in scenario files; --with an_adversary adds one of another kind for each seed.
redact prints what a record contains without keys, names and texts.

Columns of run: repair is the longest time from the end of the faults until every connection works
again; convergence is the longest time from there until all nodes hold the same; bytes sent is the
largest ratio of bytes sent to bytes needed, which are the delivered blocks with their proofs.";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    List,
    Run(RunOptions),
    Replay { scenario: String, seed: u64, trace: bool, with: With },
    ReplaySession { file: PathBuf },
    Redact { file: PathBuf },
    Shrink { scenario: String, seed: u64, with: With },
    Plot { scenarios: Vec<String>, seeds: u64, file: PathBuf },
    Golden { file: PathBuf, bless: bool },
}

/// How to run.
#[derive(Debug)]
pub(crate) struct RunOptions {
    pub(crate) scenarios: Vec<String>,
    pub(crate) first_seed: u64,
    pub(crate) seeds: u64,
    pub(crate) with: With,
    pub(crate) json: bool,
    pub(crate) mode: RunMode,
    pub(crate) check_invariants: bool,
}

/// What is done with each seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RunMode {
    /// Play it.
    Once,
    /// Play it twice and compare the traces.
    Twice,
    /// Play it and open multifeeds over durable contents at random times.
    Restarts,
}

const SEEDS_DEFAULT: u64 = 20;
const PLOT_SEEDS_DEFAULT: u64 = 3;

/// Parses the command line.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut words = words;
    let command = words.next().unwrap_or_default();
    let mut given = Given::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seeds" => given.seeds = Some(number(&value()?)?),
            "--first-seed" => given.first_seed = number(&value()?)?,
            "--seed" => given.seed = Some(number(&value()?)?),
            "--with" => given.with.add(&value()?)?,
            "--out" => given.out = Some(value()?.into()),
            "--json" => given.json = true,
            "--trace" => given.trace = true,
            "--twice" => given.twice = true,
            "--check-invariants" => given.check_invariants = true,
            "--bless" => given.bless = true,
            _ if word.starts_with('-') => return Err(format!("unknown option {word}")),
            _ => given.names.push(word),
        }
    }
    given.command(&command)
}

#[derive(Default)]
struct Given {
    names: Vec<String>,
    seeds: Option<u64>,
    first_seed: u64,
    seed: Option<u64>,
    with: With,
    out: Option<PathBuf>,
    json: bool,
    trace: bool,
    twice: bool,
    check_invariants: bool,
    bless: bool,
}

impl Given {
    fn command(self, command: &str) -> Result<Command, String> {
        if !self.with.is_empty() && !matches!(command, "run" | "restart" | "replay" | "shrink") {
            return Err(format!("--with cannot be combined with {command}"));
        }
        match command {
            "" | "help" | "--help" | "-h" => Ok(Command::Help),
            "list" => Ok(Command::List),
            "run" if self.twice => Ok(self.run(RunMode::Twice)),
            "run" => Ok(self.run(RunMode::Once)),
            "restart" => Ok(self.run(RunMode::Restarts)),
            "replay" => {
                let (scenario, seed, trace) = (self.one()?, self.seed()?, self.trace);
                Ok(Command::Replay { scenario, seed, trace, with: self.with })
            }
            "replay-session" => Ok(Command::ReplaySession { file: self.one()?.into() }),
            "redact" => Ok(Command::Redact { file: self.one()?.into() }),
            "shrink" => {
                let (scenario, seed) = (self.one()?, self.seed()?);
                Ok(Command::Shrink { scenario, seed, with: self.with })
            }
            "plot" => {
                let seeds = self.seeds.unwrap_or(PLOT_SEEDS_DEFAULT);
                let file = self.out.ok_or("plot needs --out FILE.html")?;
                Ok(Command::Plot { scenarios: self.names, seeds, file })
            }
            "golden" => Ok(Command::Golden { file: self.one()?.into(), bless: self.bless }),
            _ => Err(format!("unknown command {command}; try: simulate help")),
        }
    }

    fn run(self, mode: RunMode) -> Command {
        Command::Run(RunOptions {
            scenarios: self.names,
            first_seed: self.first_seed,
            seeds: self.seeds.unwrap_or(SEEDS_DEFAULT),
            with: self.with,
            json: self.json,
            mode,
            check_invariants: self.check_invariants,
        })
    }

    fn one(&self) -> Result<String, String> {
        match self.names.as_slice() {
            [name] => Ok(name.clone()),
            _ => Err("exactly one name is required".to_owned()),
        }
    }

    fn seed(&self) -> Result<u64, String> {
        self.seed.ok_or_else(|| "--seed S is required".to_owned())
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("{word} is not a number"))
}
