//! Tests the real program on real terminals, created by tmux. Without tmux, the tests print a
//! note and test nothing.

#![cfg(unix)]

mod channels;
mod early_input;
mod failures;
mod first_session;
mod overlays;
mod proxy;
mod queries;
mod resizes;
mod seeded_room;
mod suspend;
mod terminals;
mod topics;

/// Prints a note for the reader of the test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}
