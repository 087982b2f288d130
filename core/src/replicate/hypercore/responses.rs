//! Handles the answers of a peer.
//!
//! Rule: an answer without a request is ignored, and nothing is stored before it is verified.

use bytes::Bytes;

use super::fetch::{Fetch, Received};
use super::sparse::Get;
use super::{CONTESTED_MAX, HypercoreSession, RESUME_WAIT};
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::manifest::{self, Origin};
use crate::id::FeedId;
use crate::io::Event;
use crate::replicate::context::Context;
use crate::wire::hypercore::{Data, DataBlock};

impl HypercoreSession {
    pub(super) fn on_data(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        data: &Data<'_>,
    ) -> Result<(), CloseReason> {
        let Some(channel) = self.channels.get_mut(&id) else { return Ok(()) };
        if let Some(get) = self.gets.finish(id, data.request) {
            let value = self.check_get(context, &get, id, data);
            self.gets.end(&get, value.as_ref().ok().cloned().flatten());
            return value.map(drop);
        }
        let request = channel.fetch_mut().finish(data.request, context.now);
        let Some(request) = request else { return Ok(()) };
        if !self.check_manifest(context, id, data)? {
            return Ok(());
        }
        let Some(feed) = context.feeds.get_mut(id) else { return Ok(()) };
        let limits = context.limits;
        let bytes_max = limits.window_bytes.saturating_sub(self.out_of_order_bytes);
        match self.fetch(id, |fetch| fetch.on_data(feed, request, data, limits, bytes_max))? {
            Received::Staged => _ = self.to_commit.insert(id),
            Received::Dropped => (),
            Received::Mismatch => self.on_reject(context, id, data.request),
        }
        Ok(())
    }

    /// The block of an answer, if its author signed it.
    fn check_get(
        &mut self,
        context: &mut Context<'_>,
        get: &Get,
        id: FeedId,
        data: &Data<'_>,
    ) -> Result<Option<Bytes>, CloseReason> {
        let is_long = |block: &DataBlock<'_>| block.value.len() > context.limits.block_bytes;
        if data.block.as_ref().is_some_and(is_long) {
            return Err(Limit::BlockBytes.into());
        }
        if !self.check_manifest(context, id, data)? {
            return Ok(None);
        }
        let Some(feed) = context.feeds.get(id) else { return Ok(None) };
        Ok(get.verify(feed, data, context.memo)?)
    }

    /// Checks the manifest of a feed whose origin is unknown, and sets the origin. Returns whether
    /// the manifest is supported.
    fn check_manifest(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        data: &Data<'_>,
    ) -> Result<bool, CloseReason> {
        let Some(channel) = self.channels.get_mut(&id) else { return Ok(false) };
        let Some(feed) = context.feeds.get_mut(id) else { return Ok(false) };
        if feed.is_origin_unknown() {
            match data.manifest {
                Some(Ok(found)) => {
                    let public_key = crate::PublicKey(found.public_key);
                    if manifest::feed_key(&found.namespace, &public_key) != feed.key {
                        return Err(Violation::BadProof.into());
                    }
                    // A transient feed does not become a feed of the group.
                    let is_ours =
                        found.namespace == *context.group.feed_namespace() && !feed.is_transient();
                    let other = Origin::Namespace(found.namespace);
                    feed.set_origin(if is_ours { Origin::Group } else { other }, public_key);
                }
                Some(Err(what)) => {
                    channel.refuse();
                    let connection = self.connection;
                    let key = feed.key;
                    let event = Event::Unsupported { connection, feed: id, key, what };
                    context.outbox.event(event);
                    self.release(context.assignments, id);
                    return Ok(false);
                }
                None => (),
            }
        }
        Ok(true)
    }

    /// Changes the fetch of one channel, and counts the bytes that arrived out of order.
    ///
    /// # Panics
    ///
    /// If there is no such channel.
    pub(super) fn fetch<T>(&mut self, id: FeedId, act: impl FnOnce(&mut Fetch) -> T) -> T {
        let fetch = self.channels.get_mut(&id).expect("the channel is there").fetch_mut();
        let before = fetch.out_of_order_bytes();
        let done = act(fetch);
        self.out_of_order_bytes = self.out_of_order_bytes + fetch.out_of_order_bytes() - before;
        done
    }

    /// The peer cannot answer: others are asked, and this peer again after a while.
    pub(super) fn on_reject(&mut self, context: &mut Context<'_>, id: FeedId, request: u64) {
        if let Some(get) = self.gets.finish(id, request) {
            return self.gets.end(&get, None);
        }
        if !self.channels.contains_key(&id) {
            return;
        }
        let now = context.now;
        self.fetch(id, |fetch| {
            fetch.finish(request, now);
            fetch.back_off(now + RESUME_WAIT);
        });
        self.resting.insert(id);
        self.release(context.assignments, id);
    }

    /// Commits the blocks of the frames that were just read, as one range for each feed.
    pub(crate) fn commit(&mut self, context: &mut Context<'_>) -> Result<(), CloseReason> {
        for id in core::mem::take(&mut self.to_commit) {
            if context.feeds.get(id).is_none() || !self.channels.contains_key(&id) {
                continue;
            }
            let Context { feeds, limits, memo, .. } = context;
            let (result, bytes) = self.fetch(id, |fetch| fetch.commit(id, feeds, limits, *memo));
            let Some(feed) = context.feeds.get(id) else { continue };
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            match result {
                Ok(Some(staging)) => {
                    self.unstored_bytes += bytes;
                    let (connection, end) = (self.connection, staging.end);
                    let job = crate::outbox::CommitJob::Follow { connection, feed: id, end, bytes };
                    let changes_max = context.limits.known_changes;
                    let note = context.sets.known.note((id, feed), staging.start, changes_max);
                    let writes = staging.writes.into_iter().chain(note).collect();
                    context.outbox.commit(job, writes);
                }
                Ok(None) => (),
                Err(Violation::BadSignature) if feed.staged_length() > 0 => {
                    channel.refuse();
                    self.contested += 1;
                    let connection = self.connection;
                    let key = feed.key;
                    context.outbox.event(Event::Contested { connection, feed: id, key });
                    self.release(context.assignments, id);
                    if self.contested > CONTESTED_MAX {
                        return Err(Violation::BadSignature.into());
                    }
                }
                Err(violation) => return Err(violation.into()),
            }
            self.due.insert(id);
        }
        Ok(())
    }
}
