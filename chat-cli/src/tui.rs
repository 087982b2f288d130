//! Shows a room in full-screen mode.
//!
//! Rule: [`model`] holds what is shown and knows no terminal; [`update`] changes it. [`view`] draws
//! the model and changes nothing. [`event_loop`] connects them to a room and a [`terminal`], and
//! decides nothing. A second window of the same room is [`attached`] to the process that has it
//! open.

pub mod attached;
pub mod event_loop;
pub mod model;
pub mod terminal;
pub mod update;
pub mod view;
