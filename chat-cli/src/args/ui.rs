//! The flag that says how a room is shown.

use clap::ValueEnum;

use crate::output::{Format, Output};

/// How a room is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ui {
    /// On the whole screen.
    Tui,
    /// Line by line: for screen readers, simple terminals, and to mark text with the mouse.
    Line,
}

impl Ui {
    /// What was asked for, or else the whole screen where a person has a terminal that can do it.
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
