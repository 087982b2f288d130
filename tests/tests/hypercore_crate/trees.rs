//! The same blocks make the same trees, and every answer to a request is the same.

use multifeed_core::crypto::hash;
use multifeed_core::wire::hypercore::{At, Request, Span};
use proptest::collection::vec;
use proptest::prelude::*;

use super::bridge::{Batch, Peer, append, author, copy_of, key, node, nodes_of, proof, writer};
use super::cases;

/// One to eight batches of one to six blocks: most of them short, some empty, some of several
/// kilobytes.
pub(crate) fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let block = prop_oneof![
        8 => vec(any::<u8>(), 0..60),
        1 => (any::<u8>(), 3_000..9_000usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    vec(vec(block, 1..7), 1..9)
}

/// The head of a core from block 0 on.
fn whole(length: u64) -> Request {
    Request { id: 1, upgrade: Some(Span { start: 0, length }), ..Request::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Keys, lengths, roots, tree hashes, and what the author signs.
    #[test]
    fn the_same_blocks_make_the_same_tree(batches in batches()) {
        let theirs = writer();
        let mut ours = node(1);
        let feed = ours.multifeed.writer("own", author()).expect("a free name");
        prop_assert_eq!(key().0, theirs.key_pair().public.to_bytes());
        let mut peer = None;
        for batch in &batches {
            append(&theirs, batch);
            let blocks: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
            ours.multifeed.append(feed, &blocks).expect("it is ours");
            ours.drain();
            let view = ours.multifeed.feed(feed).expect("it is ours");
            let (length, own_key) = (view.length, view.key);
            let info = theirs.info();
            prop_assert_eq!((length, view.byte_length), (info.length, info.byte_length));
            let head = proof(&theirs, &whole(length)).expect("it has a head");
            let head = head.upgrade.expect("it was requested");
            let roots = nodes_of(&head.nodes);
            let tree = hash::tree(roots.iter().map(|root| (root.hash, root.index, root.size)));
            prop_assert_eq!(ours.multifeed.tree_hash(feed), Some(tree));
            // A feed of the group has the same roots under another signature.
            let peer = peer.get_or_insert_with(|| Peer::open(&mut ours, 1, own_key));
            let own = peer.ask(&mut ours, whole(length)).expect("it is held").upgrade;
            prop_assert_eq!(nodes_of(&own.expect("it was requested").nodes), roots);
            // Ed25519 is deterministic: the same key signs the same bytes for both.
            let namespace = hash::namespace("hypercore", 0);
            let signable = [&namespace[..], &tree, &length.to_le_bytes(), &[0; 8]].concat();
            prop_assert_eq!(&author().sign(&signable).0[..], &head.signature[..]);
        }
    }

    /// Answers with blocks, nodes and heads are equal, node by node, with the signature.
    #[test]
    fn every_request_has_the_same_answer(
        batches in batches(),
        requests in vec((any::<u64>(), any::<u64>(), any::<u64>(), 0..4_u8), 1..12),
    ) {
        let theirs = writer();
        batches.iter().for_each(|batch| append(&theirs, batch));
        let (mut ours, feed) = copy_of(&theirs);
        let length = theirs.info().length;
        prop_assert_eq!(ours.multifeed.feed(feed).map(|feed| feed.length), Some(length));
        let mut peer = Peer::open(&mut ours, 2, key());
        for (first, second, third, kind) in requests {
            let index = first % length;
            let start = second % length;
            let span = Span { start, length: 1 + third % (length - start) };
            // Levels up to a node that lies in the tree.
            let levels = |index: u64, max: u64| {
                let is_inside = |level: &u64| ((index >> level) + 1) << level <= max;
                (1..64).take_while(is_inside).count() as u64
            };
            let (block, hash, upgrade) = match kind {
                0 => (Some(At { index, nodes: third % (1 + levels(index, length)) }), None, None),
                1 => {
                    let nodes = third % (1 + levels(index, length));
                    (None, Some(At { index: 2 * index, nodes }), None)
                }
                2 => (None, None, Some(span)),
                // A block within the upgrade.
                _ => {
                    let index = span.start + first % span.length;
                    (Some(At { index, nodes: 0 }), None, Some(span))
                }
            };
            let request = Request { id: 9, block, hash, upgrade, ..Request::default() };
            let own = peer.ask(&mut ours, request);
            prop_assert_eq!(proof(&theirs, &request), own, "{:?}", request);
        }
    }
}
