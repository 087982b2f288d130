//! One feed × one connection, as hypercore speaks of it: what each side has and was told.

use alloc::vec::Vec;

use super::fetch::Fetch;
use super::remote_bitfield::RemoteBitfield;
use crate::feed::Feed;
use crate::feed::runs::Runs;
use crate::wire::hypercore::{Message, RunNews, Sync, WantRun};

/// Blocks that one want asks about: what JavaScript asks for, too.
const WANT_BLOCKS: u64 = 1 << 21;

/// One channel.
#[derive(Debug)]
pub(super) struct Channel {
    /// The name under which it is opened.
    pub(super) protocol: &'static str,
    /// Our number of it, once it was said.
    pub(super) local: Option<u64>,
    /// The peer's.
    pub(super) remote: Option<u64>,
    pub(super) theirs: Option<Sync>,
    pub(super) holds: RemoteBitfield,
    pub(super) fetch: Fetch,
    /// The peer wants to hear what we hold, though nothing may have changed.
    pub(super) wants_range: bool,
    /// Up to where the application was told that the peer holds the feed.
    pub(super) told_of: u64,
    /// The fork that the application was told of.
    pub(super) truncated: Option<u64>,
    /// Nothing more is asked of this peer: its manifest is none that we take, or it has another
    /// history of the feed than we.
    pub(super) is_refused: bool,
    said: Option<Sync>,
    /// The blocks that the peer was told of: up to where, and which of them are gone.
    said_length: u64,
    said_gone: Runs,
    /// The block from which on we last asked what the peer holds.
    wanted: Option<u64>,
}

/// Whether a fork is the one of which blocks are held, or may be taken.
pub(super) fn is_followed(feed: &Feed, fork: u64) -> bool {
    match feed.fork() {
        Some(held) => held == fork,
        // No feed of the group has another one.
        None => !feed.is_of_group() || fork == 0,
    }
}

impl Channel {
    pub(super) fn new(protocol: &'static str) -> Self {
        Self {
            protocol,
            local: None,
            remote: None,
            theirs: None,
            holds: RemoteBitfield::default(),
            fetch: Fetch::default(),
            wants_range: false,
            told_of: 0,
            truncated: None,
            is_refused: false,
            said: None,
            said_length: 0,
            said_gone: Runs::default(),
            wanted: None,
        }
    }

    /// Says what has changed since it was last said.
    pub(super) fn speak(&mut self, feed: &Feed, messages: &mut Vec<Message<'_>>) {
        let (head, length) = feed.durable().map_or((None, 0), |tip| (Some(tip.head), tip.length));
        let fork = head.map_or(0, |head| head.fork);
        let theirs = self.theirs.unwrap_or_default();
        let remote_length = if theirs.fork == fork { theirs.length } else { 0 };
        let sync = Sync {
            fork,
            length: head.map_or(0, |head| head.length),
            remote_length,
            can_upgrade: theirs.fork == fork,
            uploading: true,
            downloading: true,
            has_manifest: feed.origin() != crate::feed::manifest::Origin::Compat,
            allow_push: false,
        };
        // Where the peer is ahead, it need not hear again that we know of it.
        let is_news = self.said.is_none_or(|said| {
            said.fork != sync.fork
                || said.length != sync.length
                || (said.remote_length != remote_length && sync.length > remote_length)
        });
        if is_news {
            self.said = Some(sync);
            messages.push(Message::Sync(sync));
        }
        self.write_blocks(feed, length, messages);
        let next = feed.staged_length();
        let is_unknown = theirs.length > next && self.holds.run_end(next).is_none();
        if is_unknown && self.wanted != Some(next) && self.said.is_some() && self.theirs.is_some() {
            self.wanted = Some(next);
            let start = next - next % WANT_BLOCKS;
            messages.push(Message::Want(WantRun { start, length: WANT_BLOCKS, any: false }));
        }
    }

    /// Says which blocks are held: all, or all but those that were cleared.
    fn write_blocks(&mut self, feed: &Feed, length: u64, messages: &mut Vec<Message<'_>>) {
        let gone = feed.cleared();
        let is_news = self.said_length != length || self.said_gone != gone;
        if length == 0 || !(is_news || self.wants_range) {
            return;
        }
        let run = |drop: bool, start: u64, end: u64| {
            Message::Range(RunNews { drop, start, length: end - start })
        };
        // What is gone again or for the first time; what was never said needs no drop.
        let dropped = gone.as_slice().iter().filter(|run| run.0 < self.said_length);
        messages.extend(dropped.map(|(start, end)| run(true, *start, *end)));
        let mut at = 0;
        while at < length {
            let end = gone.boundary(at, length);
            if !gone.contains(at) {
                messages.push(run(false, at, end));
            }
            at = end;
        }
        (self.said_length, self.said_gone, self.wants_range) = (length, gone, false);
    }

    /// Neither side lacks what the other has, as far as it said.
    pub(super) fn is_even(&self, length: u64) -> bool {
        let theirs = self.theirs.unwrap_or_default();
        self.remote.is_some()
            && self.theirs.is_some()
            && self.fetch.is_idle()
            && (self.is_refused || self.truncated.is_some() || theirs.length <= length)
            && self.holds.contiguous() >= length
    }
}
