//! What is added to scenarios.
//!
//! Rule: the command that does a seed again names all of it.

use std::fmt;

use multifeed_memory::Fault;
use multifeed_memory::scenario::Scenario;

/// Stands for one liar, of another kind for each seed.
const A_LIAR: &str = "a_liar";

/// Faults and liars beside those that a scenario names.
#[derive(Debug, Default)]
pub(crate) struct With {
    faults: Vec<(Fault, u32)>,
    has_liar: bool,
}

impl With {
    /// Understands `FAULT`, `FAULT=N` and `a_liar`.
    pub(crate) fn add(&mut self, word: &str) -> Result<(), String> {
        let (name, count) = word.split_once('=').unwrap_or((word, "1"));
        if word == A_LIAR {
            self.has_liar = true;
            return Ok(());
        }
        let fault = Fault::of(name).ok_or_else(|| format!("there is no fault {name:?}"))?;
        let count = count.parse().map_err(|_| format!("{word}: {count:?} is not a number"))?;
        self.faults.push((fault, count));
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty() && !self.has_liar
    }

    /// A scenario with what is added for every seed.
    pub(crate) fn to(&self, scenario: Scenario) -> Result<Scenario, String> {
        let add = |scenario: Scenario, (fault, count): &(Fault, u32)| scenario.with(*fault, *count);
        self.faults.iter().try_fold(scenario, add).map_err(|bad| bad.to_string())
    }

    /// That scenario with what is added for one seed.
    pub(crate) fn of_seed(&self, scenario: &Scenario, seed: u64) -> Scenario {
        let added = self.liar(seed).and_then(|lie| scenario.clone().with(lie, 1).ok());
        added.unwrap_or_else(|| scenario.clone())
    }

    fn liar(&self, seed: u64) -> Option<Fault> {
        let kinds = Fault::lies().count() as u64;
        Fault::lies().nth((seed % kinds) as usize).filter(|_| self.has_liar)
    }

    /// How `tests/regressions.txt` names a scenario with what was added for a seed.
    pub(crate) fn named(&self, name: &str, seed: u64) -> String {
        let liar = self.liar(seed).map(|lie| (lie, 1));
        let all = self.faults.iter().copied().chain(liar);
        all.fold(name.to_owned(), |name, (fault, count)| format!("{name}+{fault}={count}"))
    }
}

impl fmt::Display for With {
    /// As it is given on the command line, a space before each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|(fault, count)| write!(f, " --with {fault}={count}"))?;
        if self.has_liar { write!(f, " --with {A_LIAR}") } else { Ok(()) }
    }
}
