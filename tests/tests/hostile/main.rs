//! Hostile messages and proofs: output of the project's own encoders with one defect each.
//!
//! Rule: each attack has a name, and none may do worse than close its own connection. The tests run
//! one at a time, because they count the allocations of the whole process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;

mod channel;
mod chat;
mod hypercore;
mod pen;
mod proofs;
mod records;
mod secure;
mod sketches;
mod stage;

use stage::{Attack, Outcome, Stage};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Smallest number of messages, and of proofs.
const ATTACKS_MIN: usize = 300;

/// Held by the running test.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints a line of the test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}

/// Runs attacks on one node after the other. Returns their results.
fn suffer(stage: &mut Stage, layer: &str, attacks: &[Attack]) -> usize {
    let outcomes = attacks.iter().map(|attack| stage.suffer(attack)).collect();
    stage.check_feeds();
    tell(layer, outcomes)
}

/// Prints how often each result occurred for a layer's attacks. Returns the number of attacks.
fn tell(layer: &str, outcomes: Vec<Outcome>) -> usize {
    let count = outcomes.len();
    let most = outcomes.iter().map(|outcome| outcome.bytes).max().unwrap_or(0);
    let mut reasons = BTreeMap::new();
    for reason in outcomes.into_iter().filter_map(|outcome| outcome.closed) {
        *reasons.entry(format!("{reason:?}")).or_insert(0) += 1;
    }
    let closed: usize = reasons.values().sum();
    say(&format!("{layer}: {count} messages, {closed} closed, {most} bytes at most: {reasons:?}"));
    // If all attacks are ignored, they do not reach the code under attack.
    assert!(reasons.len() >= 2, "{layer}: {reasons:?}");
    count
}

#[test]
fn no_message_on_a_connection_harms_a_node() {
    let _turn = turn();
    let openings = channel::openings(&mut Stage::new());
    let mut stage = Stage::new();
    let layers = [
        ("frames", channel::frames()),
        ("mux", channel::mux()),
        ("opening", openings),
        ("multifeed/1", channel::attacks()),
        ("sketches", sketches::attacks()),
    ];
    let counts = layers.iter().map(|(layer, attacks)| suffer(&mut stage, layer, attacks));
    let members: usize = counts.sum();
    let strangers = tell("secret stream", secure::suffer(&mut stage));
    let mut stage = hypercore::stage();
    let attacks = hypercore::attacks(&stage);
    let stock = suffer(&mut stage, "hypercore", &attacks);
    let count = members + strangers + stock;
    say(&format!("all: {count} messages"));
    assert!(count >= ATTACKS_MIN);
}

#[test]
fn only_the_valid_proof_is_accepted() {
    let _turn = turn();
    let ranges = proofs::suffer();
    let mut stage = hypercore::stage();
    let attacks = hypercore::proofs(&stage);
    let length =
        |stage: &Stage| stage.node.multifeed.find(&hypercore::adopted()).map(|feed| feed.length);
    for attack in &attacks {
        stage.suffer(attack);
        assert_eq!(length(&stage), Some(0), "{}: it was taken", attack.name);
    }
    let outcome = stage.suffer(&hypercore::proof(&stage));
    assert_eq!((outcome.closed, length(&stage)), (None, Some(1)));
    say(&format!("ranges: {ranges} proofs, hypercore: {} proofs", attacks.len()));
    assert!(ranges + attacks.len() >= ATTACKS_MIN);
}

#[test]
fn no_edited_store_harms_a_node() {
    let _turn = turn();
    let records = records::suffer();
    say(&format!("records: {records} stores"));
    assert!(records >= ATTACKS_MIN);
}

#[test]
fn no_invite_or_chat_message_harms_its_reader() {
    let _turn = turn();
    let (invites, messages) = (chat::suffer_invites(), chat::suffer_messages());
    let sealed = chat::suffer_sealed();
    say(&format!("invites: {invites}, chat messages: {messages}, in a secret room: {sealed}"));
    assert!(invites + messages >= ATTACKS_MIN);
}

#[test]
fn valid_messages_are_accepted() {
    let _turn = turn();
    let mut stage = Stage::new();
    for message in channel::honest() {
        assert_eq!(stage.suffer(&message).closed, None, "{}", message.name);
    }
}
