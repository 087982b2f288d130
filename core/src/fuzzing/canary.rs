//! A decoder as none must be.

use crate::wire::multifeed::{Kind, RangeHeader, decode, put};

/// Reads the nodes of a range and trusts their count, which comes from the peer.
///
/// Claims nothing: it exists to panic. A fuzzer that does not find out within seconds sees nothing
/// at all, and then that it found nothing elsewhere means nothing.
#[doc(hidden)]
pub fn canary(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    if Kind::of(u64::from(*kind)) != Some(Kind::Range) {
        return;
    }
    let Ok(header) = decode::<RangeHeader>(body) else { return };
    let mut fixed = alloc::vec::Vec::new();
    put(&mut fixed, &header);
    let nodes = body.get(fixed.len()..).unwrap_or_default();
    // The planted bug.
    let count = usize::from(header.nodes);
    assert!(nodes[..33 * count].len() <= body.len());
}
