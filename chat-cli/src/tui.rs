//! Shows a room in full-screen mode.
//!
//! Rule: [`model`] holds what is shown and knows no terminal. [`view`] draws the model and
//! changes nothing. [`shell`] connects both to a room and a [`terminal`], and decides nothing. A
//! second window of the same room is a [`guest`] of the process that has it open.

pub mod guest;
pub mod model;
pub mod shell;
pub mod terminal;
pub mod theme;
pub mod view;
