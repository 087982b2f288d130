//! Ranges of a signed feed with one defect each.

use multifeed_core::wire::multifeed::{Kind, RangeHeader, RangeMessage, encode_range};
use multifeed_core::wire::mux::MuxMessage;
use multifeed_core::{FeedKey, KeyPair, Role, Signature};

use super::channel::message;
use super::pen::{Mutant, Pen, mutants};
use super::stage::{Stage, config, exchange, run_until_idle};

/// Blocks of each feed.
const BLOCKS: u64 = 11;

/// Bytes of each block.
const BLOCK_BYTES: usize = 9;

/// Blocks per range, and which range is wrong, from 0.
const CUTS: [(usize, usize); 5] = [(11, 0), (3, 0), (3, 1), (2, 3), (4, 2)];

/// The defect, and its number of proofs.
pub(super) fn suffer() -> usize {
    let mut count = 0;
    for (range_blocks, wrong) in CUTS {
        let mut member = config(3);
        member.limits.range_bytes = range_blocks * BLOCK_BYTES;
        let mut stage = Stage::with([config(1), config(2), member]);
        let mut index = 0;
        while suffer_one(&mut stage, wrong, index) {
            index += 1;
        }
        count += index;
    }
    count
}

/// Whether a defect with this number exists; the node must survive it.
fn suffer_one(stage: &mut Stage, wrong: usize, index: usize) -> bool {
    let key = write_feed(stage, index);
    let connection = stage.dial(Role::Responder);
    let (mut ranges, mut taken) = (0, None);
    exchange(&mut stage.node, &mut stage.member, connection, |message| {
        if let MuxMessage::Message { kind, body, .. } = message
            && *kind == Kind::Range as u64
        {
            if ranges == wrong {
                taken = Some(body.to_vec());
            }
            ranges += 1;
        }
        taken.is_none()
    });
    let body = taken.expect("as many ranges are sent");
    let genuine = RangeMessage::decode(&body, BLOCKS as usize).expect("it is genuine");
    let spoiled = mutants("range", |pen| range(pen, &genuine)).into_iter().nth(index);
    let Some(Mutant { name, bytes }) = spoiled else { return false };
    let name = format!("{name}, from block {}", genuine.header.start);
    let held = length(stage, &key);
    assert_eq!(held, genuine.header.start, "{name}: what came before is held");
    stage.suffer_on(connection, &name, &message(Kind::Range as u64, &bytes));
    assert_eq!(length(stage, &key), held, "{name}: it was taken");
    let again = stage.dial(Role::Responder);
    run_until_idle(&mut stage.node, &mut stage.member, again);
    let held = stage.node.multifeed.find(&key).expect("the true ranges are taken");
    let there = stage.member.multifeed.find(&key).expect("it is its own");
    let hash = stage.node.multifeed.tree_hash(held.id);
    assert_eq!(held.length, BLOCKS, "{name}: a feed is lost");
    assert_eq!(hash, stage.member.multifeed.tree_hash(there.id), "{name}");
    stage.hang_up(again);
    true
}

/// A new feed of the member that is unknown to the node.
fn write_feed(stage: &mut Stage, index: usize) -> FeedKey {
    let mut seed = [77; 32];
    seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
    let (multifeed, name) = (&mut stage.member.multifeed, format!("proved {index}"));
    let feed = multifeed.writer(&name, KeyPair::from_seed(&seed)).expect("a free name");
    let blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|block| vec![block as u8; BLOCK_BYTES]).collect();
    let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    multifeed.append(feed, &blocks).expect("it is its own");
    stage.member.handle(multifeed_core::Input::Timeout);
    stage.member.multifeed.feed(feed).expect("it was made").key
}

fn length(stage: &Stage, key: &FeedKey) -> u64 {
    stage.node.multifeed.find(key).map_or(0, |feed| feed.length)
}

fn range(pen: &mut Pen, genuine: &RangeMessage<'_>) -> Vec<u8> {
    let header = genuine.header;
    let header = RangeHeader {
        name: header.name,
        start: pen.number("start", header.start),
        head_length: pen.number("length of the head", header.head_length),
        fork: pen.number("fork", header.fork),
        signature: Signature(pen.array("signature", header.signature.0)),
        nodes: pen.byte("count of nodes", header.nodes),
    };
    let nodes = genuine.nodes.iter().map(|(size, hash)| {
        (pen.number("bytes below a node", *size), pen.array("hash of a node", *hash))
    });
    let nodes = nodes.collect();
    let nodes = pen.list("nodes", nodes);
    let blocks = genuine.blocks.iter().map(|block| pen.text("block", block)).collect();
    encode_range(&header, nodes.into_iter(), &pen.list("blocks", blocks))
}
