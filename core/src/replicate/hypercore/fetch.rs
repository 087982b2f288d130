//! What we fetch from one peer for one feed.
//!
//! Rule: a feed is held from the first block on, so blocks are requested in order, many at a time.
//! The first answer brings a block, the head that proves it, and the nodes that cover the blocks
//! behind it. Each block splits the first of those nodes, so the next block needs only the nodes
//! that the one before it did not bring. Blocks that arrived in order are verified as one range.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use super::remote_bitfield::RemoteBitfield;
use crate::config::Limits;
use crate::crypto::SignatureMemo;
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::manifest;
use crate::feed::set::Feeds;
use crate::feed::tree::{self, Fold, LENGTH_MAX, Node};
use crate::feed::{Feed, Head, Range, Staging};
use crate::id::FeedId;
use crate::time::Instant;
use crate::wire::hypercore::{At, Data, DataBlock, Message, Request, Span, Sync};

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FetchRequest {
    /// The head, with the first block that we lack.
    Head(Span),
    /// A block.
    Block(u64),
    /// The manifest of a feed without blocks.
    Manifest,
}

/// A head that the peer sent.
#[derive(Debug)]
struct RemoteHead {
    head: Head,
    /// The first block that has not arrived.
    next: u64,
    /// The nodes that cover the blocks from there up to the head.
    cover: VecDeque<Node>,
}

/// The requests to one peer for one feed, and the blocks that arrived.
#[derive(Debug, Default)]
pub(crate) struct Fetch {
    remote_head: Option<RemoteHead>,
    requested: BTreeMap<u64, FetchRequest>,
    requested_blocks: BTreeSet<u64>,
    /// Requests to cancel at the peer.
    cancelled: Vec<u64>,
    /// Blocks that arrived out of order, with their paths.
    out_of_order: BTreeMap<u64, (Bytes, Vec<Node>)>,
    out_of_order_bytes: usize,
    /// Blocks that arrived in order and are not committed, up to `remote_head.next`.
    in_order: Vec<Bytes>,
    last_progress: Instant,
    resume_at: Option<Instant>,
}

/// The bounds for new requests.
pub(crate) struct Budget<'a> {
    pub(crate) limits: &'a Limits,
    /// Bytes that may arrive.
    pub(crate) bytes: u64,
    pub(crate) next_id: &'a mut u64,
    pub(crate) now: Instant,
}

impl Budget<'_> {
    fn id(&mut self) -> u64 {
        *self.next_id += 1;
        *self.next_id - 1
    }
}

/// What became of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Received {
    Staged,
    Dropped,
    /// It does not answer the request.
    Mismatch,
}

/// Whether `fork` is the fork whose blocks are held or may be fetched.
pub(crate) fn is_followed(feed: &Feed, fork: u64) -> bool {
    match feed.fork() {
        Some(held) => held == fork,
        // A feed of the group has no other fork.
        None => !feed.is_of_group() || fork == 0,
    }
}

impl Fetch {
    pub(crate) fn is_idle(&self) -> bool {
        self.requested.is_empty() && self.in_order.is_empty()
    }

    /// Number of open requests.
    pub(crate) fn requests(&self) -> usize {
        self.requested.len()
    }

    /// Bytes of blocks that arrived out of order.
    pub(crate) fn out_of_order_bytes(&self) -> usize {
        self.out_of_order_bytes
    }

    /// Since when the peer has owed an answer.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        (!self.requested.is_empty()).then_some(self.last_progress)
    }

    /// When requests to the peer may continue.
    pub(crate) fn resume_at(&self) -> Option<Instant> {
        self.resume_at
    }

    /// Ends the pause if its time is over. Returns whether it did.
    pub(crate) fn wake(&mut self, now: Instant) -> bool {
        self.resume_at.take_if(|resume| *resume <= now).is_some()
    }

    /// Cancels all requests, and sends none before `resume`.
    ///
    /// Blocks that arrived in order stay: they are committed, and the next ones are requested
    /// later.
    pub(crate) fn back_off(&mut self, resume: Instant) {
        self.cancel_all();
        self.resume_at = Some(resume);
    }

    fn cancel_all(&mut self) {
        self.cancelled.extend(core::mem::take(&mut self.requested).into_keys());
        self.requested_blocks.clear();
        self.out_of_order.clear();
        self.out_of_order_bytes = 0;
    }

    fn reset(&mut self) {
        self.cancel_all();
        self.in_order.clear();
        self.remote_head = None;
    }

    /// The request that an answer is for; `None`: it was never sent or was cancelled.
    pub(crate) fn finish(&mut self, id: u64, now: Instant) -> Option<FetchRequest> {
        let request = self.requested.remove(&id)?;
        if let FetchRequest::Block(block) = request {
            self.requested_blocks.remove(&block);
        }
        self.last_progress = now;
        Some(request)
    }

    /// Requests what the peer has and we lack. Returns whether the peer owes blocks now.
    pub(crate) fn request(
        &mut self,
        feed: &Feed,
        remote: Option<Sync>,
        remote_blocks: &RemoteBitfield,
        budget: &mut Budget<'_>,
        messages: &mut Vec<Message<'_>>,
    ) -> bool {
        messages.extend(self.cancelled.drain(..).map(Message::Cancel));
        let Some(remote) = remote else { return false };
        let is_wanted = feed.is_accepted() && !feed.is_transient();
        let is_open = remote.uploading && is_wanted && is_followed(feed, remote.fork);
        if self.resume_at.is_some() || feed.broken().is_some() || !is_open {
            return false;
        }
        let held = feed.staged_length();
        let is_stale = self.remote_head.as_ref().is_some_and(|ahead| {
            ahead.next != held + self.in_order.len() as u64 || ahead.next == ahead.head.length
        });
        if is_stale && self.in_order.is_empty() {
            // It is complete, or another peer has brought blocks meanwhile.
            self.reset();
            messages.extend(self.cancelled.drain(..).map(Message::Cancel));
        }
        if self.requested.is_empty() {
            self.last_progress = budget.now;
        }
        match &self.remote_head {
            Some(_) => self.request_blocks(remote.fork, remote_blocks, budget, messages),
            None => self.request_head(feed, remote, remote_blocks, budget, messages),
        }
        !self.is_idle()
    }

    fn request_head(
        &mut self,
        feed: &Feed,
        remote: Sync,
        remote_blocks: &RemoteBitfield,
        budget: &mut Budget<'_>,
        messages: &mut Vec<Message<'_>>,
    ) {
        let start = feed.staged_length();
        if remote.length == 0 && remote.has_manifest && self.requested.is_empty() {
            return self.request_manifest(feed, remote, budget, messages);
        }
        let is_offered = remote.length > start && remote.length <= LENGTH_MAX;
        if !self.requested.is_empty() || !is_offered || remote_blocks.run_end(start).is_none() {
            return;
        }
        let (id, span) = (budget.id(), Span { start, length: remote.length - start });
        self.requested.insert(id, FetchRequest::Head(span));
        messages.push(Message::Request(Request {
            id,
            fork: remote.fork,
            block: Some(At { index: start, nodes: 0 }),
            upgrade: Some(span),
            manifest: feed.is_origin_unknown() && remote.has_manifest,
            ..Request::default()
        }));
    }

    /// A feed without blocks may have a manifest, which others behind us may ask for.
    fn request_manifest(
        &mut self,
        feed: &Feed,
        remote: Sync,
        budget: &mut Budget<'_>,
        messages: &mut Vec<Message<'_>>,
    ) {
        if feed.is_origin_unknown() {
            let id = budget.id();
            self.requested.insert(id, FetchRequest::Manifest);
            let fork = remote.fork;
            messages.push(Message::Request(Request {
                id,
                fork,
                manifest: true,
                ..Request::default()
            }));
        }
    }

    fn request_blocks(
        &mut self,
        fork: u64,
        remote_blocks: &RemoteBitfield,
        budget: &mut Budget<'_>,
        messages: &mut Vec<Message<'_>>,
    ) {
        let Some(ahead) = &self.remote_head else { return };
        let (next, end) = (ahead.next, ahead.head.length);
        // The sizes in the cover are signed, so this is the number of missing bytes.
        let bytes: u64 = ahead.cover.iter().map(|node| node.size).sum();
        let each = bytes.div_ceil((end - next).max(1)).max(1);
        let requests_max =
            (budget.bytes.saturating_sub(self.out_of_order_bytes as u64) / each).max(1);
        let requests_max = requests_max.min(budget.limits.hypercore_fetches as u64) as usize;
        let mut index = next;
        let mut run_end = index;
        while self.requested.len() < requests_max && index < end {
            if index >= run_end {
                match remote_blocks.run_end(index) {
                    Some(end) => run_end = end,
                    None => break,
                }
            }
            if !self.out_of_order.contains_key(&index) && self.requested_blocks.insert(index) {
                let id = budget.id();
                self.requested.insert(id, FetchRequest::Block(index));
                let nodes = tree::cover(index, end).next().map_or(0, tree::depth);
                let block = Some(At { index, nodes: u64::from(nodes) });
                messages.push(Message::Request(Request { id, fork, block, ..Request::default() }));
            }
            index += 1;
        }
    }

    /// Handles an answer. It is verified in [`Fetch::commit`]. `out_of_order_max` bounds the bytes
    /// of a block that arrives out of order.
    pub(crate) fn on_data(
        &mut self,
        feed: &Feed,
        request: FetchRequest,
        data: &Data<'_>,
        limits: &Limits,
        out_of_order_max: usize,
    ) -> Result<Received, CloseReason> {
        if request == FetchRequest::Manifest {
            // It was checked, and has set the origin.
            let is_missing = feed.is_origin_unknown();
            return Ok(if is_missing { Received::Mismatch } else { Received::Dropped });
        }
        let Some(block) = &data.block else { return Ok(Received::Mismatch) };
        if block.value.len() > limits.block_bytes {
            return Err(Limit::BlockBytes.into());
        }
        match request {
            FetchRequest::Head(span) => self.on_head(feed, span, block, data),
            FetchRequest::Block(index) if block.index == index => {
                self.on_block(block, out_of_order_max)
            }
            FetchRequest::Block(_) | FetchRequest::Manifest => Ok(Received::Mismatch),
        }
    }

    fn on_head(
        &mut self,
        feed: &Feed,
        span: Span,
        block: &DataBlock<'_>,
        data: &Data<'_>,
    ) -> Result<Received, CloseReason> {
        let Some(upgrade) = &data.upgrade else { return Ok(Received::Mismatch) };
        let requested = (span.start, span.start, span.length);
        if (block.index, upgrade.start, upgrade.length) != requested
            || !is_followed(feed, data.fork)
        {
            return Ok(Received::Mismatch);
        }
        if feed.staged_length() != span.start {
            return Ok(Received::Dropped);
        }
        let nodes = [&block.nodes, &upgrade.nodes, &upgrade.additional_nodes];
        let mut fold = Fold::default();
        for node in nodes.into_iter().flatten() {
            fold.push(*node, |_| ())?;
        }
        let cover = fold.into_roots();
        let next = span.start + 1;
        let length = cover.last().map_or(next, |node| tree::blocks(node.index).end);
        let is_in_range = length >= span.start + span.length && length <= LENGTH_MAX;
        if !is_in_range || !cover.iter().map(|node| node.index).eq(tree::cover(next, length)) {
            return Err(Violation::BadProof.into());
        }
        let signature = manifest::read_signature(feed.origin(), upgrade.signature);
        let signature = signature.ok_or(Violation::BadSignature)?;
        let head = Head { length, fork: data.fork, signature };
        self.remote_head = Some(RemoteHead { head, next, cover: cover.into() });
        self.in_order.push(Bytes::copy_from_slice(block.value));
        Ok(Received::Staged)
    }

    fn on_block(
        &mut self,
        block: &DataBlock<'_>,
        out_of_order_max: usize,
    ) -> Result<Received, CloseReason> {
        let Some(ahead) = &self.remote_head else { return Ok(Received::Dropped) };
        let (index, next) = (block.index, ahead.next);
        if index < next {
            return Ok(Received::Dropped);
        }
        let depth = tree::cover(index, ahead.head.length).next().map_or(0, tree::depth);
        let siblings = tree::siblings(2 * index, ahead.head.length).take(depth as usize);
        if !block.nodes.iter().map(|node| node.index).eq(siblings) {
            return Err(Violation::BadProof.into());
        }
        if index > next && block.value.len() > out_of_order_max {
            // It is requested again when there is room.
            return Ok(Received::Dropped);
        }
        let piece = (Bytes::copy_from_slice(block.value), block.nodes.clone());
        self.out_of_order_bytes += piece.0.len();
        self.out_of_order.insert(index, piece);
        self.take_in_order()
    }

    /// Moves blocks that are in order now.
    fn take_in_order(&mut self) -> Result<Received, CloseReason> {
        let mut received = Received::Dropped;
        let Some(ahead) = &mut self.remote_head else { return Ok(received) };
        while let Some((value, nodes)) = self.out_of_order.remove(&ahead.next) {
            self.out_of_order_bytes -= value.len();
            // Replaces the node that begins with this block by its right siblings.
            ahead.cover.pop_front().ok_or(Violation::BadProof)?;
            for node in nodes.into_iter().rev() {
                ahead.cover.push_front(node);
            }
            ahead.next += 1;
            self.in_order.push(value);
            received = Received::Staged;
        }
        Ok(received)
    }

    /// Verifies and stages the blocks that arrived in order. Returns also their bytes.
    pub(crate) fn commit(
        &mut self,
        id: FeedId,
        feeds: &mut Feeds,
        limits: &Limits,
        memo: Option<&SignatureMemo>,
    ) -> (Result<Option<Staging>, Violation>, u64) {
        let run = core::mem::take(&mut self.in_order);
        let (Some(ahead), false) = (&self.remote_head, run.is_empty()) else {
            return (Ok(None), 0);
        };
        let bytes = run.iter().map(|block| block.len() as u64).sum();
        let range = Range {
            start: ahead.next - run.len() as u64,
            blocks: run.iter().map(|block| &block[..]).collect(),
            right: ahead.cover.iter().copied().collect(),
            head: ahead.head,
        };
        let result = feeds.accept(id, &range, limits, memo);
        if result.is_err() {
            self.reset();
        }
        (result, bytes)
    }

    /// Panics if a counter differs from what it counts.
    pub(crate) fn check_invariants(&self) {
        let bytes: usize = self.out_of_order.values().map(|(value, _)| value.len()).sum();
        assert_eq!(self.out_of_order_bytes, bytes, "counter of bytes out of order");
        let blocks: BTreeSet<u64> = self.requested.values().filter_map(block_of).collect();
        assert_eq!(self.requested_blocks, blocks, "requested blocks have requests");
        assert!(self.in_order.is_empty() || self.remote_head.is_some(), "blocks have a head");
    }
}

fn block_of(request: &FetchRequest) -> Option<u64> {
    match request {
        FetchRequest::Block(index) => Some(*index),
        FetchRequest::Head(_) | FetchRequest::Manifest => None,
    }
}
