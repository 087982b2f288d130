//! The requests of one peer on all of its hypercore channels, and our answers.
//!
//! Rule: as in `uploads`, an answer is read only while the ready bytes are below their bound, and a
//! request is small: a peer that reads nothing costs one bound of memory.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use super::fetch::is_followed;
use crate::config::Limits;
use crate::error::{Limit, StoreFailure};
use crate::feed::manifest::{self, Origin};
use crate::feed::proof::{Proof, ProofRead};
use crate::feed::{Feed, Head};
use crate::group::Group;
use crate::id::{ConnectionId, FeedId};
use crate::outbox::ReadJob;
use crate::replicate::context::Context;
use crate::wire::hypercore::{Data, DataBlock, DataHash, DataUpgrade, Manifest, Message, Request};

/// The reason in a reject: the requested block or node is not held.
const NOT_AVAILABLE: u64 = 1;

/// Bytes of memory for an answer beside its message.
const ANSWER_BYTES: usize = 64;

/// Requests and answers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Request numbers in order, including requests that were cancelled since.
    queue: VecDeque<(FeedId, u64)>,
    requests: BTreeMap<(FeedId, u64), Request>,
    /// Answers being read, and whether they are still wanted.
    reading: BTreeMap<(FeedId, u64), bool>,
    ready: VecDeque<(FeedId, u64, Vec<u8>)>,
    ready_bytes: usize,
}

impl Answers {
    /// Queues a request. An earlier one with the same number is cancelled.
    pub(crate) fn push(
        &mut self,
        feed: FeedId,
        request: Request,
        limits: &Limits,
    ) -> Result<(), Limit> {
        if self.queue.len() >= limits.hypercore_requests {
            return Err(Limit::Requests);
        }
        self.cancel(feed, request.id);
        self.queue.push_back((feed, request.id));
        self.requests.insert((feed, request.id), request);
        Ok(())
    }

    pub(crate) fn cancel(&mut self, feed: FeedId, request: u64) {
        if let Some(is_wanted) = self.reading.get_mut(&(feed, request)) {
            *is_wanted = false;
        }
        self.requests.remove(&(feed, request));
    }

    /// Drops everything of a feed whose channel was closed.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        self.queue.retain(|(of, _)| *of != feed);
        self.requests.retain(|(of, _), _| *of != feed);
        self.reading.range_mut((feed, 0)..=(feed, u64::MAX)).for_each(|(_, is)| *is = false);
        self.ready.retain(|(of, _, _)| *of != feed);
        self.ready_bytes = self.ready.iter().map(|ready| ready.2.len() + ANSWER_BYTES).sum();
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.reading.is_empty() && self.ready.is_empty()
    }

    /// Number of requests that wait, including cancelled ones, and of those being read.
    pub(crate) fn open(&self) -> usize {
        self.queue.len() + self.reading.len()
    }

    pub(crate) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    pub(crate) fn pop(&mut self) -> Option<(FeedId, u64, Vec<u8>)> {
        let ready = self.ready.pop_front()?;
        self.ready_bytes -= ready.2.len() + ANSWER_BYTES;
        Some(ready)
    }

    fn put(&mut self, feed: FeedId, message: &Message<'_>) {
        let mut body = Vec::new();
        message.encode(&mut body);
        self.ready_bytes += body.len() + ANSWER_BYTES;
        self.ready.push_back((feed, message.kind(), body));
    }

    fn put_reject(&mut self, feed: FeedId, request: u64) {
        self.put(feed, &Message::NoData { request, reason: NOT_AVAILABLE });
    }

    /// Begins to read answers, as far as there is room.
    pub(crate) fn read_ahead(&mut self, context: &mut Context<'_>, connection: ConnectionId) {
        let limits = context.limits;
        while self.reading.len() < limits.reads && self.ready_bytes < limits.send_bytes {
            // A number that is still being read for a cancelled request has to wait.
            let reading = &self.reading;
            let next = self.queue.pop_front_if(|next| !reading.contains_key(next));
            let Some(next) = next else { return };
            let Some(request) = self.requests.remove(&next) else { continue };
            let id = next.0;
            let Some(feed) = context.feeds.get(id) else { continue };
            if !feed.is_accepted() || !is_followed(feed, request.fork) {
                self.put_reject(id, request.id);
                continue;
            }
            if request.block.is_none() && request.hash.is_none() && request.upgrade.is_none() {
                // A feed without blocks has a manifest, too.
                self.answer_manifest(context, id, &request);
                continue;
            }
            if feed.durable().is_none() {
                self.put_reject(id, request.id);
                continue;
            }
            match ProofRead::begin(id, feed, &request) {
                Some((read, keys)) => {
                    self.reading.insert((id, request.id), true);
                    context.outbox.read(ReadJob::Prove { connection, read }, keys);
                }
                None => self.put_reject(id, request.id),
            }
        }
    }

    fn answer_manifest(&mut self, context: &Context<'_>, id: FeedId, request: &Request) {
        let feed = context.feeds.get(id);
        let manifest = feed.and_then(|feed| manifest_of(feed, context.group));
        let fork = request.fork;
        let manifest = manifest.filter(|_| request.manifest).map(Ok);
        let data = Data { request: request.id, fork, manifest, ..Data::default() };
        match data.manifest {
            Some(_) => self.put(id, &Message::Data(data)),
            None => self.put_reject(id, request.id),
        }
    }

    /// Finishes reading an answer. On failure, tells the peer that the block is not held.
    pub(crate) fn finish_read(
        &mut self,
        context: &Context<'_>,
        read: ProofRead,
        values: Result<Vec<Option<Bytes>>, StoreFailure>,
    ) -> Result<(), StoreFailure> {
        let (id, request) = (read.feed(), *read.request());
        let is_wanted = self.reading.remove(&(id, request.id));
        let Some(feed) = context.feeds.get(id) else { return Ok(()) };
        if is_wanted != Some(true) {
            return Ok(());
        }
        if read.is_outdated(feed) {
            self.put_reject(id, request.id);
            return Ok(());
        }
        let proof = values.and_then(|values| read.take_nodes(feed, values));
        match proof {
            Ok(proof) => {
                self.put_data(feed, context.group, id, &request, proof);
                Ok(())
            }
            Err(failure) => {
                self.put_reject(id, request.id);
                Err(failure)
            }
        }
    }

    fn put_data(
        &mut self,
        feed: &Feed,
        group: &Group,
        id: FeedId,
        request: &Request,
        proof: Proof,
    ) {
        let Proof { value, path, upgrade, additional, head, .. } = proof;
        let signature = signature_of(feed.origin(), &head);
        let manifest = manifest_of(feed, group).filter(|_| request.manifest).map(Ok);
        let (block, hash) = match (request.block, request.hash) {
            (Some(at), _) => {
                let value = value.as_deref().unwrap_or_default();
                (Some(DataBlock { index: at.index, value, nodes: path }), None)
            }
            (None, Some(at)) => (None, Some(DataHash { index: at.index, nodes: path })),
            (None, None) => (None, None),
        };
        let upgrade = request.upgrade.map(|span| DataUpgrade {
            start: span.start,
            length: span.length,
            nodes: upgrade,
            additional_nodes: additional,
            signature: &signature,
        });
        let (request, fork) = (request.id, head.fork);
        let data = Data { request, fork, block, hash, seek: None, upgrade, manifest };
        self.put(id, &Message::Data(data));
    }

    /// Panics if a counter differs from what it counts.
    pub(crate) fn check_invariants(&self, limits: &Limits) {
        let ready_bytes: usize = self.ready.iter().map(|ready| ready.2.len() + ANSWER_BYTES).sum();
        assert_eq!(self.ready_bytes, ready_bytes, "counter of ready bytes");
        assert!(self.queue.len() <= limits.hypercore_requests, "too many requests are queued");
        assert!(self.reading.len() <= limits.reads, "too many answers are read");
        let is_queued = |request: &(FeedId, u64)| self.queue.contains(request);
        assert!(self.requests.keys().all(is_queued), "a request is queued");
    }
}

/// A head's signature in the encoding of the feed's kind of manifest.
fn signature_of(origin: Origin, head: &Head) -> Vec<u8> {
    match origin {
        Origin::Compat => head.signature.0.to_vec(),
        _ => manifest::wire_signature(&head.signature).to_vec(),
    }
}

/// The feed's manifest; a feed of hypercore 10 has none.
fn manifest_of(feed: &Feed, group: &Group) -> Option<Manifest> {
    let namespace = match feed.origin() {
        Origin::Group => *group.feed_namespace(),
        Origin::Namespace(namespace) => namespace,
        Origin::Compat => return None,
    };
    Some(Manifest { namespace, public_key: feed.public_key.0 })
}
