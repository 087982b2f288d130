//! The parts of multichat, a chat without a server on a multifeed.
//!
//! Rule: nothing that a peer said reaches a terminal but through [`sanitize`], and nothing is
//! printed but by [`output`].
//!
//! A command is parsed by [`args`], works on a [`profile`], and ends as an [`exit::ExitCode`] or
//! as a [`report::Failure`], which one renderer shows. One that needs a room's messages opens a
//! [`session`]: a running multifeed with the user's feed in it. What the feeds hold becomes a
//! [`timeline`], the same on every member, and that a [`transcript`] for people or [`lines`] for
//! programs. People see a room on the whole screen ([`tui`]) or line by line ([`chat`]).

pub mod args;
pub mod attach;
pub mod chat;
pub mod commands;
pub mod config;
pub mod crash;
pub mod demo;
pub mod envelope;
pub mod exit;
pub mod lines;
pub mod links;
pub mod logging;
pub mod message;
pub mod metrics;
pub mod output;
pub mod profile;
pub mod qr;
pub mod reached;
pub mod report;
pub mod ring;
pub mod sanitize;
pub mod session;
pub mod signals;
pub mod ticket;
pub mod timeline;
pub mod transcript;
pub mod tui;
