//! Ranges: runs of whole blocks with one proof, coming and going.
//!
//! Rule: a range is verified as a whole before any of it is staged, and answered for by the
//! window that it came through until it is durable.

use super::push::UNASKED_RANGE_BYTES_MAX;
use super::serve::Ready;
use super::session::{Context, Session, feed_ref};
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::read::RangeRead;
use crate::feed::tree::{self, LENGTH_MAX, Node};
use crate::feed::{Head, Range};
use crate::id::FeedId;
use crate::io::Event;
use crate::outbox::{BlockPurpose, CommitJob};
use crate::planted::{self, Bug};
use crate::wire::multifeed::{BadRange, FeedRef, RangeHeader, RangeMessage, Reject, encode_range};

use alloc::vec::Vec;

use bytes::Bytes;

/// Feeds that one peer may contest: the number of wrong messages that hypercore forgives.
pub(super) const CONTESTED_MAX: usize = 64;

impl Session {
    pub(super) fn on_range(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let bytes = body.len() as u64;
        if !planted::is(Bug::NoWindow) {
            self.remote_window = self.remote_window.checked_sub(bytes).ok_or(Limit::WindowBytes)?;
        }
        let message = RangeMessage::decode(body, context.limits.range_blocks);
        let message = message.map_err(|bad| match bad {
            BadRange::Malformed(malformed) => CloseReason::from(malformed),
            BadRange::TooManyBlocks => Limit::RangeBlocks.into(),
        })?;
        if message.blocks.iter().any(|block| block.len() > context.limits.block_bytes) {
            return Err(Limit::BlockBytes.into());
        }
        let (name, range) = parse(message)?;
        let resolved = self.feed_of_range(context, name)?;
        self.resume = None;
        self.progress = context.now;
        let kept = match resolved {
            Some(feed) => self.keep_range(context, feed, name, &range, bytes)?,
            None => Kept::Nothing,
        };
        if kept == Kept::Nothing {
            self.window_to_grant += bytes;
        }
        Ok(())
    }

    /// The feed of a range. It may be pushed before the feed that was heard of is a candidate.
    fn feed_of_range(
        &mut self,
        context: &mut Context<'_>,
        name: FeedRef,
    ) -> Result<Option<FeedId>, Violation> {
        let found = self.resolve(context.feeds, name)?;
        if found.is_some() || !self.waits_to_be_opened(name) {
            return Ok(found);
        }
        self.open_queued_offers(context);
        if self.waits_to_be_opened(name) {
            // There are too many, and it is asked for in its turn.
            self.nos.insert((turned(name), Reject::Duplicate));
        }
        self.resolve(context.feeds, name)
    }

    fn keep_range(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        name: FeedRef,
        range: &Range<&[u8]>,
        bytes: u64,
    ) -> Result<Kept, CloseReason> {
        if self.on_refetched_range(context, id, range, bytes) {
            return Ok(Kept::Staged);
        }
        let feed = context.feeds.get(id).filter(|feed| feed.is_accepted());
        let Some(feed) = feed else {
            // It may be taken again before the peer hears that it was not.
            self.nos.insert((turned(name), Reject::Duplicate));
            return Ok(Kept::Nothing);
        };
        let was_here = range.end() <= feed.staged_length();
        let (length, staged_length) = (feed.length(), feed.staged_length());
        let staging = match context.feeds.accept(id, range, context.limits, context.memo) {
            Err(Violation::BadSignature) if staged_length > 0 => {
                return self.contest(context, id, name, length).map(|()| Kept::Nothing);
            }
            result => result?,
        };
        let Some(feed) = context.feeds.get(id) else { return Ok(Kept::Nothing) };
        let (length, staged_length) = (feed.length(), feed.staged_length());
        self.edges.update(id, length, |edge| {
            edge.theirs = edge.theirs.max(range.end());
        });
        let kept = match staging {
            Some(staging) => {
                let (connection, end) = (self.connection, staging.end);
                let job = CommitJob::Extend { connection, feed: id, end, bytes };
                let changes_max = context.limits.known_changes;
                let note = context.sets.known.note((id, feed), staging.start, changes_max);
                let writes = staging.writes.into_iter().chain(note).collect();
                context.outbox.commit(job, writes);
                self.stalls = 0;
                Kept::Staged
            }
            None => Kept::Nothing,
        };
        let offers_more = self.edges.get(id).is_some_and(|edge| edge.offers(staged_length));
        match self.asked.get_mut(&id) {
            Some(asked) if staged_length < asked.target && offers_more => {
                asked.since = context.now;
            }
            Some(_) => self.give_up(context.sources, id),
            None if was_here => _ = self.nos.insert((turned(name), Reject::Duplicate)),
            None => (),
        }
        if offers_more && !self.asked.contains_key(&id) {
            // What was announced since it was asked for, or a gap before what was pushed.
            self.backlog.insert(id);
        }
        Ok(kept)
    }

    /// A range follows on blocks that are not ours. Either the peer made it up, or the author
    /// signed two histories and the peer, in good faith, has the other one: which of the two, it
    /// alone cannot show. So the feed stays as we had it first, and is no more between the two of
    /// us; only one who contests many feeds is taken for a liar.
    fn contest(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        name: FeedRef,
        length: u64,
    ) -> Result<(), CloseReason> {
        self.contested += 1;
        if self.contested > CONTESTED_MAX {
            return Err(Violation::BadSignature.into());
        }
        self.edges.update(id, length, |edge| {
            edge.is_contested = true;
            edge.pushes_appends = false;
        });
        self.give_up(context.sources, id);
        self.nos.insert((turned(name), Reject::Declined));
        self.dispute(id);
        context.outbox.event(Event::Contested { connection: self.connection, feed: id });
        Ok(())
    }

    /// What a range took of the peer's window is free again: it is durable, or dropped.
    pub(crate) fn return_window(&mut self, bytes: u64) {
        self.window_to_grant += bytes;
    }

    /// Begins to read what the peer is to be sent, as far as there is room.
    pub(crate) fn read_ahead(&mut self, context: &mut Context<'_>) {
        while let Some((id, start)) = self.serving.next_read(context.limits) {
            let limits = context.limits;
            let feed = context.feeds.get(id).filter(|feed| feed.is_accepted());
            let bytes_max = self.read_bytes(id, limits.range_bytes);
            let feed = feed.filter(|_| bytes_max > 0);
            let read = feed.and_then(|feed| {
                let blocks = start..feed.length();
                RangeRead::begin(id, feed, blocks, limits.range_blocks, bytes_max)
            });
            let Some((read, scan)) = read else {
                self.serving.skip_read(id);
                if let Some(feed) = feed.filter(|feed| feed.is_cleared(start)) {
                    self.withhold(id, feed.length());
                }
                continue;
            };
            let purpose = BlockPurpose::Serve { connection: self.connection };
            context.outbox.scan_blocks(purpose, read, scan);
        }
        self.read_refetches(context);
    }

    /// Blocks left the feed or came back while a range was read: it is read anew.
    pub(crate) fn retry_serve(&mut self, id: FeedId) {
        self.serving.retry_read(id);
    }

    /// A range was read for the peer.
    pub(crate) fn serve_range(&mut self, id: FeedId, range: &Range<Bytes>, length: u64) {
        let edge = self.edges.get(id).filter(|edge| edge.is_open());
        let Some(name) = edge.and_then(feed_ref) else {
            if edge.is_some() {
                // Its numbers were taken back meanwhile: it is announced by a new one.
                self.edges.update(id, length, |edge| edge.pushes_appends = false);
                self.changed.insert(id);
            }
            return self.serving.skip_read(id);
        };
        let is_wanted = edge.is_some_and(|edge| edge.pushes_appends && !edge.pushed);
        let body = encode(name, range);
        let is_push = self.serving.is_push(id);
        if is_push && !self.takes_push(range, body.len()) {
            return self.serving.skip_read(id);
        }
        if !is_wanted && body.len() > UNASKED_RANGE_BYTES_MAX {
            // It is announced instead, and the peer makes room for it when it wants it.
            self.edges.update(id, length, |edge| edge.pushes_appends = false);
            self.changed.insert(id);
            return self.serving.skip_read(id);
        }
        // From here on it is on its way: what the feed grows by next follows on it.
        self.edges.update(id, length, |edge| {
            edge.sent = edge.sent.max(range.end());
            edge.pushes_appends |= is_push;
            edge.pushed |= is_push;
        });
        let ready = Ready { feed: id, end: range.end(), body };
        self.serving.finish_read(range.start, ready, length);
    }

    /// A range could not be read for the peer.
    pub(crate) fn fail_serve(&mut self, id: FeedId, length: u64) {
        self.serving.fail_read(id);
        self.withhold(id, length);
    }
}

/// Whether a range was of use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    Staged,
    Nothing,
}

/// The message of a range.
pub(super) fn encode(name: FeedRef, range: &Range<Bytes>) -> Vec<u8> {
    encode_range(&header(name, range), proof(range), &range.blocks)
}

/// Our way to say the name that the peer used.
fn turned(name: FeedRef) -> FeedRef {
    match name {
        FeedRef::Sender(number) => FeedRef::Receiver(number),
        FeedRef::Receiver(number) => FeedRef::Sender(number),
        name => name,
    }
}

fn parse(message: RangeMessage<'_>) -> Result<(FeedRef, Range<&[u8]>), Violation> {
    let RangeMessage { header, nodes, blocks } = message;
    let end = header.start.checked_add(blocks.len() as u64).ok_or(Violation::OutOfRange)?;
    let is_in_range = end <= header.head_length && header.head_length <= LENGTH_MAX;
    if blocks.is_empty() || header.fork != 0 || !is_in_range {
        return Err(Violation::OutOfRange);
    }
    let indices = tree::cover(end, header.head_length);
    if indices.count() != nodes.len() {
        return Err(Violation::BadProof);
    }
    let indices = tree::cover(end, header.head_length);
    let right =
        indices.zip(nodes).map(|(index, (size, hash))| Node { index, size, hash }).collect();
    let RangeHeader { name, start, head_length, fork, signature, .. } = header;
    let head = Head { length: head_length, fork, signature };
    Ok((name, Range { start, blocks, right, head }))
}

fn header(name: FeedRef, range: &Range<Bytes>) -> RangeHeader {
    RangeHeader {
        name,
        start: range.start,
        head_length: range.head.length,
        fork: range.head.fork,
        signature: range.head.signature,
        // At most two for each bit of a length.
        nodes: range.right.len() as u8,
    }
}

fn proof(range: &Range<Bytes>) -> impl Iterator<Item = (u64, [u8; 32])> + '_ {
    range.right.iter().map(|node| (node.size, node.hash))
}
