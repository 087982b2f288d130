//! Answers to the requests of hypercore's channel, from a folder.
//!
//! Rule: the multifeed verifies every answer, so a wrong node in the folder fails the import and
//! does nothing else.

use multifeed_core::wire::hypercore::{Data, DataBlock, DataUpgrade, Node, Request};

use crate::error::ImportError;
use crate::source::Source;
use crate::tree;

/// What answers one request.
pub(crate) struct Answer {
    value: Vec<u8>,
    path: Vec<Node>,
    upgrade: Vec<Node>,
    additional: Vec<Node>,
}

impl Answer {
    /// Reads the block, the nodes on its path, and the nodes that cover a requested upgrade.
    /// `None`: the request is for something else.
    pub(crate) fn read(
        source: &mut Source,
        request: &Request,
    ) -> Result<Option<Self>, ImportError> {
        let length = source.length();
        let Some(at) = request.block.filter(|at| at.index < source.held()) else { return Ok(None) };
        let (mut levels, mut upgrade, mut additional) = (at.nodes, Vec::new(), Vec::new());
        if let Some(span) = request.upgrade {
            let end = span.start.saturating_add(span.length);
            if end > length || span.start > at.index || at.index >= end {
                return Ok(None);
            }
            upgrade = tree::cover(span.start, end).collect();
            additional = tree::cover(end, length).collect();
            // The path leads to the node of the upgrade that the block lies below.
            let place = upgrade.iter().position(|node| tree::contains(*node, at.index));
            levels = place.map_or(0, |place| u64::from(tree::depth(upgrade.remove(place))));
        }
        let levels = u32::try_from(levels).unwrap_or(u32::MAX).min(tree::LENGTH_MAX.ilog2());
        let path: Vec<u64> = tree::siblings(2 * at.index, levels).collect();
        let mut nodes = |indices: Vec<u64>| -> Result<Vec<Node>, ImportError> {
            indices.into_iter().map(|index| source.node(index)).collect()
        };
        let (path, upgrade, additional) = (nodes(path)?, nodes(upgrade)?, nodes(additional)?);
        Ok(Some(Self { value: source.block(at.index)?, path, upgrade, additional }))
    }

    /// The message.
    pub(crate) fn data<'a>(&'a self, source: &'a Source, request: &Request) -> Data<'a> {
        let block = request.block.map(|at| DataBlock {
            index: at.index,
            value: &self.value,
            nodes: self.path.clone(),
        });
        let upgrade = request.upgrade.map(|span| DataUpgrade {
            start: span.start,
            length: span.length,
            nodes: self.upgrade.clone(),
            additional_nodes: self.additional.clone(),
            signature: source.signature(),
        });
        let manifest = source.manifest().filter(|_| request.manifest).map(Ok);
        let (id, fork) = (request.id, source.fork());
        Data { request: id, fork, block, upgrade, manifest, ..Data::default() }
    }
}
