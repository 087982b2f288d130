//! The parts of multichat, a chat without a server on a multifeed.
//!
//! Rule: nothing that a peer said reaches a terminal but through [`sanitize`], and nothing is
//! printed but by [`output`].
//!
//! A command is parsed by [`args`], works on a [`profile`], and ends as an [`exit::ExitCode`] or
//! as a [`report::Failure`], which one renderer shows. One that needs a room's messages opens a
//! [`session`]: a running multifeed with the user's feed in it. What the feeds hold becomes a
//! [`timeline`], the same on every member, and that a [`transcript`] for people or [`lines`] for
//! programs. People see a room on the whole screen ([`tui`]) or line by line ([`line_mode`]).

pub mod appearance;
pub mod args;
pub mod attach;
pub mod commands;
pub mod config;
pub mod connections;
pub mod crash;
pub mod delivery;
pub mod demo;
pub mod envelope;
pub mod exit;
pub mod export;
pub mod health;
pub mod ids;
pub mod invite;
pub mod line_mode;
pub mod lines;
pub mod logging;
pub mod message;
pub mod metrics;
pub mod notify;
pub mod output;
pub mod printer;
pub mod profile;
pub mod qr;
pub mod quota;
pub mod report;
pub mod runtime;
pub mod sanitize;
pub mod session;
pub mod signals;
pub mod similar;
pub mod slash;
pub mod stdin;
pub mod theme;
pub mod timeline;
pub mod transcript;
pub mod tui;
