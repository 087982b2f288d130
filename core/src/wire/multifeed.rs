//! The messages of the `multifeed/1` channel ⇄ values.
//!
//! Rule: no state and no announced lengths. A message is a fixed part in postcard, then entries
//! until its end, read one by one; a decoder holds no more than the bytes it was given.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::codec::Malformed;
use crate::crypto::hash::Hash;
use crate::crypto::sign::{PublicKey, Signature};

/// The channel's protocol, as its `open` says it.
pub const PROTOCOL: &str = "multifeed/1";

/// The version in [`Hello`].
pub const VERSION: u32 = 1;

/// Bit of [`Hello::features`]: the receiver may send ranges that were not requested, while both
/// sides reconcile.
pub const PUSHES: u64 = 1;

/// The handshake of the channel, in its `open`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`]. Later versions only add fields at the end.
    pub version: u32,
    /// Bits of optional features, such as [`PUSHES`]; unknown bits are ignored.
    pub features: u64,
    /// Proves that the sender knows the group's key; bound to the connection and the role.
    pub capability: Hash,
    /// Number of feeds that the receiver may name before a [`Kind::AliasCredit`] grants more.
    pub aliases: u32,
    /// Bytes of ranges that the receiver may send before a [`Kind::WindowCredit`] grants more.
    pub window: u64,
    /// The initiator's [`Claim`], sealed for members; empty: the claim is sent as a message.
    pub claim: Vec<u8>,
}

/// What the sender accepts: it follows the [`Hello`] in the handshake. Earlier versions neither
/// send nor read it, and later versions only add fields at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accepts {
    /// Bytes of the largest block.
    pub block_bytes: u64,
    /// Most blocks in one range.
    pub range_blocks: u64,
    /// Most feeds that the receiver may want at once.
    pub wants: u64,
    /// Number of the sender's forked feeds; if it is not 0, a [`Kind::ForkedFeeds`] follows.
    pub forked: u64,
}

/// Decodes the handshake of the channel.
pub fn decode_handshake(handshake: &[u8]) -> Result<(Hello, Option<Accepts>), Malformed> {
    let mut rest = handshake;
    let hello = take(&mut rest)?;
    let accepts = if rest.is_empty() { None } else { Some(take(&mut rest)?) };
    Ok((hello, accepts))
}

/// A reference to a feed in a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum FeedRef {
    /// Its author's public key, for the first reference. The sender assigns its next alias: 0, 1, …
    New(PublicKey),
    /// The alias that the sender assigned.
    Sender(u32),
    /// The alias that the receiver assigned.
    Receiver(u32),
}

impl FeedRef {
    /// The same reference as sent by the other side.
    pub(crate) fn turned(self) -> Self {
        match self {
            Self::New(public_key) => Self::New(public_key),
            Self::Sender(number) => Self::Receiver(number),
            Self::Receiver(number) => Self::Sender(number),
        }
    }
}

/// The kind of a message: the `type` of a protomux message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// [`HeadEntry`]s.
    Heads = 0,
    /// The sender has listed every feed that it offers; later heads are changes.
    Listed = 1,
    /// [`WantEntry`]s.
    Wants = 2,
    /// A [`RangeMessage`].
    Range = 3,
    /// [`RejectEntry`]s.
    Rejects = 4,
    /// Additional aliases that the receiver may assign.
    AliasCredit = 5,
    /// Additional bytes of ranges that the receiver may send.
    WindowCredit = 6,
    /// [`RefetchEntry`]s.
    Refetch = 7,
    /// A [`Claim`].
    Claim = 8,
    /// Cells of the responder's sketch.
    Cells = 9,
    /// The initiator needs more cells.
    More = 10,
    /// The initiator has decoded which feeds differ.
    Different = 11,
    /// The responder's feeds that the initiator lacks.
    Entries = 12,
    /// The initiator has decoded which lengths differ.
    Changed = 13,
    /// The responder's lengths of the same feeds.
    Lengths = 14,
    /// The initiator knows every difference, and so does the responder.
    Agreed = 15,
    /// The reconciliation failed.
    FallBack = 16,
    /// The first part of a reconciliation message that is too long for one frame.
    Part = 17,
    /// The digest of the sender's heads, sent once it holds everything that the receiver offers.
    Checkpoint = 18,
    /// A [`SignedHead`](super::fork::SignedHead).
    SignedHead = 19,
    /// A [`ForkProof`](super::fork::ForkProof).
    ForkProof = 20,
    /// The authors of the sender's forked feeds. Only for a peer that sent [`Accepts`].
    ForkedFeeds = 21,
    /// The authors of those forked feeds of the receiver that the sender has no block of.
    ForkedWanted = 22,
}

impl Kind {
    /// The kind of a protomux type. Unknown types belong to newer versions and are ignored.
    pub fn of(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Heads,
            1 => Self::Listed,
            2 => Self::Wants,
            3 => Self::Range,
            4 => Self::Rejects,
            5 => Self::AliasCredit,
            6 => Self::WindowCredit,
            7 => Self::Refetch,
            8 => Self::Claim,
            9 => Self::Cells,
            10 => Self::More,
            11 => Self::Different,
            12 => Self::Entries,
            13 => Self::Changed,
            14 => Self::Lengths,
            15 => Self::Agreed,
            16 => Self::FallBack,
            17 => Self::Part,
            18 => Self::Checkpoint,
            19 => Self::SignedHead,
            20 => Self::ForkProof,
            21 => Self::ForkedFeeds,
            22 => Self::ForkedWanted,
            _ => return None,
        })
    }
}

/// The sender's sets, for comparison with the receiver's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// Number of feeds that the sender holds.
    pub feeds: u64,
    /// The root of their keys, bound to the connection and the role.
    pub keys: [u8; 8],
    /// The root of their heads, bound in the same way.
    pub heads: [u8; 8],
    /// The sender's checkpoint with the receiver, if it has one.
    pub known: Option<KnownClaim>,
}

/// The sender's checkpoint with the receiver, bound to the connection and the role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownClaim {
    /// Identifies both sets at the checkpoint.
    pub tag: [u8; 8],
    /// Number of the sender's feeds that changed since.
    pub changed: u32,
}

/// The sender durably holds `length` blocks of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadEntry {
    /// Which feed.
    pub name: FeedRef,
    /// Number of blocks; at least 1.
    pub length: u64,
    /// The fork of these blocks.
    pub fork: u64,
}

/// The sender requests a feed's blocks from `start` on, as far as the receiver holds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WantEntry {
    /// Which feed.
    pub name: FeedRef,
    /// Index of the first block wanted.
    pub start: u64,
}

/// The sender requests blocks that it once held and lost or cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefetchEntry {
    /// Which feed.
    pub name: FeedRef,
    /// Index of the first block wanted.
    pub start: u64,
    /// The index after the last block.
    pub end: u64,
}

/// The sender rejects something about a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RejectEntry {
    /// Which feed.
    pub name: FeedRef,
    /// The reason.
    pub reject: Reject,
}

/// The reason of a reject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Reject {
    /// The sender neither downloads nor uploads the feed.
    Declined,
    /// The sender cannot provide blocks that it offered.
    Unavailable,
    /// The sender already had pushed blocks: the receiver should announce growth of the feed
    /// instead.
    Duplicate,
    /// The sender cannot provide the refetched blocks, or no more of them.
    Gone,
    /// The next block of the feed is larger than the side accepts that lacks it. Only for a peer
    /// that sent [`Accepts`].
    TooLarge,
}

/// The fixed part of a range. Its nodes follow, then its blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RangeHeader {
    /// Which feed.
    pub name: FeedRef,
    /// Index of the first block.
    pub start: u64,
    /// Length of the signed head.
    pub head_length: u64,
    /// Fork of the signed head.
    pub fork: u64,
    /// Signature of the head.
    pub signature: Signature,
    /// How many nodes follow: as many as cover the blocks between the range and the head.
    pub nodes: u8,
}

/// A run of whole blocks of a feed, with the nodes to its right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeMessage<'a> {
    /// The fixed part.
    pub header: RangeHeader,
    /// Sizes in bytes and hashes of the nodes; their indices follow from the lengths.
    pub nodes: Vec<(u64, Hash)>,
    /// The blocks.
    pub blocks: Vec<&'a [u8]>,
}

/// The reason why a range does not decode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadRange {
    /// It does not parse.
    Malformed(Malformed),
    /// It has more blocks than allowed; of this feed.
    TooManyBlocks(FeedRef),
}

impl<'a> RangeMessage<'a> {
    /// Decodes a range of at most `blocks_max` blocks.
    pub fn decode(body: &'a [u8], blocks_max: usize) -> Result<Self, BadRange> {
        let mut rest = body;
        let header: RangeHeader = take(&mut rest).map_err(BadRange::Malformed)?;
        let mut nodes = Vec::new();
        for _ in 0..header.nodes {
            nodes.push(take(&mut rest).map_err(BadRange::Malformed)?);
        }
        let mut blocks = Vec::new();
        for block in entries::<&[u8]>(rest) {
            if blocks.len() == blocks_max {
                return Err(BadRange::TooManyBlocks(header.name));
            }
            blocks.push(block.map_err(BadRange::Malformed)?);
        }
        Ok(Self { header, nodes, blocks })
    }
}

/// Encodes a range.
pub fn encode_range<B: AsRef<[u8]>>(
    header: &RangeHeader,
    nodes: impl Iterator<Item = (u64, Hash)>,
    blocks: &[B],
) -> Vec<u8> {
    let bytes: usize = blocks.iter().map(|block| block.as_ref().len() + 4).sum();
    let mut body = Vec::with_capacity(bytes + 160 + 42 * usize::from(header.nodes));
    put(&mut body, header);
    nodes.for_each(|node| put(&mut body, &node));
    for block in blocks {
        // The same bytes as postcard's for a slice, without a call for each byte.
        put(&mut body, &(block.as_ref().len() as u64));
        body.extend_from_slice(block.as_ref());
    }
    body
}

/// Decodes a message that is one value. Data after it belongs to newer versions and is ignored.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    let mut rest = body;
    take(&mut rest)
}

/// Decodes a message that consists of entries.
pub fn entries<'a, T: Deserialize<'a>>(
    body: &'a [u8],
) -> impl Iterator<Item = Result<T, Malformed>> {
    let mut rest = body;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = take(&mut rest);
        if entry.is_err() {
            // An entry that does not parse has no end, so there is no next one.
            rest = &[];
        }
        Some(entry)
    })
}

pub(super) fn take<'a, T: Deserialize<'a>>(rest: &mut &'a [u8]) -> Result<T, Malformed> {
    let (value, after) = postcard::take_from_bytes(rest).map_err(|_| Malformed::Truncated)?;
    *rest = after;
    Ok(value)
}

/// Appends a value to a message.
pub fn put(body: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    struct Sink<'a>(&'a mut Vec<u8>);
    impl postcard::ser_flavors::Flavor for Sink<'_> {
        type Output = ();
        fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
            self.0.push(byte);
            Ok(())
        }
        fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
        fn finalize(self) -> postcard::Result<()> {
            Ok(())
        }
    }
    // A growing vector never refuses, and each of our values knows its lengths.
    postcard::serialize_with_flavor(value, Sink(body)).expect("every length is known");
}

#[cfg(test)]
mod tests;
