//! The real program on real terminals, made by tmux. Where tmux is not there, this is said aloud
//! and nothing is tested.

#![cfg(unix)]

mod asking;
mod cable;
mod kept;
mod newcomers;
mod stops;
mod terminals;
mod topics;

/// A word to whoever reads a test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}
