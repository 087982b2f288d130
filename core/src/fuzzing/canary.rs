//! A decoder with a deliberate bug.

use crate::wire::multifeed::{Kind, RangeHeader, decode, put};

/// Reads the nodes of a range and trusts their count, which comes from the peer.
///
/// Claims nothing: it exists to panic. If a fuzzer does not find this within seconds, it does not
/// work, and its other results are meaningless.
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
    // The deliberate bug.
    let count = usize::from(header.nodes);
    assert!(nodes[..33 * count].len() <= body.len());
}
