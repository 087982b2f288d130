//! The parts of multichat, a chat without a server on a multifeed.
//!
//! Rule: nothing that a peer said reaches a terminal but through [`sanitize`], and nothing is
//! printed but by [`output`].
//!
//! A command is parsed by [`args`], works on a [`profile`], and ends as an [`exit::ExitCode`] or
//! as a [`report::Failure`], which one renderer shows.

pub mod args;
pub mod commands;
pub mod exit;
pub mod lines;
pub mod message;
pub mod output;
pub mod profile;
pub mod report;
pub mod sanitize;
pub mod ticket;
