//! Figures and their bounds.
//!
//! Rule: a condition that never becomes true ends the program; a late one is counted, because a
//! busy machine takes longer.

use std::io::{self, Write};
use std::time::Duration;

use crate::Failure;

/// All figures so far.
pub(crate) struct Figures {
    strict: bool,
    count: u32,
    late: u32,
    left_out: u32,
}

impl Figures {
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, count: 0, late: 0, left_out: 0 }
    }

    /// How long something took, and its bound.
    pub(crate) fn time(&mut self, what: &str, took: Duration, bound: Duration) -> io::Result<()> {
        self.count += 1;
        self.late += u32::from(took > bound);
        let word = if took > bound { "  LATE" } else { "" };
        let (took, bound) = (took.as_millis(), bound.as_millis());
        writeln!(io::stdout(), "{what}: {took} ms (bound {bound}){word}")
    }

    /// A figure without a bound.
    pub(crate) fn say(&mut self, what: &str, figure: impl std::fmt::Display) -> io::Result<()> {
        writeln!(io::stdout(), "{what}: {figure}")
    }

    /// A case that cannot be tried here.
    pub(crate) fn leave_out(&mut self, case: &str) -> io::Result<()> {
        self.left_out += 1;
        writeln!(io::stdout(), "{case}: left out, for there are no links to break")
    }

    /// Prints the last line. Returns whether all binding bounds hold.
    pub(crate) fn end(self) -> Result<bool, Failure> {
        let Self { strict, count, late, left_out } = self;
        let out = &mut io::stdout();
        writeln!(out, "networks: {count} figures, {late} late, {left_out} cases left out")?;
        Ok(!strict || late == 0)
    }
}
