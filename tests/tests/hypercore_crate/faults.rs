//! What the crate cannot do, each with the smallest input. A test here fails once the crate is
//! repaired: then its exclusion can go.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_lite::future::block_on;
use hypercore::{Hypercore, HypercoreBuilder, PartialKeypair, SigningKey, Storage};
use multifeed_core::wire::hypercore::{At, Request, Span};
use multifeed_tests::Node;

use super::bridge::{Peer, append, author, copy_of, key, reader, writer};
use super::proofs::{block_request, fetch, head_request, take};

/// An author with this many blocks of one byte, and a node of ours that has them.
fn author_with(length: u8) -> (Hypercore, Node, Peer) {
    let theirs = writer();
    append(&theirs, &(0..length).map(|byte| vec![byte]).collect());
    let (mut ours, _) = copy_of(&theirs);
    let peer = Peer::open(&mut ours, 2, key());
    (theirs, ours, peer)
}

/// A reader that has block 0 of four does not accept block 3: it looks for a node on the disk where
/// nothing was written yet. It accepts block 1.
#[test]
fn a_reader_does_not_accept_blocks_in_every_order() {
    for (order, is_accepted) in [([0, 3], false), ([0, 1], true)] {
        let (_, mut ours, mut peer) = author_with(4);
        let reader = reader();
        let head = peer.ask(&mut ours, head_request(&reader, 4)).expect("held");
        assert_eq!(take(&reader, head), Ok(true));
        let taken = order.map(|index| {
            let block = peer.ask(&mut ours, block_request(&reader, index)).expect("held");
            take(&reader, block).is_ok()
        });
        assert_eq!(taken, [true, is_accepted]);
    }
}

/// A reader that has all of one block does not accept all blocks of a core that has grown to four,
/// in order: it looks for a root of the new tree on the disk, where it was not written.
#[test]
fn a_reader_of_a_core_that_grows_does_not_accept_all_blocks() {
    let (theirs, reader) = (writer(), reader());
    append(&theirs, &vec![Vec::new()]);
    let (mut ours, _) = copy_of(&theirs);
    let mut peer = Peer::open(&mut ours, 2, key());
    fetch(&reader, &mut peer, &mut ours, 0..1);
    append(&theirs, &vec![Vec::new(); 3]);
    let (mut ours, _) = copy_of(&theirs);
    let mut peer = Peer::open(&mut ours, 2, key());
    let head = peer.ask(&mut ours, head_request(&reader, 4)).expect("held");
    assert_eq!(take(&reader, head), Ok(true));
    let taken = [1, 2].map(|index| {
        let block = peer.ask(&mut ours, block_request(&reader, index)).expect("held");
        take(&reader, block).is_ok()
    });
    assert_eq!(taken, [true, false]);
}

/// A valid answer with a block and the head panics for some blocks: the last one of three is the
/// smallest case. We request such answers, and the crate gives them; its replicator does not
/// request them.
#[test]
fn a_block_with_the_head_panics() {
    for (index, panics) in [(0, false), (1, false), (2, true)] {
        let (_, mut ours, mut peer) = author_with(3);
        let reader = reader();
        let block = Some(At { index, nodes: 0 });
        let upgrade = Some(Span { start: 0, length: 3 });
        let request = Request { id: 1, block, upgrade, ..Request::default() };
        let proof = peer.ask(&mut ours, request).expect("held");
        let taken = catch_unwind(AssertUnwindSafe(|| take(&reader, proof)));
        assert_eq!(taken.is_err(), panics, "block {index}");
    }
}

/// A reader's core cannot be opened again once it has a block.
#[test]
fn a_reader_with_a_block_does_not_open_again() {
    let public = SigningKey::from_bytes(author().seed()).verifying_key();
    let storage = block_on(Storage::new_memory()).expect("memory");
    let pair = PartialKeypair { public, secret: None };
    let core = HypercoreBuilder::new(storage.clone()).key_pair(pair);
    let core = block_on(core.build()).expect("a new core");
    let (_, mut ours, mut peer) = author_with(1);
    fetch(&core, &mut peer, &mut ours, 0..1);
    assert!(block_on(HypercoreBuilder::new(storage).open(true).build()).is_err());
}

/// Blocks above 2 MiB on a disk are read as something else.
#[test]
fn blocks_above_2_mib_are_read_wrong() {
    for (bytes, is_right) in [(1 << 21, true), ((1 << 21) + 1, false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_path_buf();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let read = runtime.block_on(async {
            let storage = Storage::new_disk(&path, true).await.expect("a storage");
            let core = HypercoreBuilder::new(storage).build().await.expect("a core");
            core.append(&vec![5; bytes]).await.expect("appended");
            core.get(0).await.expect("read")
        });
        assert_eq!(read == Some(vec![5; bytes]), is_right, "{bytes}");
    }
}

/// A head with one node too many is accepted, with the right result.
#[test]
fn superfluous_nodes_of_a_head_are_ignored() {
    let (_, mut ours, mut peer) = author_with(1);
    let reader = reader();
    let mut head = peer.ask(&mut ours, head_request(&reader, 1)).expect("held");
    let nodes = &mut head.upgrade.as_mut().expect("requested").nodes;
    nodes.push(nodes[0].clone());
    assert_eq!(take(&reader, head), Ok(true));
    assert_eq!(reader.info().length, 1);
}
