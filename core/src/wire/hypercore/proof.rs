//! Requests for parts of a feed, and the data that answers them.

use alloc::vec::Vec;

use bytes::BufMut;

use super::{Manifest, Unsupported};
use crate::crypto::hash::Hash;
use crate::wire::codec::{Malformed, Reader, put_buffer, put_optional_buffer, put_uint};

/// Most nodes in one list of a message: a path has one for each of 53 levels, and what covers a
/// run has two.
pub const NODES_MAX: usize = 128;

/// Bytes of the shortest node.
const NODE_BYTES_MIN: usize = 34;

/// A node of a feed's tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its place in the flat tree.
    pub index: u64,
    /// Bytes of the blocks below it.
    pub size: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What is asked for, and how far up the asker needs the way to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// A block, or a node of the flat tree.
    pub index: u64,
    /// Levels up to a node that the asker has.
    pub nodes: u64,
}

/// A place in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seek {
    /// Bytes from the first block on.
    pub bytes: u64,
    /// Bytes of each block that do not count.
    pub padding: u64,
}

/// A run of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Index of the first block.
    pub start: u64,
    /// How many.
    pub length: u64,
}

/// A request for parts of a feed, all of one answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// By which the answer names it.
    pub id: u64,
    /// The fork that it is about.
    pub fork: u64,
    /// A block.
    pub block: Option<At>,
    /// A node of the flat tree.
    pub hash: Option<At>,
    /// The way to a place in bytes.
    pub seek: Option<Seek>,
    /// The head, for who has this much of the feed's length.
    pub upgrade: Option<Span>,
    /// The manifest.
    pub manifest: bool,
    /// How urgent it is.
    pub priority: u64,
}

const BLOCK: u64 = 1;
const HASH: u64 = 2;
const SEEK: u64 = 4;
const UPGRADE: u64 = 8;
const MANIFEST: u64 = 16;
const PRIORITY: u64 = 32;

fn bit(is_set: bool, flag: u64) -> u64 {
    if is_set { flag } else { 0 }
}

impl Request {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.uint()?;
        let (id, fork) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
        let mut pair = |flag| match flags & flag {
            0 => Ok(None),
            _ => Ok(Some((reader.uint_below_2_53()?, reader.uint_below_2_53()?))),
        };
        let block = pair(BLOCK)?.map(|(index, nodes)| At { index, nodes });
        let hash = pair(HASH)?.map(|(index, nodes)| At { index, nodes });
        let seek = pair(SEEK)?.map(|(bytes, padding)| Seek { bytes, padding });
        let upgrade = pair(UPGRADE)?.map(|(start, length)| Span { start, length });
        let manifest = flags & MANIFEST != 0;
        let priority = if flags & PRIORITY != 0 { reader.uint()? } else { 0 };
        Ok(Self { id, fork, block, hash, seek, upgrade, manifest, priority })
    }

    pub(super) fn put(&self, out: &mut impl BufMut) {
        let flags = bit(self.block.is_some(), BLOCK)
            | bit(self.hash.is_some(), HASH)
            | bit(self.seek.is_some(), SEEK)
            | bit(self.upgrade.is_some(), UPGRADE)
            | bit(self.manifest, MANIFEST)
            | bit(self.priority > 0, PRIORITY);
        put_uint(out, flags);
        put_uint(out, self.id);
        put_uint(out, self.fork);
        let pairs = [
            self.block.map(|at| (at.index, at.nodes)),
            self.hash.map(|at| (at.index, at.nodes)),
            self.seek.map(|seek| (seek.bytes, seek.padding)),
            self.upgrade.map(|span| (span.start, span.length)),
        ];
        for (first, second) in pairs.into_iter().flatten() {
            put_uint(out, first);
            put_uint(out, second);
        }
        if self.priority > 0 {
            put_uint(out, self.priority);
        }
    }
}

/// A block with the siblings on its way up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataBlock<'a> {
    /// Which.
    pub index: u64,
    /// The block.
    pub value: &'a [u8],
    /// Siblings, from the lowest level up.
    pub nodes: Vec<Node>,
}

/// A node with the siblings on its way up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataHash {
    /// Which.
    pub index: u64,
    /// The node, then siblings, from the lowest level up.
    pub nodes: Vec<Node>,
}

/// The way to a place in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataSeek {
    /// The place.
    pub bytes: u64,
    /// The node that it lies in, then siblings, from the lowest level up.
    pub nodes: Vec<Node>,
}

/// A head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataUpgrade<'a> {
    /// The length of who asked.
    pub start: u64,
    /// How many blocks more it asked for.
    pub length: u64,
    /// What covers those blocks, but for what other parts of the answer give.
    pub nodes: Vec<Node>,
    /// What covers the blocks behind them up to the head.
    pub additional_nodes: Vec<Node>,
    /// The signature of the head, as its author's kind of manifest writes it.
    pub signature: &'a [u8],
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Data<'a> {
    /// The request's id.
    pub request: u64,
    /// The fork that it is about.
    pub fork: u64,
    /// The block.
    pub block: Option<DataBlock<'a>>,
    /// The node.
    pub hash: Option<DataHash>,
    /// The way to the place.
    pub seek: Option<DataSeek>,
    /// The head.
    pub upgrade: Option<DataUpgrade<'a>>,
    /// The manifest, or what it is that we cannot use of it.
    pub manifest: Option<Result<Manifest, Unsupported>>,
}

impl<'a> Data<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let flags = reader.uint()?;
        let (request, fork) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
        let mut data = Self { request, fork, ..Self::default() };
        if flags & BLOCK != 0 {
            let (index, value) = (reader.uint_below_2_53()?, reader.buffer()?);
            data.block = Some(DataBlock { index, value, nodes: read_nodes(reader)? });
        }
        if flags & HASH != 0 {
            let index = reader.uint_below_2_53()?;
            data.hash = Some(DataHash { index, nodes: read_nodes(reader)? });
        }
        if flags & SEEK != 0 {
            let bytes = reader.uint_below_2_53()?;
            data.seek = Some(DataSeek { bytes, nodes: read_nodes(reader)? });
        }
        if flags & UPGRADE != 0 {
            let (start, length) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
            let (nodes, additional_nodes) = (read_nodes(reader)?, read_nodes(reader)?);
            let signature = reader.buffer()?;
            data.upgrade = Some(DataUpgrade { start, length, nodes, additional_nodes, signature });
        }
        if flags & MANIFEST != 0 {
            data.manifest = Some(Manifest::read(reader)?);
        }
        Ok(data)
    }

    pub(super) fn put(&self, out: &mut impl BufMut) {
        let manifest = self.manifest.and_then(Result::ok);
        let flags = bit(self.block.is_some(), BLOCK)
            | bit(self.hash.is_some(), HASH)
            | bit(self.seek.is_some(), SEEK)
            | bit(self.upgrade.is_some(), UPGRADE)
            | bit(manifest.is_some(), MANIFEST);
        put_uint(out, flags);
        put_uint(out, self.request);
        put_uint(out, self.fork);
        if let Some(block) = &self.block {
            put_uint(out, block.index);
            put_buffer(out, block.value);
            put_nodes(out, &block.nodes);
        }
        if let Some(hash) = &self.hash {
            put_uint(out, hash.index);
            put_nodes(out, &hash.nodes);
        }
        if let Some(seek) = &self.seek {
            put_uint(out, seek.bytes);
            put_nodes(out, &seek.nodes);
        }
        if let Some(upgrade) = &self.upgrade {
            put_uint(out, upgrade.start);
            put_uint(out, upgrade.length);
            put_nodes(out, &upgrade.nodes);
            put_nodes(out, &upgrade.additional_nodes);
            put_optional_buffer(out, Some(upgrade.signature));
        }
        if let Some(manifest) = manifest {
            out.put_slice(&manifest.encode());
        }
    }
}

fn read_nodes(reader: &mut Reader<'_>) -> Result<Vec<Node>, Malformed> {
    let count = reader.count(NODE_BYTES_MIN)?;
    if count > NODES_MAX {
        return Err(Malformed::TooLarge);
    }
    let mut nodes = Vec::with_capacity(count);
    for _ in 0..count {
        let (index, size) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
        nodes.push(Node { index, size, hash: reader.array()? });
    }
    Ok(nodes)
}

fn put_nodes(out: &mut impl BufMut, nodes: &[Node]) {
    put_uint(out, nodes.len() as u64);
    for node in nodes {
        put_uint(out, node.index);
        put_uint(out, node.size);
        out.put_slice(&node.hash);
    }
}
