//! Implements multichat, a serverless chat on a multifeed.
//!
//! Rule: peer text reaches a terminal only through [`sanitize`], and only [`output`] prints.
//!
//! [`args`] parses a command. The command works on a [`profile`] and ends as an
//! [`exit::ExitCode`] or as a [`report::Failure`], which one renderer shows. A command that needs a
//! room's messages opens a [`session`]: a running multifeed with the user's feed in it. A
//! [`timeline`] orders the contents of the feeds, identically for every member. A [`transcript`]
//! shows it to people, [`lines`] shows it to programs. People use a room in full-screen mode
//! ([`tui`]) or in line mode ([`line_mode`]).

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
