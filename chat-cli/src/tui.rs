//! A room on the whole screen.
//!
//! Rule: [`model`] is what is shown and knows no terminal; [`view`] makes a picture of it and
//! changes nothing; [`event_loop`] joins both to a room and a [`terminal`], and decides nothing. A
//! second window of the same room is a [`attached`] of the process that has it.

pub mod attached;
pub mod event_loop;
pub mod model;
pub mod terminal;
pub mod update;
pub mod view;
