//! The real program on real terminals, made by tmux. Where tmux is not there, this is said aloud
//! and nothing is tested.

#![cfg(unix)]

mod first_session;
mod proxy;
mod queries;
mod seeded_room;
mod suspend;
mod terminals;
mod topics;

/// A word to whoever reads a test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}
