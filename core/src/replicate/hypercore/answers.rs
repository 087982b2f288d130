//! What one peer asks of us, on all of its channels.
//!
//! Rule: as in `serve`, an answer is read only while what is ready is below its bound, and a
//! request is small: a peer that takes nothing costs one bound of memory.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use super::super::context::Context;
use super::channel;
use crate::config::Limits;
use crate::error::{Limit, StoreFailure};
use crate::feed::manifest::{self, Origin};
use crate::feed::proof::{Proof, ProofRead};
use crate::feed::{Feed, Head};
use crate::group::Group;
use crate::id::{ConnectionId, FeedId};
use crate::outbox::ReadJob;
use crate::wire::hypercore::{Data, DataBlock, DataHash, DataUpgrade, Manifest, Message, Request};

/// Why a request is not answered: what is asked for is not held.
const NOT_AVAILABLE: u64 = 1;

/// Bytes that an answer takes beside its message.
const ANSWER_BYTES: usize = 64;

/// Requests and answers of one connection.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Numbers of requests in their order, those that were cancelled since included.
    queue: VecDeque<(FeedId, u64)>,
    requests: BTreeMap<(FeedId, u64), Request>,
    /// Answers being read, and whether they are still wanted.
    reading: BTreeMap<(FeedId, u64), bool>,
    ready: VecDeque<(FeedId, u64, Vec<u8>)>,
    ready_bytes: usize,
}

impl Answers {
    /// A request came. One with the same number before it is not to be answered any more.
    pub(super) fn push(
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

    pub(super) fn cancel(&mut self, feed: FeedId, request: u64) {
        if let Some(is_wanted) = self.reading.get_mut(&(feed, request)) {
            *is_wanted = false;
        }
        self.requests.remove(&(feed, request));
    }

    /// The channel of a feed is gone.
    pub(super) fn forget(&mut self, feed: FeedId) {
        self.queue.retain(|(of, _)| *of != feed);
        self.requests.retain(|(of, _), _| *of != feed);
        self.reading.range_mut((feed, 0)..=(feed, u64::MAX)).for_each(|(_, is)| *is = false);
        self.ready.retain(|(of, _, _)| *of != feed);
        self.ready_bytes = self.ready.iter().map(|ready| ready.2.len() + ANSWER_BYTES).sum();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.reading.is_empty() && self.ready.is_empty()
    }

    /// Requests that wait, the cancelled ones among them included, and those being read.
    pub(super) fn open(&self) -> usize {
        self.queue.len() + self.reading.len()
    }

    pub(super) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    pub(super) fn pop(&mut self) -> Option<(FeedId, u64, Vec<u8>)> {
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

    fn put_no(&mut self, feed: FeedId, request: u64) {
        self.put(feed, &Message::NoData { request, reason: NOT_AVAILABLE });
    }

    /// Begins to read answers, as far as there is room.
    pub(super) fn read_ahead(&mut self, context: &mut Context<'_>, connection: ConnectionId) {
        let limits = context.limits;
        while self.reading.len() < limits.reads && self.ready_bytes < limits.send_bytes {
            // While a number is being read for a request that was cancelled, it has to wait.
            let reading = &self.reading;
            let next = self.queue.pop_front_if(|next| !reading.contains_key(next));
            let Some(next) = next else { return };
            let Some(request) = self.requests.remove(&next) else { continue };
            let id = next.0;
            let Some(feed) = context.feeds.get(id) else { continue };
            let is_given = feed.is_accepted() && feed.durable().is_some();
            if !is_given || !channel::is_followed(feed, request.fork) {
                self.put_no(id, request.id);
                continue;
            }
            if request.block.is_none() && request.hash.is_none() && request.upgrade.is_none() {
                self.answer_manifest(context, id, &request);
                continue;
            }
            match ProofRead::begin(id, feed, &request) {
                Some((read, keys)) => {
                    self.reading.insert((id, request.id), true);
                    context.outbox.read(ReadJob::Prove { connection, read }, keys);
                }
                None => self.put_no(id, request.id),
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
            None => self.put_no(id, request.id),
        }
    }

    /// An answer was read, or could not be: then the peer is told that it is not held.
    pub(super) fn finish_read(
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
            self.put_no(id, request.id);
            return Ok(());
        }
        let proof = values.and_then(|values| read.take_nodes(feed, values));
        match proof {
            Ok(proof) => {
                self.put_data(feed, context.group, (id, &request), proof);
                Ok(())
            }
            Err(failure) => {
                self.put_no(id, request.id);
                Err(failure)
            }
        }
    }

    fn put_data(
        &mut self,
        feed: &Feed,
        group: &Group,
        (id, request): (FeedId, &Request),
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
}

/// A head's signature as the feed's kind of manifest writes it.
fn signature_of(origin: Origin, head: &Head) -> Vec<u8> {
    match origin {
        Origin::Compat => head.signature.0.to_vec(),
        _ => manifest::wire_signature(&head.signature).to_vec(),
    }
}

/// The feed's manifest; an old feed has none to show.
fn manifest_of(feed: &Feed, group: &Group) -> Option<Manifest> {
    let namespace = match feed.origin() {
        Origin::Group => *group.feed_namespace(),
        Origin::Namespace(namespace) => namespace,
        Origin::Compat => return None,
    };
    Some(Manifest { namespace, public_key: feed.public_key.0 })
}
