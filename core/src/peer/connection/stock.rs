//! Hypercore's channels on a connection: which of them are open, and what they prove of the peer.
//!
//! Rule: a channel that is not accepted is rejected or closed; the connection stays.

use super::{Connection, Proved};
use crate::config::{FRAME_BYTES_MAX_EARLY, Limits, OPEN_MESSAGE_BYTES_MAX};
use crate::error::{CloseReason, Limit};
use crate::id::{FeedId, Role};
use crate::io::Event;
use crate::peer::channels::ChannelKind;
use crate::replicate::Context;
use crate::replicate::hypercore::Peer;
use crate::wire::frame::FRAME_SIZE_MAX;
use crate::wire::mux::MuxMessage;

impl Connection {
    /// Whether the peer is a stock peer: it knows a feed's key, and is no member of the group.
    pub(crate) fn is_stock(&self) -> bool {
        self.session.is_none() && self.proved == Proved::FeedKey && !self.is_closed()
    }

    /// The secret stream is open, and hypercore's channels may follow.
    pub(super) fn await_stock(&mut self, limits: &Limits) {
        if limits.hypercore_channels == 0 {
            return;
        }
        let opens_max = limits.channels + limits.hypercore_channels;
        self.stream
            .raise_frame_size_max(FRAME_BYTES_MAX_EARLY + opens_max * OPEN_MESSAGE_BYTES_MAX);
        if self.stream.role() == Role::Responder {
            self.proved = Proved::OwnKey;
        }
        self.hypercore.begin_offering();
    }

    pub(super) fn on_hypercore_open(
        &mut self,
        context: &mut Context<'_>,
        remote_id: u64,
        protocol: &'static str,
        (id, handshake): (Option<&[u8]>, &[u8]),
    ) -> Result<(), CloseReason> {
        let limits = context.limits;
        let peer = if self.session.is_some() { Peer::Member } else { Peer::Stranger };
        let side = self.stream.role().other();
        let feed = match self.stream.handshake_hash() {
            Some(hash) => self.hypercore.admit(context, (id, handshake), (side, hash), peer)?,
            None => None,
        };
        let Some(feed) = feed else { return self.reject(limits, remote_id) };
        if !self.hypercore.has_room(limits) {
            self.reject(limits, remote_id)?;
            if self.hypercore.note_excess(feed, limits) {
                let (connection, limit) = (self.id, Limit::Channels);
                context.report(feed, |key| Event::ChannelClosed { connection, feed, key, limit });
            }
            return Ok(());
        }
        self.channels.open(remote_id, ChannelKind::Feed(feed))?;
        self.hypercore.open(feed, remote_id, protocol);
        // JavaScript batches 8 MiB and the next message, and accepts blocks of 15 MiB. A block that
        // is too long for us closes its channel, not the connection.
        self.stream.raise_frame_size_max(FRAME_SIZE_MAX);
        if let (None, Some(remote)) = (&self.session, self.remote())
            && self.proved != Proved::FeedKey
        {
            self.proved = Proved::FeedKey;
            context.outbox.event(Event::StockOpened { connection: self.id, remote });
        }
        Ok(())
    }

    /// A stock peer may hold blocks above our limit, or have more requests open than we allow.
    /// Closes only this feed's channel.
    pub(super) fn spare_connection(
        &mut self,
        context: &mut Context<'_>,
        feed: FeedId,
        result: Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        let Err(CloseReason::Limit(limit @ (Limit::BlockBytes | Limit::Requests))) = result else {
            return result;
        };
        self.close_feed(context, feed);
        let connection = self.id;
        context.report(feed, |key| Event::ChannelClosed { connection, feed, key, limit });
        Ok(())
    }

    /// A hypercore channel was closed or rejected by the peer.
    pub(super) fn end(
        &mut self,
        context: &mut Context<'_>,
        kind: ChannelKind,
    ) -> Result<(), CloseReason> {
        let ChannelKind::Feed(feed) = kind else { return Ok(()) };
        self.hypercore.close(context.assignments, feed);
        self.channels.release_kind(kind);
        Ok(())
    }

    /// Closes the hypercore channel of a feed that is not uploaded any more. Returns whether there
    /// was one.
    pub(crate) fn close_feed(&mut self, context: &mut Context<'_>, feed: FeedId) -> bool {
        let closed = self.hypercore.close(context.assignments, feed);
        if let Some((Some(local_id), Some(remote_id))) = closed {
            self.batch.push(&MuxMessage::Close { local_id });
            self.flush(context.now);
            // Both numbers are valid, so neither call fails. A channel that the peer has not opened
            // keeps its number: it cannot be closed yet, and the peer's open will be rejected.
            _ = self.channels.close(remote_id);
            _ = self.channels.release(local_id);
        }
        closed.is_some()
    }
}
