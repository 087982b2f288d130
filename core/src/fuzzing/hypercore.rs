//! Bytes that become messages of hypercore's channel.

use alloc::vec::Vec;

use crate::wire::hypercore::{Message, NODES_MAX, Open};

/// A kind, and a body that is read as it.
///
/// Claims: what was read, written again, reads as the same and is no longer than it was; a list
/// of nodes is no longer than its bound.
#[doc(hidden)]
pub fn hypercore(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    if let Ok(open) = Open::decode(body) {
        let mut again = Vec::new();
        open.encode(&mut again);
        assert_eq!(Open::decode(&again), Ok(open));
    }
    let Ok(Some(message)) = Message::decode(u64::from(*kind), body) else { return };
    assert_eq!(message.kind(), u64::from(*kind));
    if let Message::Data(data) = &message {
        let hash = data.hash.iter().map(|hash| hash.nodes.len());
        let block = data.block.iter().map(|block| block.nodes.len());
        assert!(hash.chain(block).all(|nodes| nodes <= NODES_MAX));
        if data.manifest.is_some_and(|manifest| manifest.is_err()) {
            // What is not supported is not kept, and so not written.
            return;
        }
    }
    let mut again = Vec::new();
    message.encode(&mut again);
    // A reason may have been left out.
    assert!(again.len() <= body.len() + 1);
    assert_eq!(Message::decode(u64::from(*kind), &again), Ok(Some(message)));
}
