//! Attacks on the mux and on the channel `multifeed/1`, up to reconciliation.

use multifeed_core::wire::codec::{put_string, put_uint};
use multifeed_core::wire::fork::{ForkBranch, ForkProof, SignedHead, SignedHeadFields};
use multifeed_core::wire::multifeed::{
    FeedRef, HeadEntry, Kind, PROTOCOL, RangeHeader, RefetchEntry, Reject, RejectEntry, WantEntry,
    encode_range, put,
};
use multifeed_core::wire::mux::{Batch, MuxMessage};
use multifeed_core::{KeyPair, PublicKey, Role, Signature};

use super::pen::{Mutant, Pen, Writer, blind, genuine, mutants};
use super::stage::{Attack, Moment, Stage, frame, framed, group};

fn author(seed: u8) -> PublicKey {
    KeyPair::from_seed(&[seed; 32]).public_key()
}

/// An author unknown to the node.
const STRANGER: u8 = 99;

/// A message of the group's channel, in a frame.
pub(super) fn message(kind: u64, body: &[u8]) -> Vec<u8> {
    framed(&MuxMessage::Message { channel: 1, kind, body })
}

fn name(pen: &mut Pen, at: FeedRef) -> FeedRef {
    match at {
        FeedRef::New(PublicKey(key)) => FeedRef::New(PublicKey(pen.array("key", key))),
        FeedRef::Sender(number) => FeedRef::Sender(pen.small("number that it gave", number)),
        FeedRef::Receiver(number) => FeedRef::Receiver(pen.small("number that we gave", number)),
    }
}

/// The feeds that a message may name: unknown, the node's own, already named.
fn names() -> Vec<FeedRef> {
    let new = [STRANGER, 11, 12].map(|seed| FeedRef::New(author(seed)));
    [&new[..], &[FeedRef::Sender(0), FeedRef::Receiver(0), FeedRef::Receiver(3)]].concat()
}

fn entries(values: &[impl serde::Serialize]) -> Vec<u8> {
    let mut body = Vec::new();
    values.iter().for_each(|value| put(&mut body, value));
    body
}

fn heads(pen: &mut Pen) -> Vec<u8> {
    let list = names().into_iter().map(|at| {
        let name = name(pen, at);
        HeadEntry { name, length: pen.number("length", 3), fork: pen.number("fork", 0) }
    });
    let list = list.collect();
    entries(&pen.list("heads", list))
}

fn wants(pen: &mut Pen) -> Vec<u8> {
    let list =
        [FeedRef::Sender(0), FeedRef::Receiver(0), FeedRef::Receiver(2)].into_iter().map(|at| {
            let name = name(pen, at);
            WantEntry { name, start: pen.number("start", 1) }
        });
    let list = list.collect();
    entries(&pen.list("wants", list))
}

fn refetch(pen: &mut Pen) -> Vec<u8> {
    let list = [FeedRef::Sender(0), FeedRef::Receiver(0)].into_iter().map(|at| {
        let name = name(pen, at);
        RefetchEntry { name, start: pen.number("start", 0), end: pen.number("end", 2) }
    });
    let list = list.collect();
    entries(&pen.list("runs", list))
}

fn rejects(pen: &mut Pen) -> Vec<u8> {
    let all = [Reject::Declined, Reject::Unavailable, Reject::Duplicate, Reject::Gone];
    let named =
        [FeedRef::New(author(98)), FeedRef::Sender(0), FeedRef::Receiver(0), FeedRef::Receiver(1)];
    let list =
        named.into_iter().zip(all).map(|(at, reject)| RejectEntry { name: name(pen, at), reject });
    let list = list.collect();
    entries(&pen.list("nos", list))
}

/// A well-formed range without a valid signature.
fn range(pen: &mut Pen) -> Vec<u8> {
    let header = RangeHeader {
        name: name(pen, FeedRef::Sender(0)),
        start: pen.number("start", 0),
        head_length: pen.number("length of the head", 3),
        fork: pen.number("fork", 0),
        signature: Signature(pen.array("signature", [5; 64])),
        nodes: pen.byte("count of nodes", 1),
    };
    let nodes = vec![(pen.number("bytes below a node", 9), pen.array("node", [3; 32]))];
    let nodes = pen.list("nodes", nodes);
    let blocks = vec![pen.text("block", b"a block"), pen.text("block", b"")];
    encode_range(&header, nodes.into_iter(), &pen.list("blocks", blocks))
}

/// A well-formed head of the node's own feed without a valid signature.
fn dispute(pen: &mut Pen) -> SignedHead {
    let header = SignedHeadFields {
        public_key: PublicKey(pen.array("key", author(11).0)),
        length: pen.number("length", 3),
        signature: Signature(pen.array("signature", [5; 64])),
        roots: pen.byte("count of roots", 2),
    };
    let root = |pen: &mut Pen| (pen.number("bytes below a root", 9), pen.array("root", [3; 32]));
    let roots = vec![root(pen), root(pen)];
    SignedHead { header, roots: pen.list("roots", roots) }
}

fn forked(pen: &mut Pen) -> Vec<u8> {
    let dispute = dispute(pen);
    let head = ForkBranch {
        length: pen.number("length of the other head", 4),
        signature: Signature(pen.array("signature of the other", [6; 64])),
        nodes: pen.byte("count of nodes", 3),
    };
    let node = |pen: &mut Pen| (pen.number("bytes below a node", 9), pen.array("node", [4; 32]));
    let nodes = vec![node(pen), node(pen), node(pen)];
    ForkProof { signed_head: dispute, head, nodes: pen.list("nodes", nodes) }.encode()
}

fn credit(pen: &mut Pen) -> Vec<u8> {
    entries(&[pen.number("grant", 7)])
}

/// Every message of the channel except those of reconciliation.
const MESSAGES: [(&str, Kind, Writer); 10] = [
    ("heads", Kind::Heads, heads),
    ("listed", Kind::Listed, |pen| pen.text("nothing", b"")),
    ("wants", Kind::Wants, wants),
    ("range", Kind::Range, range),
    ("rejects", Kind::Rejects, rejects),
    ("alias credit", Kind::AliasCredit, credit),
    ("window credit", Kind::WindowCredit, credit),
    ("refetch", Kind::Refetch, refetch),
    ("signed head", Kind::SignedHead, |pen| dispute(pen).encode()),
    ("fork proof", Kind::ForkProof, forked),
];

/// The member asks for a full list and names a feed.
fn listing() -> Vec<u8> {
    let first = HeadEntry { name: FeedRef::New(author(97)), length: 3, fork: 0 };
    [message(Kind::FallBack as u64, &[1]), message(Kind::Heads as u64, &entries(&[first]))].concat()
}

/// Valid messages, which close no connection.
pub(super) fn honest() -> Vec<Attack> {
    // Unsigned data closes the connection.
    let is_signed = |kind| matches!(kind, Kind::Range | Kind::SignedHead | Kind::ForkProof);
    let taken = MESSAGES.into_iter().filter(|(_, kind, _)| !is_signed(*kind));
    let taken = taken.map(|(name, kind, write)| {
        let bytes = message(kind as u64, &genuine(write));
        let (name, moment, role) = (name.to_owned(), Moment::Claimed, Role::Responder);
        Attack { name, moment, role, before: listing(), bytes }
    });
    taken.collect()
}

/// Messages of members with one defect each, and valid ones at the wrong time.
pub(super) fn attacks() -> Vec<Attack> {
    let mut all = Vec::new();
    for (name, kind, write) in MESSAGES {
        for (index, mutant) in mutants(name, write).into_iter().enumerate() {
            let role = if index % 2 == 0 { Role::Responder } else { Role::Initiator };
            let (name, bytes) = (mutant.name, message(kind as u64, &mutant.bytes));
            let (moment, before) = (Moment::Claimed, listing());
            all.push(Attack { name, moment, role, before, bytes });
        }
        for moment in [Moment::Dialled, Moment::Opened, Moment::Synced] {
            for role in [Role::Responder, Role::Initiator] {
                let name = format!("{name}: as it should be, {moment:?}, of {role:?}");
                let bytes = message(kind as u64, &genuine(write));
                all.push(Attack::new(name, moment, role, [&bytes[..], &bytes].concat()));
            }
        }
    }
    all
}

/// First messages with a defect in each byte, whatever their form.
pub(super) fn openings(stage: &mut Stage) -> Vec<Attack> {
    let mut all = Vec::new();
    for role in [Role::Responder, Role::Initiator] {
        let (_, said) = stage.bring_to(Moment::Claimed, role);
        for (index, genuine) in said.iter().take(2).enumerate() {
            let before = said[..index].iter().flat_map(|message| frame(message));
            let before: Vec<u8> = before.collect();
            for Mutant { name, bytes } in blind(&format!("word {index} of the opening"), genuine) {
                let bytes = [&before[..], &frame(&bytes)].concat();
                all.push(Attack::new(name, Moment::Dialled, role, bytes));
            }
        }
    }
    all
}

fn open(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    [0, 1].iter().for_each(|number| put_uint(&mut body, pen.number("kind of control", *number)));
    put_uint(&mut body, pen.number("channel", 2));
    put_string(&mut body, &String::from_utf8_lossy(&pen.text("protocol", PROTOCOL.as_bytes())));
    let id = pen.text("id", group().discovery_key());
    put_uint(&mut body, pen.number("bytes of the id", id.len() as u64));
    body.extend(id);
    body.extend(pen.text("handshake", &[1; 40]));
    body
}

fn control(pen: &mut Pen, kind: u64) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, number) in [("control", 0), ("kind of control", kind), ("channel", 1)] {
        put_uint(&mut body, pen.number(name, number));
    }
    body
}

fn batch(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, number) in [("control", 0), ("kind of control", 0), ("channel", 1)] {
        put_uint(&mut body, pen.number(name, number));
    }
    for part in [&[6, 1][..], &[5, 1], &[99]] {
        put_uint(&mut body, pen.number("length of a part", part.len() as u64));
        body.extend(pen.text("part", part));
    }
    put_uint(&mut body, pen.number("change of the channel", 0));
    put_uint(&mut body, pen.number("channel", 0));
    body
}

fn other(pen: &mut Pen) -> Vec<u8> {
    let mut body = Vec::new();
    put_uint(&mut body, pen.number("channel", 1));
    put_uint(&mut body, pen.number("kind", 77));
    body.extend(pen.text("body", b"a message of a newer version"));
    body
}

/// Mux messages with one defect each.
pub(super) fn mux() -> Vec<Attack> {
    let mut all = Vec::new();
    let messages = [
        mutants("open", open),
        mutants("reject", |pen| control(pen, 2)),
        mutants("close", |pen| control(pen, 3)),
        mutants("batch", batch),
        mutants("message", other),
    ];
    for mutant in messages.into_iter().flatten() {
        for (moment, role) in [(Moment::Synced, Role::Responder), (Moment::Opened, Role::Initiator)]
        {
            let name = format!("{}, {moment:?}", mutant.name);
            all.push(Attack::new(name, moment, role, frame(&mutant.bytes)));
        }
    }
    let deep = [0; 60_000];
    let mut many = Batch::new();
    for _ in 0..5_000 {
        many.push(&MuxMessage::Open { local_id: 2, protocol: "p", id: None, handshake: &[] });
        many.push(&MuxMessage::Close { local_id: 2 });
    }
    let many = many.take().expect("it has messages");
    for (name, bytes) in [("batches in batches", &deep[..]), ("ten thousand messages", &many)] {
        let (name, role, bytes) = (name.to_owned(), Role::Responder, frame(bytes));
        all.push(Attack::new(name, Moment::Synced, role, bytes));
    }
    all
}

/// Frames with a wrong length, at every stage.
pub(super) fn frames() -> Vec<Attack> {
    let lengths = [0, 1, 2, 255, 256, 4_096, 65_535, 1_114_112, 1_114_113, 0xff_ffff_u32];
    let mut all = Vec::new();
    for moment in [Moment::Dialled, Moment::Opened, Moment::Synced] {
        for (role, length) in [Role::Responder, Role::Initiator]
            .into_iter()
            .flat_map(|role| lengths.map(|l| (role, l)))
        {
            for held in [0, 1, length.min(70_000) as usize] {
                let name = format!("a frame of {length} with {held} bytes, {moment:?}");
                let head = length.to_le_bytes();
                let bytes = [&head[..3], &vec![7; held]].concat();
                all.push(Attack::new(name, moment, role, bytes));
            }
        }
    }
    all
}
