//! Attacks on the reconciliation of two sets, as PROTOCOL.md encodes it (section 13).

use multifeed_core::Role;
use multifeed_core::wire::multifeed::{Kind, put};

use super::channel::message;
use super::pen::{Pen, Writer, genuine, mutants};
use super::stage::{Attack, Moment};

/// Bytes of a cell with its count.
const CELL_BYTES: usize = 7;

fn cells(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, &(pen.byte("set", 1), pen.small("start", 0)));
    let cells = (0..24).map(|cell| [cell; CELL_BYTES]).collect();
    pen.list("cells", cells).iter().for_each(|cell| body.extend(cell));
    body.extend(pen.text("cells without a count", &[9; 48]));
    body
}

fn more(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, &(pen.byte("set", 1), pen.small("end", 40)));
    body
}

fn put_entries(pen: &mut Pen, body: &mut Vec<u8>) {
    let entry = |pen: &mut Pen, seed: u8| {
        let mut entry = pen.array("key", [seed; 32]).to_vec();
        put(&mut entry, &pen.number("length, doubled, and whether a fork follows", 6));
        entry
    };
    let list = vec![entry(pen, 1), entry(pen, 2)];
    let list = pen.list("entries", list);
    put(body, &pen.number("count of entries", list.len() as u64));
    body.extend(list.concat());
}

fn put_ids(pen: &mut Pen, body: &mut Vec<u8>) {
    put(body, &pen.number("count of ids", 2));
    body.extend(pen.text("ids", &[0x55; 6]));
}

fn different(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    put_entries(pen, &mut body);
    put_ids(pen, &mut body);
    body
}

fn entries(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    put_entries(pen, &mut body);
    body
}

fn changed(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    put_ids(pen, &mut body);
    lengths(pen).iter().for_each(|byte| body.push(*byte));
    put_entries(pen, &mut body);
    body
}

fn lengths(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    let lengths = vec![pen.number("length, doubled", 4), pen.number("length, doubled", 2)];
    pen.list("lengths", lengths).iter().for_each(|length| put(&mut body, length));
    body
}

fn claim(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, &pen.number("feeds", 9));
    body.extend(pen.array("root of the keys", [1; 8]));
    body.extend(pen.array("root of the heads", [2; 8]));
    body
}

/// Every message of a reconciliation, and who may send it.
const MESSAGES: [(&str, Kind, Writer); 10] = [
    ("claim", Kind::Claim, claim),
    ("cells", Kind::Cells, cells),
    ("more", Kind::More, more),
    ("different", Kind::Different, different),
    ("entries", Kind::Entries, entries),
    ("changed", Kind::Changed, changed),
    ("lengths", Kind::Lengths, lengths),
    ("agreed", Kind::Agreed, |pen| pen.array("root", [3; 8]).to_vec()),
    ("give up", Kind::FallBack, |pen| vec![pen.byte("fallback", 0)]),
    ("part", Kind::Part, |pen| pen.text("part", &[4; 2_000])),
];

/// Messages of a reconciliation with one defect each, to both roles, and after others.
pub(super) fn attacks() -> Vec<Attack> {
    let mut all = Vec::new();
    for (name, kind, write) in MESSAGES {
        for mutant in mutants(name, write) {
            for role in [Role::Responder, Role::Initiator] {
                // A claim comes before the member has sent its own.
                let is_claim = kind == Kind::Claim;
                let moment = if is_claim { Moment::Opened } else { Moment::Claimed };
                let (name, bytes) = (mutant.name.clone(), message(kind as u64, &mutant.bytes));
                all.push(Attack::new(name, moment, role, bytes));
            }
        }
        for moment in [Moment::Dialled, Moment::Opened, Moment::Claimed, Moment::Synced] {
            for (before, first, begin) in MESSAGES {
                let bytes = [(first, begin), (kind, write)];
                let bytes = bytes.map(|(kind, write)| message(kind as u64, &genuine(write)));
                let (role, bytes) = (Role::Responder, bytes.concat());
                all.push(Attack::new(
                    format!("{name} after {before}, {moment:?}"),
                    moment,
                    role,
                    bytes,
                ));
            }
        }
    }
    all
}
