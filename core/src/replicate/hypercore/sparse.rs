//! Single blocks of feeds that are not held, requested from one peer.
//!
//! Rule: nothing is stored. A block comes with a head and the path between them, and goes to the
//! application only if the author signed that head.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::crypto::SignatureMemo;
use crate::error::Violation;
use crate::feed::tree::{self, Fold, LENGTH_MAX, Node};
use crate::feed::{Feed, Head, manifest};
use crate::id::{FeedId, RequestId};
use crate::time::Instant;
use crate::wire::hypercore::{At, Data, Message, Request, Span, Sync};

/// The answer to a request of the application; without a value, another peer is to be asked.
#[derive(Debug)]
pub(crate) struct GetAnswer {
    pub(crate) request: RequestId,
    pub(crate) feed: FeedId,
    pub(crate) index: u64,
    pub(crate) value: Option<Bytes>,
}

/// One requested block.
#[derive(Debug)]
pub(crate) struct Get {
    request: RequestId,
    feed: FeedId,
    index: u64,
    /// The upgrade that is requested with the block; `None`: the request was not sent yet.
    span: Option<Span>,
    since: Instant,
}

impl Get {
    fn end(&self, value: Option<Bytes>) -> GetAnswer {
        GetAnswer { request: self.request, feed: self.feed, index: self.index, value }
    }

    /// Verifies an answer; `None`: it does not answer the request.
    pub(crate) fn verify(
        &self,
        feed: &Feed,
        data: &Data<'_>,
        memo: Option<&SignatureMemo>,
    ) -> Result<Option<Bytes>, Violation> {
        let (Some(block), Some(upgrade)) = (&data.block, &data.upgrade) else { return Ok(None) };
        let span = Span { start: upgrade.start, length: upgrade.length };
        if block.index != self.index || Some(span) != self.span {
            return Ok(None);
        }
        let mut top = Node::leaf(block.index, block.value);
        let siblings = tree::siblings(top.index, LENGTH_MAX);
        for (sibling, index) in block.nodes.iter().zip(siblings) {
            if sibling.index != index {
                return Err(Violation::BadProof);
            }
            let is_left = sibling.index < top.index;
            let (left, right) = if is_left { (sibling, &top) } else { (&top, sibling) };
            top = tree::join(left, right).ok_or(Violation::BadProof)?;
        }
        let mut nodes: Vec<Node> = [&upgrade.nodes[..], &upgrade.additional_nodes].concat();
        nodes.push(top);
        nodes.sort_by_key(|node| node.index);
        let mut fold = Fold::default();
        for node in nodes {
            fold.push(node, |_| ())?;
        }
        let length = fold.roots().last().map_or(0, |root| tree::blocks(root.index).end);
        if length < span.length || length > LENGTH_MAX || !tree::are_roots(fold.roots(), length) {
            return Err(Violation::BadProof);
        }
        let signature = manifest::read_signature(feed.origin(), upgrade.signature);
        let signature = signature.ok_or(Violation::BadSignature)?;
        let head = Head { length, fork: data.fork, signature };
        if !feed.is_signed(&tree::tree_hash(fold.roots()), &head, memo) {
            return Err(Violation::BadSignature);
        }
        Ok(Some(Bytes::copy_from_slice(block.value)))
    }
}

/// The requested blocks of one connection.
#[derive(Debug, Default)]
pub(crate) struct Gets {
    open: BTreeMap<u64, Get>,
    answered: Vec<GetAnswer>,
}

impl Gets {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn push(&mut self, id: u64, request: RequestId, feed: FeedId, index: u64) {
        let since = Instant::ZERO;
        self.open.insert(id, Get { request, feed, index, span: None, since });
    }

    /// Removes the request that a message answers.
    pub(crate) fn finish(&mut self, feed: FeedId, id: u64) -> Option<Get> {
        let is_here = self.open.get(&id).is_some_and(|get| get.feed == feed);
        if is_here { self.open.remove(&id) } else { None }
    }

    /// Records the answer of the peer, or that it has none.
    pub(crate) fn end(&mut self, get: &Get, value: Option<Bytes>) {
        self.answered.push(get.end(value));
    }

    /// Fails the chosen requests: the peer will not answer them.
    pub(crate) fn fail_all(&mut self, is_chosen: impl Fn(FeedId, Option<Instant>) -> bool) {
        let Self { open, answered } = self;
        open.retain(|_, get| {
            let is_over = is_chosen(get.feed, get.span.map(|_| get.since));
            if is_over {
                answered.push(get.end(None));
            }
            !is_over
        });
    }

    pub(crate) fn take_answered(&mut self) -> Vec<GetAnswer> {
        core::mem::take(&mut self.answered)
    }

    /// Since when the peer owes the oldest answer.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        let sent = self.open.values().filter(|get| get.span.is_some());
        sent.map(|get| get.since).min()
    }

    /// Writes the requests of a feed that were not sent yet.
    pub(crate) fn write(
        &mut self,
        id: FeedId,
        feed: &Feed,
        remote: Sync,
        now: Instant,
        messages: &mut Vec<Message<'_>>,
    ) {
        for (number, get) in &mut self.open {
            if get.feed != id || get.span.is_some() {
                continue;
            }
            let span = Span { start: 0, length: remote.length };
            (get.span, get.since) = (Some(span), now);
            messages.push(Message::Request(Request {
                id: *number,
                fork: remote.fork,
                block: Some(At { index: get.index, nodes: 0 }),
                upgrade: Some(span),
                manifest: feed.is_origin_unknown() && remote.has_manifest,
                ..Request::default()
            }));
        }
    }
}
