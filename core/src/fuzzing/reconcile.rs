//! Cells and messages of a peer that reconciles with us.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::sides::Side;
use crate::id::Role;
use crate::reconcile::changes::Toggles;
use crate::reconcile::decoder::{Decoder, Progress};
use crate::reconcile::session::{Initiator, Outcome, Responder, StepResult, prefix_bits};
use crate::reconcile::sketch::Sketch;
use crate::reconcile::token::Token;
use crate::wire::multifeed::Kind;
use crate::wire::reconcile::{Entry, Message};
use crate::wire::reconcile::{decode, encode};
use crate::wire::slice::Slice;
use crate::wire::slice::TOKEN_MAX;

/// Decodes the cells of a difference: crafted ones, or those of genuine tokens with some changes.
///
/// The top bit of the first byte selects which; the rest is the number of cells per slice.
///
/// Claims: the number of decoded tokens is bounded by the number of cells, and the tokens of a
/// complete decoding explain every cell.
#[doc(hidden)]
pub fn decoder(data: &[u8]) {
    let Some((cut, rest)) = data.split_first() else { return };
    let cells = match cut >> 7 {
        0 => crafted(rest),
        _ => changed(rest),
    };
    let mut decoder = Decoder::default();
    let mut complete = None;
    for part in cells.chunks(usize::from(cut & 0x7f).max(1)) {
        let slice = Slice { start: decoder.cells(), cells: part.to_vec(), counts: Vec::new() };
        match decoder.extend(&slice) {
            Ok(Progress::Complete) => complete = Some(decoder.cells()),
            Ok(Progress::Partial) => complete = None,
            Err(_) => return,
        }
    }
    assert!(decoder.len() <= 3 * cells.len() + 64);
    if let Some(end) = complete {
        assert_eq!(end as usize, cells.len());
        let sketch = Sketch::of(cells.len(), decoder.tokens());
        let again = sketch.slice(0..end, &Toggles::default(), 0).expect("nothing has changed");
        assert_eq!(again.cells, cells);
    }
}

/// Cells of 7 bytes each: a kind, then the value or the ids of tokens.
fn crafted(data: &[u8]) -> Vec<u64> {
    let cell = |bytes: &[u8]| {
        let bits = bytes[1..].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        match bytes[0] % 3 {
            0 => bits & TOKEN_MAX,
            1 => Token::of_id(bits).bits(),
            // Sums of a few tokens with small ids, which repeat in other cells.
            _ => bytes[1..].iter().fold(0, |sum, id| sum ^ Token::of_id((*id).into()).bits()),
        }
    };
    data.chunks_exact(7).map(cell).collect()
}

/// The cells of tokens with ids of two bytes, with changes applied.
fn changed(data: &[u8]) -> Vec<u64> {
    let Some((count, rest)) = data.split_first() else { return Vec::new() };
    let (ids, changes) = rest.split_at(rest.len().min(2 * usize::from(*count)));
    let ids: BTreeSet<u64> =
        ids.chunks_exact(2).map(|id| u64::from(id[0]) << 8 | u64::from(id[1])).collect();
    let sketch = Sketch::of(2 * ids.len(), ids.iter().map(|id| Token::of_id(*id)));
    let slice = sketch.slice(0..sketch.cells(), &Toggles::default(), 0);
    let mut cells = slice.expect("nothing has changed").cells;
    for change in changes.chunks_exact(3) {
        let place = usize::from(change[0]) % cells.len();
        cells[place] ^= u64::from(change[1]) << (8 * (change[2] % 6));
    }
    cells
}

const HANDSHAKE_HASH: [u8; 64] = [7; 64];

/// Runs a session of two honest sides whose messages are changed, dropped or invented in transit.
///
/// The first two bytes determine the difference of the sides. Then each action is a byte, which
/// says what happens to the next messages of the active side, and its arguments.
///
/// Claims: a side that ends in agreement knows every feed of the other, because the claims are
/// honest; and each side can decode the messages of the other.
#[doc(hidden)]
pub fn reconciliation(data: &[u8]) {
    let [only, changed, script @ ..] = data else { return };
    let [mut one, mut two] = sides(*only, *changed);
    let claims =
        [one.claim(&HANDSHAKE_HASH, Role::Initiator), two.claim(&HANDSHAKE_HASH, Role::Responder)];
    let mut terms = [one.terms(&HANDSHAKE_HASH, claims[1]), two.terms(&HANDSHAKE_HASH, claims[0])];
    let compared = terms[0].compare(Role::Initiator);
    assert_eq!(compared, terms[1].compare(Role::Responder));
    let Ok(set) = compared else { return };
    let [terms_of_one, terms_of_two] = terms;
    let mut initiator = Initiator::new(terms_of_one, set);
    let (mut responder, first) = Responder::new(terms_of_two, set, &two);
    let width = prefix_bits(two.feeds());
    let (mut script, mut side, mut queue) = (script, 1, first.say);
    let mut learned = [Vec::new(), first.learned];
    loop {
        side = 1 - side;
        let said = tampered(&core::mem::take(&mut queue), width, &mut script);
        for message in said {
            let turn = match side {
                0 => initiator.handle(&one, message),
                _ => responder.handle(&two, message),
            };
            let Ok(StepResult { say, named, learned: new, outcome, .. }) = turn else { return };
            learned[side].extend(named.into_iter().chain(new));
            queue.extend(say);
            match outcome {
                Some(Outcome::Agreed) if side == 0 => assert_knows(&one, &learned[0], &two),
                Some(Outcome::Agreed) => assert_knows(&two, &learned[1], &one),
                Some(Outcome::Retry | Outcome::List) => return,
                None => {}
            }
        }
        if queue.is_empty() && script.is_empty() {
            return;
        }
    }
}

/// Two sides with up to 80 feeds. Some feeds exist only on one side, and some are longer there.
fn sides(only: u8, changed: u8) -> [Side; 2] {
    let mut sides = [0, 1].map(|_| Side::for_feeds(&[9; 32], 80));
    for feed in 0..80u8 {
        let mut key = [feed; 32];
        key[1] = only;
        for (number, side) in (0u8..).zip(&mut sides) {
            let is_absent = feed < only % 16 && feed % 2 == number;
            if !is_absent {
                let more = feed >= 64 && feed - 64 < changed % 16 && feed % 2 == number;
                side.insert(key, 1 + u64::from(more));
            }
        }
    }
    sides
}

/// Checks that a side knows every feed of the other with at least its length.
fn assert_knows(side: &Side, learned: &[Entry], other: &Side) {
    let known: Vec<&Entry> = side.entries().iter().chain(learned).collect();
    for entry in other.entries() {
        let knows = |have: &&Entry| have.key == entry.key && have.head >= entry.head;
        assert!(known.iter().any(knows), "agreed without {entry:?}");
    }
}

/// The messages after the script has changed their bytes in transit.
fn tampered(said: &[Message], width: u32, script: &mut &[u8]) -> Vec<Message> {
    let mut bodies: Vec<(Kind, Vec<u8>)> =
        said.iter().map(|message| encode(message, width)).collect();
    let act = byte(script);
    match act % 8 {
        3 => _ = bodies.pop(),
        4 => bodies.extend(bodies.first().cloned()),
        5 => {
            let (place, bits) = (usize::from(byte(script)), byte(script));
            for (_, body) in &mut bodies {
                let length = body.len();
                body.iter_mut().skip(place % length.max(1)).take(1).for_each(|at| *at ^= bits);
            }
        }
        6 | 7 => {
            let kind = KINDS[usize::from(byte(script)) % KINDS.len()];
            let (body, rest) = script.split_at(script.len().min(usize::from(byte(script))));
            *script = rest;
            if act % 8 == 7 {
                bodies.clear();
            }
            bodies.push((kind, body.to_vec()));
        }
        _ => {}
    }
    let read = bodies.iter().map_while(|(kind, body)| decode(*kind, body, width).ok().flatten());
    read.collect()
}

const KINDS: [Kind; 8] = [
    Kind::Cells,
    Kind::More,
    Kind::Different,
    Kind::Entries,
    Kind::Changed,
    Kind::Lengths,
    Kind::Agreed,
    Kind::FallBack,
];

fn byte(script: &mut &[u8]) -> u8 {
    let Some((byte, rest)) = script.split_first() else { return 0 };
    *script = rest;
    *byte
}
