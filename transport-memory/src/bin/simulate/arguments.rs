//! What was asked for.

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

A SCENARIO is the name of one that is built in, or a file.toml. Without one, all are run.
--twice plays each seed again and compares the traces. --check-invariants checks the state of each
multifeed after each input, as debug builds always do, and stops at the first that is wrong. restart opens a second multifeed over a
disk after one event of ten, and compares what the two hold. --with adds a fault or a liar to each
scenario, as its file would name it; --with a_liar adds one of another kind for each seed. redact
tells what a record holds without its keys, names and texts.";

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
    pub(crate) manner: Manner,
    pub(crate) check_invariants: bool,
}

/// What is done with each seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// It is played.
    Once,
    /// It is played again, and the traces are compared.
    Twice,
    /// It is played, and multifeeds are opened over what is durable at random moments.
    Restarts,
}

const SEEDS_DEFAULT: u64 = 20;
const PLOT_SEEDS_DEFAULT: u64 = 3;

/// Understands the words of the command line.
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
            _ if word.starts_with('-') => return Err(format!("there is no option {word}")),
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
            return Err(format!("nothing can be added to what {command} does"));
        }
        match command {
            "" | "help" | "--help" | "-h" => Ok(Command::Help),
            "list" => Ok(Command::List),
            "run" if self.twice => Ok(self.run(Manner::Twice)),
            "run" => Ok(self.run(Manner::Once)),
            "restart" => Ok(self.run(Manner::Restarts)),
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
            _ => Err(format!("there is no command {command}; try: simulate help")),
        }
    }

    fn run(self, manner: Manner) -> Command {
        Command::Run(RunOptions {
            scenarios: self.names,
            first_seed: self.first_seed,
            seeds: self.seeds.unwrap_or(SEEDS_DEFAULT),
            with: self.with,
            json: self.json,
            manner,
            check_invariants: self.check_invariants,
        })
    }

    fn one(&self) -> Result<String, String> {
        match self.names.as_slice() {
            [name] => Ok(name.clone()),
            _ => Err("exactly one name is needed".to_owned()),
        }
    }

    fn seed(&self) -> Result<u64, String> {
        self.seed.ok_or_else(|| "--seed S is needed".to_owned())
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("{word} is not a number"))
}
