//! Defines the flag that says how to show a room.

use clap::ValueEnum;

use crate::output::{Format, Output};

/// How to show a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ui {
    /// Full screen.
    Tui,
    /// Line by line: for screen readers, simple terminals, and selecting text with the mouse.
    Line,
}

impl Ui {
    /// Returns the requested mode, or else full screen if a person has a capable terminal.
    pub fn of(
        requested: Option<Self>,
        output: &Output,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let terminals = output.terminals;
        let is_people = terminals.stdin && terminals.stdout && output.format == Format::Text;
        let is_simple = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        match requested {
            Some(Self::Tui) if is_people => Self::Tui,
            Some(_) => Self::Line,
            None if is_people && !is_simple => Self::Tui,
            None => Self::Line,
        }
    }
}
