//! A corrupt or edited store.

use alloc::vec::Vec;

use bytes::Bytes;

use super::map::{BLOCKS, Node};
use crate::crypto::hash;
use crate::io::Event;

/// Changes values of a store and opens it. A step is `entry, length, bytes`. If the entry number is
/// even, the value is XORed with the bytes; if it is odd, it is replaced by them and a valid
/// checksum.
///
/// Claims: the store opens or reports why not; a block that reads back equals the written one; and
/// our own feed accepts or rejects further blocks.
#[doc(hidden)]
pub fn records(mut steps: &[u8]) {
    let mut map = core::mem::take(&mut Node::with_blocks().map);
    while let [entry, length, rest @ ..] = steps {
        let (bytes, after) = rest.split_at(rest.len().min(usize::from(*length)));
        steps = after;
        let place = usize::from(entry / 2) % map.len().max(1);
        let Some(value) = map.values_mut().nth(place) else { return };
        *value = match entry % 2 {
            0 => flipped(value, bytes),
            _ => sealed(bytes),
        };
    }
    let mut node = Node::open(map);
    let is_ready = node.events.iter().any(|event| matches!(event, Event::Ready { .. }));
    let has_failed = node.events.iter().any(|event| matches!(event, Event::OpenFailed(_)));
    assert!(is_ready != has_failed, "{:?}", node.events);
    if !is_ready {
        return;
    }
    let ids: Vec<_> = node.multifeed.feeds().map(|feed| (feed.id, feed.length)).collect();
    for (id, length) in ids {
        for index in 0..length.min(10) {
            let Some(block) = block(&mut node, id, index) else { continue };
            assert_eq!(Some(&&block[..]), BLOCKS.get(index as usize));
        }
    }
    let feed = node.multifeed.writer("own", super::map::author());
    node.drain();
    if let Ok(feed) = feed {
        node.append(feed, &[b"the sixth"]);
    }
}

/// Reads a held block; `None` if it is damaged.
fn block(node: &mut Node, feed: crate::FeedId, index: u64) -> Option<Bytes> {
    let request = node.multifeed.read(feed, index, index + 1).expect("the block is held");
    node.drain();
    match node.events.pop() {
        Some(Event::Blocks { request: answered, mut blocks, .. }) if answered == request => {
            assert_eq!(blocks.len(), 1);
            blocks.pop()
        }
        Some(Event::Failed { request: failed, .. }) if failed == request => None,
        event => panic!("unexpected answer to a read: {event:?}"),
    }
}

fn flipped(value: &Bytes, mask: &[u8]) -> Bytes {
    let mask = mask.iter().copied().chain(core::iter::repeat(0));
    value.iter().zip(mask).map(|(byte, flip)| byte ^ flip).collect()
}

/// Bytes followed by the checksum of `feed/record.rs`.
pub(super) fn sealed(bytes: &[u8]) -> Bytes {
    let sum = hash::blake2b(&[b"multifeed/1 record", bytes]);
    bytes.iter().chain(&sum[..8]).copied().collect()
}
