//! Ranges on the wire: runs of whole blocks with one proof.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::config::Limits;
use crate::error::{CloseReason, Violation};
use crate::feed::tree::{self, LENGTH_MAX, Node};
use crate::feed::{Head, Range};
use crate::wire::multifeed::{BadRange, FeedRef, RangeHeader, RangeMessage, encode_range};

/// The message of a range.
pub(crate) fn encode(name: FeedRef, range: &Range<Bytes>) -> Vec<u8> {
    let header = RangeHeader {
        name,
        start: range.start,
        head_length: range.head.length,
        fork: range.head.fork,
        signature: range.head.signature,
        // At most two for each bit of a length.
        nodes: range.right.len() as u8,
    };
    let proof = range.right.iter().map(|node| (node.size, node.hash));
    encode_range(&header, proof, &range.blocks)
}

/// A range has a larger block, or more blocks, than we accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooLarge;

/// A range of a feed, if we accept its blocks.
type Decoded<'a> = (FeedRef, Result<Range<&'a [u8]>, TooLarge>);

/// Decodes a range and checks its form. Its blocks are not verified yet.
pub(crate) fn decode<'a>(body: &'a [u8], limits: &Limits) -> Result<Decoded<'a>, CloseReason> {
    let message = match RangeMessage::decode(body, limits.range_blocks) {
        Ok(message) => message,
        Err(BadRange::Malformed(malformed)) => return Err(malformed.into()),
        Err(BadRange::TooManyBlocks(name)) => return Ok((name, Err(TooLarge))),
    };
    if message.blocks.iter().any(|block| block.len() > limits.block_bytes) {
        return Ok((message.header.name, Err(TooLarge)));
    }
    let RangeMessage { header, nodes, blocks } = message;
    let end = header.start.checked_add(blocks.len() as u64).ok_or(Violation::OutOfRange)?;
    let is_in_range = end <= header.head_length && header.head_length <= LENGTH_MAX;
    if blocks.is_empty() || header.fork != 0 || !is_in_range {
        return Err(Violation::OutOfRange.into());
    }
    if tree::cover(end, header.head_length).count() != nodes.len() {
        return Err(Violation::BadProof.into());
    }
    let indices = tree::cover(end, header.head_length);
    let nodes = indices.zip(nodes);
    let right = nodes.map(|(index, (size, hash))| Node { index, size, hash }).collect();
    let RangeHeader { name, start, head_length, fork, signature, .. } = header;
    let head = Head { length: head_length, fork, signature };
    Ok((name, Ok(Range { start, blocks, right, head })))
}

/// Checks that a feed can have a length, and is not empty.
pub(crate) fn check_length(length: u64) -> Result<(), Violation> {
    if length == 0 || length > LENGTH_MAX { Err(Violation::OutOfRange) } else { Ok(()) }
}
