//! Faults added to scenarios on the command line.
//!
//! Rule: the command that repeats a seed names all of them.

use std::fmt;

use multifeed_memory::Fault;
use multifeed_memory::scenario::Scenario;

/// Stands for one adversary, of another kind for each seed.
const AN_ADVERSARY: &str = "an_adversary";

/// The former name, which scripts may still use.
const AN_ADVERSARY_FORMERLY: &str = "a_liar";

/// Faults and adversaries in addition to those of a scenario.
#[derive(Debug, Default)]
pub(crate) struct With {
    faults: Vec<(Fault, u32)>,
    has_adversary: bool,
}

impl With {
    /// Parses `FAULT`, `FAULT=N` and `an_adversary`.
    pub(crate) fn add(&mut self, word: &str) -> Result<(), String> {
        let (name, count) = word.split_once('=').unwrap_or((word, "1"));
        if [AN_ADVERSARY, AN_ADVERSARY_FORMERLY].contains(&word) {
            self.has_adversary = true;
            return Ok(());
        }
        let fault = Fault::of(name).ok_or_else(|| format!("there is no fault {name:?}"))?;
        let count = count.parse().map_err(|_| format!("{word}: {count:?} is not a number"))?;
        self.faults.push((fault, count));
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty() && !self.has_adversary
    }

    /// A scenario with the faults that are added for every seed.
    pub(crate) fn to(&self, scenario: Scenario) -> Result<Scenario, String> {
        let add = |scenario: Scenario, (fault, count): &(Fault, u32)| scenario.with(*fault, *count);
        self.faults.iter().try_fold(scenario, add).map_err(|bad| bad.to_string())
    }

    /// That scenario with the fault that is added for one seed.
    pub(crate) fn of_seed(&self, scenario: &Scenario, seed: u64) -> Scenario {
        let added = self.adversary(seed).and_then(|fault| scenario.clone().with(fault, 1).ok());
        added.unwrap_or_else(|| scenario.clone())
    }

    fn adversary(&self, seed: u64) -> Option<Fault> {
        let kinds = Fault::adversarial().count() as u64;
        Fault::adversarial().nth((seed % kinds) as usize).filter(|_| self.has_adversary)
    }

    /// The name of a scenario with its added faults in `tests/regressions.txt`.
    pub(crate) fn named(&self, name: &str, seed: u64) -> String {
        let adversary = self.adversary(seed).map(|fault| (fault, 1));
        let all = self.faults.iter().copied().chain(adversary);
        all.fold(name.to_owned(), |name, (fault, count)| format!("{name}+{fault}={count}"))
    }
}

impl fmt::Display for With {
    /// The command line arguments, with a space before each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|(fault, count)| write!(f, " --with {fault}={count}"))?;
        if self.has_adversary { write!(f, " --with {AN_ADVERSARY}") } else { Ok(()) }
    }
}
