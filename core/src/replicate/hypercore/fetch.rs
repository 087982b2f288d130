//! What we ask of one peer for one feed.
//!
//! Rule: a feed is held from the first block on, so blocks are asked for in order, many at a time.
//! The first request brings a block with the head that proves it and with what covers the blocks
//! behind it; each block splits the first of those nodes, and so each next one needs only as many
//! nodes as the one before it has not brought. What has come is verified as one range.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use super::channel;
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

/// What one request was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FetchRequest {
    /// The head, with the first block behind what we have.
    Head(Span),
    /// A block.
    Block(u64),
}

/// A head that the peer showed.
#[derive(Debug)]
struct Ahead {
    head: Head,
    /// The first block that has not come.
    next: u64,
    /// What covers the blocks from there up to the head.
    cover: VecDeque<Node>,
}

/// What is asked of one peer, and what has come of it.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    ahead: Option<Ahead>,
    asked: BTreeMap<u64, FetchRequest>,
    asked_blocks: BTreeSet<u64>,
    /// Requests that the peer is to be told to forget.
    cancelled: Vec<u64>,
    /// Blocks that came before those in front of them, with their paths.
    early: BTreeMap<u64, (Bytes, Vec<Node>)>,
    early_bytes: usize,
    /// Blocks that came in order and are not committed, up to `ahead.next`.
    run: Vec<Bytes>,
    since: Instant,
    resume: Option<Instant>,
}

/// What there is room for.
pub(super) struct Room<'a> {
    pub(super) limits: &'a Limits,
    /// Bytes that may come.
    pub(super) bytes: u64,
    pub(super) next_id: &'a mut u64,
    pub(super) now: Instant,
}

impl Room<'_> {
    fn id(&mut self) -> u64 {
        *self.next_id += 1;
        *self.next_id - 1
    }
}

/// What came of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Received {
    Kept,
    Nothing,
    /// It does not answer what was asked.
    Refused,
}

impl Fetch {
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.run.is_empty()
    }

    /// Requests that are open.
    pub(super) fn asks(&self) -> usize {
        self.asked.len()
    }

    /// Bytes of blocks that came before those in front of them.
    pub(super) fn early_bytes(&self) -> usize {
        self.early_bytes
    }

    /// Since when the peer has owed an answer.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        (!self.asked.is_empty()).then_some(self.since)
    }

    /// When the peer may be asked again.
    pub(super) fn resume(&self) -> Option<Instant> {
        self.resume
    }

    /// Whether the time to ask again has come.
    pub(super) fn wake(&mut self, now: Instant) -> bool {
        self.resume.take_if(|resume| *resume <= now).is_some()
    }

    /// Takes back all that was asked; nothing is asked before `resume`.
    ///
    /// What came in order stays: it is committed, and what follows on it is asked for later.
    pub(super) fn give_up(&mut self, resume: Instant) {
        self.undo_changes();
        self.resume = Some(resume);
    }

    fn undo_changes(&mut self) {
        self.cancelled.extend(core::mem::take(&mut self.asked).into_keys());
        self.asked_blocks.clear();
        self.early.clear();
        self.early_bytes = 0;
    }

    fn reset(&mut self) {
        self.undo_changes();
        self.run.clear();
        self.ahead = None;
    }

    /// The request of an answer that came; `None`: it was not asked for, or not any more.
    pub(super) fn finish(&mut self, request: u64, now: Instant) -> Option<FetchRequest> {
        let ask = self.asked.remove(&request)?;
        if let FetchRequest::Block(block) = ask {
            self.asked_blocks.remove(&block);
        }
        self.since = now;
        Some(ask)
    }

    /// Asks for what the peer has and we lack. Returns whether it owes us something now.
    pub(super) fn ask(
        &mut self,
        feed: &Feed,
        theirs: Option<Sync>,
        holds: &RemoteBitfield,
        room: &mut Room<'_>,
        messages: &mut Vec<Message<'_>>,
    ) -> bool {
        messages.extend(self.cancelled.drain(..).map(Message::Cancel));
        let Some(theirs) = theirs else { return false };
        let is_wanted = feed.is_accepted() && !feed.is_transient();
        let is_open = theirs.uploading && is_wanted && channel::is_followed(feed, theirs.fork);
        if self.resume.is_some() || feed.broken().is_some() || !is_open {
            return false;
        }
        let held = feed.staged_length();
        let is_stale = self.ahead.as_ref().is_some_and(|ahead| {
            ahead.next != held + self.run.len() as u64 || ahead.next == ahead.head.length
        });
        if is_stale && self.run.is_empty() {
            // It is complete, or somebody else has brought blocks meanwhile.
            self.reset();
            messages.extend(self.cancelled.drain(..).map(Message::Cancel));
        }
        if self.asked.is_empty() {
            self.since = room.now;
        }
        match &self.ahead {
            Some(_) => self.ask_blocks(theirs.fork, holds, room, messages),
            None => self.ask_head(feed, theirs, holds, room, messages),
        }
        !self.is_idle()
    }

    fn ask_head(
        &mut self,
        feed: &Feed,
        theirs: Sync,
        holds: &RemoteBitfield,
        room: &mut Room<'_>,
        messages: &mut Vec<Message<'_>>,
    ) {
        let start = feed.staged_length();
        let is_offered = theirs.length > start && theirs.length <= LENGTH_MAX;
        if !self.asked.is_empty() || !is_offered || holds.run_end(start).is_none() {
            return;
        }
        let (id, span) = (room.id(), Span { start, length: theirs.length - start });
        self.asked.insert(id, FetchRequest::Head(span));
        messages.push(Message::Request(Request {
            id,
            fork: theirs.fork,
            block: Some(At { index: start, nodes: 0 }),
            upgrade: Some(span),
            manifest: feed.is_origin_unknown() && theirs.has_manifest,
            ..Request::default()
        }));
    }

    fn ask_blocks(
        &mut self,
        fork: u64,
        holds: &RemoteBitfield,
        room: &mut Room<'_>,
        messages: &mut Vec<Message<'_>>,
    ) {
        let Some(ahead) = &self.ahead else { return };
        let (next, end) = (ahead.next, ahead.head.length);
        // Sizes in the cover are signed for, so this is how much is still to come.
        let bytes: u64 = ahead.cover.iter().map(|node| node.size).sum();
        let each = bytes.div_ceil((end - next).max(1)).max(1);
        let asks_max = (room.bytes.saturating_sub(self.early_bytes as u64) / each).max(1);
        let asks_max = asks_max.min(room.limits.hypercore_fetches as u64) as usize;
        let mut index = next;
        let mut run_end = index;
        while self.asked.len() < asks_max && index < end {
            if index >= run_end {
                match holds.run_end(index) {
                    Some(end) => run_end = end,
                    None => break,
                }
            }
            if !self.early.contains_key(&index) && self.asked_blocks.insert(index) {
                let id = room.id();
                self.asked.insert(id, FetchRequest::Block(index));
                let nodes = tree::cover(index, end).next().map_or(0, tree::depth);
                let block = Some(At { index, nodes: u64::from(nodes) });
                messages.push(Message::Request(Request { id, fork, block, ..Request::default() }));
            }
            index += 1;
        }
    }

    /// Takes an answer. Nothing of it is verified before [`Fetch::commit`]. `early_bytes_max` is
    /// what there is room for of blocks that come before those in front of them.
    pub(super) fn take(
        &mut self,
        feed: &Feed,
        ask: FetchRequest,
        data: &Data<'_>,
        (limits, early_bytes_max): (&Limits, usize),
    ) -> Result<Received, CloseReason> {
        let Some(block) = &data.block else { return Ok(Received::Refused) };
        if block.value.len() > limits.block_bytes {
            return Err(Limit::BlockBytes.into());
        }
        match ask {
            FetchRequest::Head(span) => self.on_head(feed, span, block, data),
            FetchRequest::Block(index) if block.index == index => {
                self.on_block(block, early_bytes_max)
            }
            FetchRequest::Block(_) => Ok(Received::Refused),
        }
    }

    fn on_head(
        &mut self,
        feed: &Feed,
        span: Span,
        block: &DataBlock<'_>,
        data: &Data<'_>,
    ) -> Result<Received, CloseReason> {
        let Some(upgrade) = &data.upgrade else { return Ok(Received::Refused) };
        let asked = (span.start, span.start, span.length);
        if (block.index, upgrade.start, upgrade.length) != asked
            || !channel::is_followed(feed, data.fork)
        {
            return Ok(Received::Refused);
        }
        if feed.staged_length() != span.start {
            return Ok(Received::Nothing);
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
        self.ahead = Some(Ahead { head, next, cover: cover.into() });
        self.run.push(Bytes::copy_from_slice(block.value));
        Ok(Received::Kept)
    }

    fn on_block(
        &mut self,
        block: &DataBlock<'_>,
        early_bytes_max: usize,
    ) -> Result<Received, CloseReason> {
        let Some(ahead) = &self.ahead else { return Ok(Received::Nothing) };
        let (index, next) = (block.index, ahead.next);
        if index < next {
            return Ok(Received::Nothing);
        }
        let depth = tree::cover(index, ahead.head.length).next().map_or(0, tree::depth);
        let siblings = tree::siblings(2 * index, ahead.head.length).take(depth as usize);
        if !block.nodes.iter().map(|node| node.index).eq(siblings) {
            return Err(Violation::BadProof.into());
        }
        if index > next && block.value.len() > early_bytes_max {
            // It is asked for again when there is room.
            return Ok(Received::Nothing);
        }
        let piece = (Bytes::copy_from_slice(block.value), block.nodes.clone());
        self.early_bytes += piece.0.len();
        self.early.insert(index, piece);
        self.take_early()
    }

    /// Takes what has come in order.
    fn take_early(&mut self) -> Result<Received, CloseReason> {
        let mut taken = Received::Nothing;
        let Some(ahead) = &mut self.ahead else { return Ok(taken) };
        while let Some((value, nodes)) = self.early.remove(&ahead.next) {
            self.early_bytes -= value.len();
            // The node whose first block this is, in place of which its right siblings stand.
            ahead.cover.pop_front().ok_or(Violation::BadProof)?;
            for node in nodes.into_iter().rev() {
                ahead.cover.push_front(node);
            }
            ahead.next += 1;
            self.run.push(value);
            taken = Received::Kept;
        }
        Ok(taken)
    }

    /// Verifies and stages what has come in order, and tells its bytes.
    pub(super) fn commit(
        &mut self,
        id: FeedId,
        feeds: &mut Feeds,
        limits: &Limits,
        memo: Option<&SignatureMemo>,
    ) -> (Result<Option<Staging>, Violation>, u64) {
        let run = core::mem::take(&mut self.run);
        let (Some(ahead), false) = (&self.ahead, run.is_empty()) else { return (Ok(None), 0) };
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
}
