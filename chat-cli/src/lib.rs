//! Implements multichat, a serverless chat on a multifeed.
//!
//! Rule: peer text reaches a terminal only through [`sanitize`], and only [`output`] prints.
//!
//! [`args`] parses a command. The command works on a [`profile`] and ends as an
//! [`exit::ExitCode`] or as a [`report::Failure`], which one renderer shows. A command that needs
//! a room's messages opens a [`session`]: a running multifeed with the user's feed in it. A
//! [`timeline`] orders the contents of the feeds, identically for every member. A [`transcript`]
//! shows it to people, [`lines`] shows it to programs. People use a room in full-screen mode
//! ([`tui`]) or in line mode ([`chat`]).

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
