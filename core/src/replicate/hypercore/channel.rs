//! Hypercore's channel of one feed on one connection: what each side has and has announced.

use alloc::vec::Vec;

use super::fetch::{Budget, Fetch};
use super::remote_bitfield::RemoteBitfield;
use crate::feed::Feed;
use crate::feed::manifest::Origin;
use crate::feed::runs::Runs;
use crate::feed::tree::LENGTH_MAX;
use crate::wire::hypercore::{Bitfield, Message, RunNews, Sync, WantRun};

/// Blocks that one want covers, as in JavaScript.
const WANT_BLOCKS: u64 = 1 << 21;

/// One channel.
#[derive(Debug)]
pub(crate) struct Channel {
    /// The protocol name with which it is opened.
    protocol: &'static str,
    /// Our channel number, once we sent our open.
    local: Option<u64>,
    /// The peer's channel number, once it sent its open.
    remote: Option<u64>,
    remote_sync: Option<Sync>,
    remote_blocks: RemoteBitfield,
    fetch: Fetch,
    range_request: RangeRequest,
    /// The peer's contiguous length, as last reported to the application.
    reported_length: u64,
    /// The peer's other fork, as reported to the application.
    truncated: Option<u64>,
    source: Source,
    sent_sync: Option<Sync>,
    /// The blocks announced to the peer: the length, and the cleared runs below it.
    sent_length: u64,
    sent_cleared: Runs,
    /// The block from which on we asked what the peer holds; it tells what follows by itself.
    wanted: Option<u64>,
}

/// Whether the peer asked for our blocks to be announced again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RangeRequest {
    None,
    Pending,
}

/// Whether blocks are requested from the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Usable,
    /// Its manifest is not supported, or its history conflicts with ours.
    Refused,
}

impl Channel {
    pub(crate) fn new(protocol: &'static str) -> Self {
        Self {
            protocol,
            local: None,
            remote: None,
            remote_sync: None,
            remote_blocks: RemoteBitfield::default(),
            fetch: Fetch::default(),
            range_request: RangeRequest::None,
            reported_length: 0,
            truncated: None,
            source: Source::Usable,
            sent_sync: None,
            sent_length: 0,
            sent_cleared: Runs::default(),
            wanted: None,
        }
    }

    pub(crate) fn protocol(&self) -> &'static str {
        self.protocol
    }

    pub(crate) fn local(&self) -> Option<u64> {
        self.local
    }

    pub(crate) fn remote(&self) -> Option<u64> {
        self.remote
    }

    pub(crate) fn set_local(&mut self, number: u64) {
        self.local = Some(number);
    }

    pub(crate) fn set_remote(&mut self, number: u64) {
        self.remote = Some(number);
    }

    /// Whether both sides have opened the channel.
    pub(crate) fn is_open(&self) -> bool {
        self.local.is_some() && self.remote.is_some()
    }

    pub(crate) fn remote_sync(&self) -> Option<Sync> {
        self.remote_sync
    }

    pub(crate) fn on_sync(&mut self, sync: Sync) {
        self.remote_sync = Some(sync);
    }

    /// The peer is on another fork. Returns whether to notify the application.
    pub(crate) fn on_truncated(&mut self, fork: u64) -> bool {
        self.truncated.replace(fork) != Some(fork)
    }

    /// The peer requests our ranges, even if nothing has changed.
    pub(crate) fn on_want(&mut self) {
        self.range_request = RangeRequest::Pending;
    }

    /// The peer says which blocks it holds; `held` is our length.
    pub(crate) fn on_bitfield(&mut self, bitfield: &Bitfield<'_>, held: u64) {
        self.remote_blocks.set_floor(held);
        self.remote_blocks.on_bitfield(bitfield);
    }

    /// The peer announces blocks; `held` is our length. Returns the contiguous length if it must be
    /// reported to the application.
    pub(crate) fn on_range(&mut self, news: &RunNews, held: u64) -> Option<u64> {
        self.remote_blocks.set_floor(held);
        self.remote_blocks.on_range(news);
        let length = self.remote_blocks.contiguous();
        let is_longer = !news.drop && self.reported_length < length;
        is_longer.then(|| {
            self.reported_length = length;
            length
        })
    }

    /// The blocks that the peer holds from the first one on.
    pub(crate) fn contiguous(&self) -> u64 {
        self.remote_blocks.contiguous()
    }

    /// The length that the peer announced, with holes or without; `None`: we request nothing of it.
    pub(crate) fn announced(&self) -> Option<u64> {
        let is_usable = !self.is_refused() && self.truncated.is_none();
        let head = self.remote_sync.filter(|sync| sync.uploading).map_or(0, |sync| sync.length);
        is_usable.then(|| head.max(self.contiguous()).min(LENGTH_MAX)).filter(|length| *length > 0)
    }

    /// Requests nothing from the peer any more.
    pub(crate) fn refuse(&mut self) {
        self.source = Source::Refused;
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.source == Source::Refused
    }

    pub(crate) fn fetch(&self) -> &Fetch {
        &self.fetch
    }

    pub(crate) fn fetch_mut(&mut self) -> &mut Fetch {
        &mut self.fetch
    }

    /// Requests what the peer has and we lack, unless the feed is full. Returns whether the peer
    /// owes blocks now.
    pub(crate) fn request(
        &mut self,
        feed: &Feed,
        is_full: bool,
        budget: &mut Budget<'_>,
        messages: &mut Vec<Message<'_>>,
    ) -> bool {
        let remote_sync = self.remote_sync.filter(|_| !is_full);
        self.fetch.request(feed, remote_sync, &self.remote_blocks, budget, messages)
    }

    /// Writes what has changed since it was last sent.
    pub(crate) fn write(&mut self, feed: &Feed, messages: &mut Vec<Message<'_>>) {
        let (head, length) = feed.durable().map_or((None, 0), |tip| (Some(tip.head), tip.length));
        let fork = head.map_or(0, |head| head.fork);
        let remote = self.remote_sync.unwrap_or_default();
        let remote_length = if remote.fork == fork { remote.length } else { 0 };
        let sync = Sync {
            fork,
            length: head.map_or(0, |head| head.length),
            remote_length,
            can_upgrade: remote.fork == fork,
            uploading: true,
            downloading: true,
            has_manifest: feed.origin() != Origin::Compat,
            allow_push: false,
        };
        // A peer that is ahead needs no second notice that we know its length.
        let is_news = self.sent_sync.is_none_or(|sent| {
            sent.fork != sync.fork
                || sent.length != sync.length
                || sent.has_manifest != sync.has_manifest
                || (sent.remote_length != remote_length && sync.length > remote_length)
        });
        if is_news {
            self.sent_sync = Some(sync);
            messages.push(Message::Sync(sync));
        }
        self.write_blocks(feed, length, messages);
        self.write_want(feed.staged_length(), remote.length, messages);
    }

    /// Asks which blocks the peer holds from the first one that we lack on, unless it was asked and
    /// we still know what it said.
    fn write_want(&mut self, next: u64, remote_length: u64, messages: &mut Vec<Message<'_>>) {
        let start = next - next % WANT_BLOCKS;
        let is_known = self.remote_blocks.run_end(next).is_some()
            || (self.wanted == Some(start) && !self.remote_blocks.has_forgotten(next));
        if remote_length > next && self.remote_sync.is_some() && !is_known {
            self.wanted = Some(start);
            self.remote_blocks.ask_again();
            messages.push(Message::Want(WantRun { start, length: WANT_BLOCKS, any: false }));
        }
    }

    /// Writes which blocks are held: all except the cleared ones.
    fn write_blocks(&mut self, feed: &Feed, length: u64, messages: &mut Vec<Message<'_>>) {
        let cleared = feed.cleared();
        let is_news = self.sent_length != length || self.sent_cleared != cleared;
        if length == 0 || !(is_news || self.range_request == RangeRequest::Pending) {
            return;
        }
        let run = |drop: bool, start: u64, end: u64| {
            Message::Range(RunNews { drop, start, length: end - start })
        };
        // Blocks that were never announced need no drop.
        let dropped = cleared.as_slice().iter().filter(|run| run.0 < self.sent_length);
        messages.extend(dropped.map(|(start, end)| run(true, *start, *end)));
        let mut at = 0;
        while at < length {
            let end = cleared.boundary(at, length);
            if !cleared.contains(at) {
                messages.push(run(false, at, end));
            }
            at = end;
        }
        (self.sent_length, self.sent_cleared) = (length, cleared);
        self.range_request = RangeRequest::None;
    }

    /// Whether neither side lacks what the other has, as far as it said.
    pub(crate) fn is_in_sync(&self, length: u64) -> bool {
        let remote = self.remote_sync.unwrap_or_default();
        self.remote.is_some()
            && self.remote_sync.is_some()
            && self.fetch.is_idle()
            && (self.is_refused() || self.truncated.is_some() || remote.length <= length)
            && self.remote_blocks.contiguous() >= length
    }
}
