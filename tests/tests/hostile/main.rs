//! Hostile messages and proofs: what the project's encoders write, wrong in one thing at a time.
//!
//! Rule: each attack has a name, and none may do worse than end its own connection. The tests take
//! turns, for they count what the whole process allocates.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;

mod channel;
mod pen;
mod sketches;
mod stage;

use stage::{Attack, Stage};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Messages and proofs, each at least as many.
const ATTACKS_MIN: usize = 300;

/// Held by the test whose turn it is.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A word to whoever reads a test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}

/// Makes attacks on one node after the other; says what they came to.
fn suffer(stage: &mut Stage, layer: &str, attacks: &[Attack]) -> usize {
    let (mut closed, mut most, mut reasons) = (0, 0, BTreeMap::new());
    for attack in attacks {
        let outcome = stage.suffer(attack);
        most = most.max(outcome.bytes);
        if let Some(reason) = outcome.closed {
            closed += 1;
            *reasons.entry(format!("{reason:?}")).or_insert(0) += 1;
        }
    }
    stage.check_feeds();
    let count = attacks.len();
    say(&format!("{layer}: {count} messages, {closed} closed, {most} bytes at most: {reasons:?}"));
    // Attacks that are all ignored reach nothing.
    assert!(reasons.len() >= 2, "{layer}: {reasons:?}");
    count
}

#[test]
fn no_message_on_a_connection_harms_a_node() {
    let _turn = turn();
    let mut stage = Stage::new();
    let openings = channel::openings(&mut stage);
    let mut stage = Stage::new();
    let layers = [
        ("frames", channel::frames()),
        ("mux", channel::mux()),
        ("opening", openings),
        ("multifeed/1", channel::attacks()),
        ("sketches", sketches::attacks()),
    ];
    let counts = layers.iter().map(|(layer, attacks)| suffer(&mut stage, layer, attacks));
    let count: usize = counts.sum();
    say(&format!("all: {count} messages"));
    assert!(count >= ATTACKS_MIN);
}

#[test]
fn the_same_messages_are_taken_where_nothing_is_wrong() {
    let _turn = turn();
    let mut stage = Stage::new();
    for message in channel::honest() {
        assert_eq!(stage.suffer(&message).closed, None, "{}", message.name);
    }
}
