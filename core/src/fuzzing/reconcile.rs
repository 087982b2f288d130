//! Cells and messages of a peer that reconciles with us.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::sides::Side;
use crate::id::Role;
use crate::reconcile::changes::Toggles;
use crate::reconcile::decoder::{Decoder, Progress};
use crate::reconcile::session::{
    Entry, Fallback, HeadOf, Initiator, Message, Outcome, Responder, Turn,
};
use crate::reconcile::sketch::{Sketch, Slice};
use crate::reconcile::token::{SetKind, TOKEN_MAX, Token};

/// Cells of a difference: as they come, or those of genuine tokens with some cells changed.
///
/// The first byte says how they are cut and, in its top bit, which of the two.
///
/// Claims: the tokens taken out are bounded by the cells; and a decoding that calls itself complete
/// explains every cell.
#[doc(hidden)]
pub fn decoder(data: &[u8]) {
    let Some((cut, rest)) = data.split_first() else { return };
    let cells = match cut >> 7 {
        0 => crafted(rest),
        _ => spoiled(rest),
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

/// Each cell is 7 bytes: what it holds, and whether that is a token of an id.
fn crafted(data: &[u8]) -> Vec<u64> {
    let cell = |bytes: &[u8]| {
        let bits = bytes[1..].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        match bytes[0] % 3 {
            0 => bits & TOKEN_MAX,
            1 => Token::of_id(bits).bits(),
            // Sums of a few tokens of small ids, which meet each other.
            _ => bytes[1..].iter().fold(0, |sum, id| sum ^ Token::of_id((*id).into()).bits()),
        }
    };
    data.chunks_exact(7).map(cell).collect()
}

/// So many tokens of ids of two bytes, then cells that are not what they should be.
fn spoiled(data: &[u8]) -> Vec<u64> {
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

/// A session of two honest sides whose messages are changed, left out or made up on the way.
///
/// The first two bytes say what differs between the sides. Then each act is a byte: what becomes
/// of the next message of the side whose turn it is, with bytes of its own behind it.
///
/// Claims: whoever says that the sets are agreed on knows every feed of the other, for its claim
/// was honest; and a side never says more than 70 times something.
#[doc(hidden)]
pub fn session(data: &[u8]) {
    let [only, changed, script @ ..] = data else { return };
    let [mut one, mut two] = sides(*only, *changed);
    let claims =
        [one.claim(&HANDSHAKE_HASH, Role::Initiator), two.claim(&HANDSHAKE_HASH, Role::Responder)];
    let (mut initiator, begun) = Initiator::new(one.terms(&HANDSHAKE_HASH, claims[1]));
    let (mut responder, first) = Responder::new(two.terms(&HANDSHAKE_HASH, claims[0]), &two);
    let mut script = script;
    let (mut side, mut queue, mut learned) = (1, first.say, [begun.learned, first.learned]);
    for _ in 0..70 {
        side = 1 - side;
        let said = tampered(core::mem::take(&mut queue), &mut script);
        for message in said {
            let turn = match side {
                0 => initiator.handle(&one, message),
                _ => responder.handle(&two, message),
            };
            let Ok(Turn { say, learned: new, outcome }) = turn else { return };
            learned[side].extend(new);
            queue.extend(say);
            match outcome {
                Some(Outcome::Agreed) if side == 0 => assert_knows(&one, &learned[0], &two),
                Some(Outcome::Agreed) => assert_knows(&two, &learned[1], &one),
                Some(Outcome::Again | Outcome::List) => return,
                None => {}
            }
        }
        if queue.is_empty() && script.is_empty() {
            return;
        }
    }
}

/// Two sides of 80 feeds, of which some are at one side alone and some are longer at one.
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

/// Whether a side knows each feed of another one, as far as the other has it.
fn assert_knows(side: &Side, learned: &[Entry], other: &Side) {
    let known: Vec<&Entry> = side.entries().iter().chain(learned).collect();
    for entry in other.entries() {
        let knows = |have: &&Entry| have.key == entry.key && have.head >= entry.head;
        assert!(known.iter().any(knows), "agreed without {entry:?}");
    }
}

/// What a script makes of messages on their way.
fn tampered(mut said: Vec<Message>, script: &mut &[u8]) -> Vec<Message> {
    let Some((act, rest)) = script.split_first() else { return said };
    *script = rest;
    match act % 8 {
        0..=2 => {}
        3 => _ = said.pop(),
        4 => said.extend(said.first().cloned()),
        5 => said.iter_mut().for_each(|message| spoil(message, script)),
        6 => said.extend(made_up(script)),
        _ => said = made_up(script).into_iter().collect(),
    }
    said
}

fn byte(script: &mut &[u8]) -> u8 {
    let Some((byte, rest)) = script.split_first() else { return 0 };
    *script = rest;
    *byte
}

fn number(script: &mut &[u8]) -> u64 {
    u64::from(byte(script)) << (byte(script) % 64)
}

/// Changes a part of a message.
fn spoil(message: &mut Message, script: &mut &[u8]) {
    let (place, bits) = (usize::from(byte(script)), number(script));
    match message {
        Message::Cells(_, slice) if !slice.cells.is_empty() => {
            let place = place % slice.cells.len();
            slice.cells[place] = (slice.cells[place] ^ bits) & TOKEN_MAX;
        }
        Message::More(_, end) => *end ^= bits as u32,
        Message::Different { wanted, .. } if !wanted.is_empty() => {
            let place = place % wanted.len();
            wanted[place] ^= bits;
        }
        Message::Entries(entries) | Message::Different { entries, .. } if !entries.is_empty() => {
            let place = place % entries.len();
            entries[place].head.length ^= bits;
        }
        Message::Changed { heads, .. } if !heads.is_empty() => {
            let place = place % heads.len();
            heads[place].0 ^= bits;
        }
        Message::Heads(heads) if !heads.is_empty() => {
            let place = place % heads.len();
            heads[place].length ^= bits;
        }
        Message::Agreed(root) => root[place % 8] ^= bits as u8,
        _ => {}
    }
}

/// A message of the script's own.
fn made_up(script: &mut &[u8]) -> Option<Message> {
    let kind = byte(script);
    let set = [SetKind::Keys, SetKind::Heads][usize::from(byte(script) % 2)];
    let count = byte(script) % 40;
    let entry = |script: &mut &[u8]| {
        let head = HeadOf { fork: u64::from(byte(script) / 128), length: number(script) };
        Entry { key: [byte(script); 32], head }
    };
    Some(match kind % 8 {
        0 => {
            let cells = (0..count).map(|_| number(script) & TOKEN_MAX).collect();
            let start = u32::from(byte(script));
            Message::Cells(set, Slice { start, cells, counts: Vec::new() })
        }
        1 => Message::More(set, number(script) as u32),
        2 => {
            let wanted = (0..count).map(|_| number(script)).collect();
            Message::Different { entries: (0..count % 4).map(|_| entry(script)).collect(), wanted }
        }
        3 => Message::Entries((0..count).map(|_| entry(script)).collect()),
        4 => {
            let head = |script: &mut &[u8]| (number(script), entry(script).head);
            let heads = (0..count).map(|_| head(script)).collect();
            Message::Changed { heads, entries: (0..count % 4).map(|_| entry(script)).collect() }
        }
        5 => Message::Heads((0..count).map(|_| entry(script).head).collect()),
        6 => Message::Agreed([byte(script); 8]),
        _ => Message::GiveUp([Fallback::Again, Fallback::List][usize::from(count % 2)]),
    })
}
