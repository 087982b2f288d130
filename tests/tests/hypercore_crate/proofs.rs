//! Each side accepts the other's proofs, and rejects them once they are changed.

use std::ops::Range;

use futures_lite::future::block_on;
use hypercore::Hypercore;
use hypercore_schema::{Node as SchemaNode, Proof};
use multifeed_core::CloseReason;
use multifeed_core::wire::hypercore::{At, Message, Request, Span};
use multifeed_tests::Node;
use proptest::prelude::*;
use proptest::sample::Index;

use super::bridge::{
    Batch, Peer, append, blocks, blocks_of, copy_of, data_of, key, node, proof, reader, serve,
    writer,
};
use super::cases;
use super::trees::batches;

/// What the crate says if it looks for a node that was not written yet: behind the end of the file,
/// or where the file has zeros.
const NOT_WRITTEN: [&str; 2] = ["is out of bounds for store length", "store tree, blank"];

/// One change of a proof.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    BlockByte(Index, u8),
    LongerBlock(u8),
    BlockIndex,
    NodeHash(Index, Index, u8),
    NodeSize(Index),
    NodeIndex(Index),
    WithoutNode(Index),
    NodeTwice(Index),
    SignatureByte(Index, u8),
    ShorterUpgrade,
    LongerUpgrade,
    Fork,
}

pub(crate) fn changes() -> impl Strategy<Value = Change> {
    let bit = || (0..8_u8).prop_map(|bit| 1 << bit);
    let index = any::<Index>;
    prop_oneof![
        (index(), bit()).prop_map(|(at, bit)| Change::BlockByte(at, bit)),
        any::<u8>().prop_map(Change::LongerBlock),
        Just(Change::BlockIndex),
        (index(), index(), bit()).prop_map(|(node, at, bit)| Change::NodeHash(node, at, bit)),
        index().prop_map(Change::NodeSize),
        index().prop_map(Change::NodeIndex),
        index().prop_map(Change::WithoutNode),
        index().prop_map(Change::NodeTwice),
        (index(), bit()).prop_map(|(at, bit)| Change::SignatureByte(at, bit)),
        Just(Change::ShorterUpgrade),
        Just(Change::LongerUpgrade),
        Just(Change::Fork),
    ]
}

impl Change {
    /// Changes a proof. Returns whether it had what is to be changed.
    pub(crate) fn apply(&self, proof: &mut Proof) -> bool {
        match self {
            Self::BlockByte(at, bit) => {
                let block = proof.block.as_mut().filter(|block| !block.value.is_empty());
                block.map(|block| {
                    let at = at.index(block.value.len());
                    block.value[at] ^= bit;
                })
            }
            Self::LongerBlock(byte) => proof.block.as_mut().map(|block| block.value.push(*byte)),
            Self::BlockIndex => proof.block.as_mut().map(|block| block.index += 1),
            Self::SignatureByte(at, bit) => proof.upgrade.as_mut().map(|upgrade| {
                let at = at.index(upgrade.signature.len());
                upgrade.signature[at] ^= bit;
            }),
            Self::ShorterUpgrade => {
                let upgrade = proof.upgrade.as_mut().filter(|upgrade| upgrade.length > 1);
                upgrade.map(|upgrade| upgrade.length -= 1)
            }
            Self::LongerUpgrade => proof.upgrade.as_mut().map(|upgrade| upgrade.length += 1),
            Self::Fork => {
                proof.fork += 1;
                Some(())
            }
            Self::NodeHash(..)
            | Self::NodeSize(_)
            | Self::NodeIndex(_)
            | Self::WithoutNode(_)
            | Self::NodeTwice(_) => self.apply_to_nodes(proof),
        }
        .is_some()
    }

    fn apply_to_nodes(&self, proof: &mut Proof) -> Option<()> {
        let block = proof.block.as_mut().map(|block| &mut block.nodes);
        let upgrade = proof.upgrade.as_mut();
        let upgrade = upgrade.map(|upgrade| [&mut upgrade.nodes, &mut upgrade.additional_nodes]);
        let lists = block.into_iter().chain(upgrade.into_iter().flatten());
        let mut lists: Vec<&mut Vec<SchemaNode>> = lists.filter(|list| !list.is_empty()).collect();
        if lists.is_empty() {
            return None;
        }
        let (Self::NodeHash(at, ..)
        | Self::NodeSize(at)
        | Self::NodeIndex(at)
        | Self::WithoutNode(at)
        | Self::NodeTwice(at)) = self
        else {
            return None;
        };
        let list = at.index(lists.len());
        let list = &mut *lists[list];
        let place = at.index(list.len());
        match self {
            Self::NodeHash(_, byte, bit) => {
                let byte = byte.index(32);
                list[place].hash[byte] ^= bit;
            }
            Self::NodeSize(_) => list[place].length += 1,
            Self::NodeIndex(_) => list[place].index += 2,
            Self::WithoutNode(_) => drop(list.remove(place)),
            _ => list.insert(place, list[place].clone()),
        }
        Some(())
    }
}

/// A reader of the crate takes a proof. `false`: it does not, without an error.
pub(crate) fn take(core: &Hypercore, proof: Proof) -> Result<bool, String> {
    block_on(core.verify_and_apply_proof(proof)).map_err(|error| error.to_string())
}

/// The requests of the crate's own replicator: first the head without a block, then blocks.
pub(crate) fn head_request(core: &Hypercore, length: u64) -> Request {
    let start = core.info().length;
    let upgrade = Some(Span { start, length: length - start });
    Request { id: 1, upgrade, ..Request::default() }
}

pub(crate) fn block_request(core: &Hypercore, index: u64) -> Request {
    let nodes = block_on(core.missing_nodes(2 * index)).expect("readable");
    Request { id: 2, block: Some(At { index, nodes }), ..Request::default() }
}

/// A reader of the crate takes the head of a node of ours, and blocks in order.
pub(crate) fn fetch(reader: &Hypercore, peer: &mut Peer, ours: &mut Node, blocks: Range<u64>) {
    let head = peer.ask(ours, head_request(reader, blocks.end)).expect("it is held");
    assert_eq!(take(reader, head), Ok(true));
    for index in blocks {
        let block = peer.ask(ours, block_request(reader, index)).expect("it is held");
        assert_eq!(take(reader, block), Ok(true), "block {index}");
    }
}

fn all(batches: &[Batch]) -> Vec<Vec<u8>> {
    batches.iter().flatten().cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// The crate writes; we fetch from it while it grows.
    #[test]
    fn we_accept_what_the_crate_proves(batches in batches()) {
        let theirs = writer();
        let mut ours = node(1);
        let feed = ours.multifeed.adopt(key()).expect("there is room");
        ours.drain();
        let mut peer = Peer::open(&mut ours, 1, key());
        for (number, batch) in batches.iter().enumerate() {
            append(&theirs, batch);
            peer.announce(&mut ours, theirs.info().length);
            serve(&theirs, &mut peer, &mut ours);
            prop_assert_eq!(blocks_of(&mut ours, feed), all(&batches[..=number]));
        }
        prop_assert_eq!(&ours.closed, &[]);
    }

    /// A reader of the crate fetches from us, blocks in order. The only excuse is that it looks for
    /// a node on the disk that was not written yet: `faults.rs`.
    #[test]
    fn the_crate_accepts_what_we_prove(batches in batches()) {
        let (theirs, reader) = (writer(), reader());
        batches.iter().for_each(|batch| append(&theirs, batch));
        let (mut ours, _) = copy_of(&theirs);
        let length = theirs.info().length;
        let mut peer = Peer::open(&mut ours, 2, key());
        let head = peer.ask(&mut ours, head_request(&reader, length)).expect("it is held");
        prop_assert_eq!(take(&reader, head), Ok(true));
        for index in 0..length {
            let block = peer.ask(&mut ours, block_request(&reader, index)).expect("it is held");
            let taken = take(&reader, block);
            let is_known = |error: &String| NOT_WRITTEN.iter().any(|part| error.contains(*part));
            if taken.as_ref().is_err_and(is_known) {
                return Ok(());
            }
            prop_assert_eq!(taken, Ok(true), "block {}", index);
        }
        let expected: Vec<_> = all(&batches).into_iter().map(Some).collect();
        prop_assert_eq!(blocks(&reader), expected);
        let info = reader.info();
        prop_assert_eq!((info.length, info.contiguous_length), (length, length));
        // What it proves now is what the author proves.
        let upgrade = Some(Span { start: 0, length });
        let whole = Request { upgrade, ..Request::default() };
        prop_assert_eq!(proof(&reader, &whole), proof(&theirs, &whole));
    }

    /// A changed proof of the crate changes nothing here.
    #[test]
    fn we_reject_changed_proofs(batches in batches(), change in changes()) {
        let theirs = writer();
        batches.iter().for_each(|batch| append(&theirs, batch));
        let length = theirs.info().length;
        let mut ours = node(1);
        let feed = ours.multifeed.adopt(key()).expect("there is room");
        ours.drain();
        let mut peer = Peer::open(&mut ours, 1, key());
        peer.announce(&mut ours, length);
        let requests = peer.requests(&mut ours);
        prop_assert_eq!(requests.len(), 1, "the head with the first block");
        let mut proof = proof(&theirs, &requests[0]).expect("the core has it");
        if !change.apply(&mut proof) {
            return Ok(());
        }
        peer.say(&mut ours, &Message::Data(data_of(&proof, requests[0].id)));
        peer.requests(&mut ours);
        prop_assert_eq!(ours.multifeed.feed(feed).map(|feed| feed.length), Some(0));
        let is_violation = |reason: &CloseReason| matches!(reason, CloseReason::Violation(_));
        prop_assert!(ours.closed.iter().all(is_violation), "{:?}", ours.closed);
        // An honest peer is still believed.
        let mut honest = Peer::open(&mut ours, 2, key());
        honest.announce(&mut ours, length);
        if ours.closed.is_empty() {
            ours.handle(multifeed_core::Input::Disconnected {
                connection: multifeed_core::ConnectionId(1),
            });
        }
        serve(&theirs, &mut honest, &mut ours);
        prop_assert_eq!(blocks_of(&mut ours, feed), all(&batches));
    }

    /// A changed proof of ours changes nothing in the crate.
    #[test]
    fn the_crate_rejects_changed_proofs(
        batches in batches(),
        change in changes(),
        block in any::<Index>(),
        of_head in any::<bool>(),
    ) {
        let (theirs, reader) = (writer(), reader());
        batches.iter().for_each(|batch| append(&theirs, batch));
        let length = theirs.info().length;
        let (mut ours, _) = copy_of(&theirs);
        let mut peer = Peer::open(&mut ours, 2, key());
        let head = head_request(&reader, length);
        if !of_head {
            let head = peer.ask(&mut ours, head).expect("it is held");
            prop_assert_eq!(take(&reader, head), Ok(true));
        }
        let request = if of_head {
            head
        } else {
            block_request(&reader, block.index(length as usize) as u64)
        };
        let mut proof = peer.ask(&mut ours, request).expect("it is held");
        if !change.apply(&mut proof) {
            return Ok(());
        }
        let before = reader.info();
        let shown = format!("{proof:?}");
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| take(&reader, proof)));
        let taken = taken.map_err(|_| TestCaseError::fail(format!("panics: {shown}")))?;
        if of_head && matches!(change, Change::NodeTwice(_)) {
            // It ignores superfluous nodes: `faults::superfluous_nodes_of_a_head_are_ignored`.
            return Ok(());
        }
        prop_assert_ne!(taken, Ok(true), "{}", shown);
        prop_assert_eq!(reader.info(), before);
    }
}
