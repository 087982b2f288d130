//! One connection: the secret stream, its channels, and the group's session on one of them.
//!
//! Rule: no feed is named before both sides have shown that they know the group's key. The
//! initiator shows it first; the responder answers a wrong one with nothing but a close.

mod deadlines;

use bytes::{Buf, BytesMut};

use super::capability::{capability, is_capable};
use super::channels::{ChannelKind, Channels};
use super::handshake_claim::{open_claim, seal_claim};
use super::secure::{Received, SecretStream, SecureError};
use crate::config::{
    FRAME_BYTES_MAX_EARLY, FRAME_BYTES_MAX_UNASKED, Limits, OPEN_MESSAGE_BYTES_MAX,
};
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::error::{CloseReason, Deadline, Limit, Violation};
use crate::feed::checkpoint::{PeerTag, peer_tag};
use crate::id::{ConnectionId, FeedId, Role};
use crate::io::{Event, Mode, Secure};
use crate::multifeed::ConnectionFootprint;
use crate::replicate::hypercore::{HypercoreSession, Peer, protocol_of};
use crate::replicate::{Context, FetchAssignments, Reconciliation, Session};
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::frame::FRAME_SIZE_MAX;
use crate::wire::multifeed::{self as message, Hello, Kind, PROTOCOL, VERSION};
use crate::wire::mux::{Batch, MuxMessage, messages};

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    us: PublicKey,
    mode: Mode,
    /// What we say that we can do.
    features: u64,
    stream: SecretStream,
    channels: Channels,
    session: Option<Session>,
    /// What our sets are, as the initiator says in its hello, until the responder answers it.
    claimed: Option<Reconciliation>,
    link: HypercoreSession,
    out: BytesMut,
    batch: Batch,
    /// Channels that we rejected.
    rejected: usize,
    is_closed: bool,
    is_signalled: bool,
    started: Instant,
    /// When the peer's last whole frame came.
    heard: Instant,
    sent: Instant,
    /// When the peer last sent anything but a sign of life.
    progress: Instant,
}

/// What is to be done about a connection whose time has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Nothing,
    Send,
    Close(Deadline),
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        (role, secure, mode, features): (Role, Secure, Mode, u64),
        key_pair: &KeyPair,
        chance: Rng,
        now: Instant,
    ) -> Self {
        let mut out = BytesMut::new();
        let max = FRAME_BYTES_MAX_EARLY;
        let stream = match (secure, role) {
            (Secure::Noise, Role::Initiator) => {
                SecretStream::initiator(key_pair, chance, max, &mut out)
            }
            (Secure::Noise, Role::Responder) => SecretStream::responder(key_pair, chance, max),
            (Secure::Established { handshake_hash, remote }, _) => {
                SecretStream::clear(handshake_hash, remote, role, max)
            }
            (Secure::Plain { remote }, _) => SecretStream::clear([0; 64], remote, role, max),
        };
        let us = key_pair.public_key();
        let (started, heard, sent, progress) = (now, now, now, now);
        let (channels, batch) = (Channels::default(), Batch::new());
        let (session, claimed) = (None, None);
        let link = HypercoreSession::new(id);
        let (rejected, is_closed, is_signalled) = (0, false, false);
        Self {
            id,
            us,
            mode,
            features,
            stream,
            channels,
            session,
            claimed,
            link,
            out,
            batch,
            rejected,
            is_closed,
            is_signalled,
            started,
            heard,
            sent,
            progress,
        }
    }

    /// The group's session, once both sides have shown that they are members.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    pub(crate) fn session_mut(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    /// Hypercore's channels.
    pub(crate) fn link(&self) -> &HypercoreSession {
        &self.link
    }

    pub(crate) fn hypercore_mut(&mut self) -> &mut HypercoreSession {
        &mut self.link
    }

    /// A channel of use is open.
    fn is_established(&self) -> bool {
        self.session.is_some() || self.link.is_open()
    }

    /// The peer's public key, once proven.
    pub(crate) fn remote(&self) -> Option<PublicKey> {
        self.stream.remote()
    }

    /// Takes bytes of the peer. After an error the connection is to be closed.
    pub(crate) fn receive(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Result<(), CloseReason> {
        if self.is_closed {
            return Ok(());
        }
        self.stream.push_bytes(bytes);
        while let Some(received) = self.stream.next(&mut self.out).map_err(reason_of)? {
            self.heard = context.now;
            match received {
                Received::Opened { handshake_hash, remote } => {
                    self.on_stream_opened(context, &handshake_hash, remote)?;
                }
                Received::Message(frame) => {
                    self.progress = context.now;
                    for message in messages(&frame) {
                        self.on_message(context, message?)?;
                    }
                }
                Received::KeepAlive => (),
            }
        }
        self.link.commit(context)
    }

    /// The stream's handshake is over: the initiator says hello.
    fn on_stream_opened(
        &mut self,
        context: &mut Context<'_>,
        handshake_hash: &[u8; 64],
        remote: PublicKey,
    ) -> Result<(), CloseReason> {
        if remote == self.us {
            return Err(CloseReason::Ourselves);
        }
        let opens_bytes = context.limits.hypercore_channels * OPEN_MESSAGE_BYTES_MAX;
        self.stream.raise_frame_size_max(FRAME_BYTES_MAX_EARLY + opens_bytes);
        if self.stream.role() == Role::Initiator {
            let side = (Role::Initiator, peer_tag(&remote));
            let (reconciliation, claim) =
                Reconciliation::new(side, *handshake_hash, context).claimed_in_handshake();
            self.claimed = Some(reconciliation);
            let claim = seal_claim(context.group, handshake_hash, &claim);
            self.send_hello(context, handshake_hash, claim);
            self.flush(context.now);
        }
        for (feed, log) in context.feeds.iter() {
            if !log.is_of_group() && log.is_accepted() {
                self.link.offer(feed, context.limits);
            }
        }
        Ok(())
    }

    /// The responder's hello goes in one frame with its claim.
    fn send_hello(
        &mut self,
        context: &Context<'_>,
        handshake_hash: &[u8; 64],
        claim: alloc::vec::Vec<u8>,
    ) {
        let capability = capability(context.group, handshake_hash, self.stream.role());
        let Limits { aliases, window_bytes, .. } = *context.limits;
        let window = window_bytes as u64;
        let (version, features) = (VERSION, self.features);
        let hello = Hello { version, features, capability, aliases, window, claim };
        let mut handshake = alloc::vec::Vec::new();
        message::put(&mut handshake, &hello);
        self.batch.push(&MuxMessage::Open {
            local_id: self.channels.give(ChannelKind::ToGroup),
            protocol: PROTOCOL,
            id: Some(context.group.discovery_key()),
            handshake: &handshake,
        });
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_>,
        message: MuxMessage<'_>,
    ) -> Result<(), CloseReason> {
        match message {
            MuxMessage::Open { local_id, protocol, id, handshake } => {
                self.on_open(context, local_id, (protocol, id), handshake)
            }
            MuxMessage::Reject { local_id } => match self.channels.undo_changes(local_id)? {
                // It may still be a peer that knows one of our feeds: then it says so in time.
                ChannelKind::ToGroup if context.limits.hypercore_channels > 0 => Ok(()),
                ChannelKind::ToGroup => Err(CloseReason::NotAMember),
                leads => self.end(context, leads),
            },
            MuxMessage::Close { local_id } => match self.channels.close(local_id)? {
                ChannelKind::ToGroup => Err(CloseReason::ClosedByPeer),
                leads => self.end(context, leads),
            },
            MuxMessage::Message { channel, kind, body } => {
                let leads = self.channels.leads(channel)?;
                match (leads, &mut self.session, Kind::of(kind)) {
                    (ChannelKind::ToGroup, Some(session), Some(kind)) => {
                        session.receive(context, kind, body)
                    }
                    (ChannelKind::ToFeed(feed), ..) => {
                        let taken = self.link.receive(context, feed, (kind, body));
                        self.spare_connection(context, feed, taken)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// A block that is too long for us is nobody's fault among stock peers: it costs the feed its
    /// channel, and the other feeds nothing.
    fn spare_connection(
        &mut self,
        context: &mut Context<'_>,
        feed: FeedId,
        taken: Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        let Err(CloseReason::Limit(limit @ Limit::BlockBytes)) = taken else { return taken };
        self.close_feed(context, feed);
        let connection = self.id;
        context.outbox.event(Event::ChannelClosed { connection, feed, limit });
        Ok(())
    }

    /// One of hypercore's channels is gone.
    fn end(&mut self, context: &mut Context<'_>, leads: ChannelKind) -> Result<(), CloseReason> {
        let ChannelKind::ToFeed(feed) = leads else { return Ok(()) };
        self.link.close(context.sources, feed);
        self.channels.end_ours(leads);
        Ok(())
    }

    /// Closes hypercore's channel of a feed that is not given any more, if there is one. Returns
    /// whether there was.
    pub(crate) fn close_feed(&mut self, context: &mut Context<'_>, feed: FeedId) -> bool {
        let closed = self.link.close(context.sources, feed);
        if let Some((Some(local_id), Some(remote_id))) = closed {
            self.batch.push(&MuxMessage::Close { local_id });
            self.flush(context.now);
            // Both were given, or they would not be known. A channel that the peer has not opened
            // keeps its number: it cannot be closed yet, and the peer's open will be rejected.
            _ = self.channels.close(remote_id);
            _ = self.channels.undo_changes(local_id);
        }
        closed.is_some()
    }

    fn on_hypercore_open(
        &mut self,
        context: &mut Context<'_>,
        remote_id: u64,
        protocol: &'static str,
        (id, handshake): (Option<&[u8]>, &[u8]),
    ) -> Result<(), CloseReason> {
        let limits = context.limits;
        let channels_max = limits.channels + limits.hypercore_channels;
        let peer = if self.session.is_some() { Peer::Member } else { Peer::Stranger };
        let side = self.stream.role().other();
        let feed = match self.stream.handshake_hash() {
            Some(hash) => self.link.admit(context, (id, handshake), (side, hash), peer)?,
            None => None,
        };
        let Some(feed) = feed else {
            self.channels.open(remote_id, ChannelKind::Nowhere, channels_max)?;
            return self.reject_channel(context.now, remote_id, channels_max);
        };
        self.channels.open(remote_id, ChannelKind::ToFeed(feed), channels_max)?;
        self.link.open(feed, remote_id, protocol, limits)?;
        // JavaScript batches 8 MiB and the message behind them, and takes blocks of 15 MiB: one
        // that is too long for us is to close its channel, and not the connection.
        self.stream.raise_frame_size_max(FRAME_SIZE_MAX);
        Ok(())
    }

    /// Rejects a channel that is none of our business.
    fn reject_channel(
        &mut self,
        now: Instant,
        remote_id: u64,
        max: usize,
    ) -> Result<(), CloseReason> {
        self.rejected += 1;
        if self.rejected > max {
            // Opened, closed and opened again: each time costs us an answer.
            return Err(Limit::Channels.into());
        }
        self.reject(now, remote_id);
        Ok(())
    }

    fn on_open(
        &mut self,
        context: &mut Context<'_>,
        remote_id: u64,
        (protocol, id): (&str, Option<&[u8]>),
        handshake: &[u8],
    ) -> Result<(), CloseReason> {
        let limits = context.limits;
        if let Some(protocol) = protocol_of(protocol)
            && limits.hypercore_channels > 0
        {
            return self.on_hypercore_open(context, remote_id, protocol, (id, handshake));
        }
        if protocol != PROTOCOL {
            // Another protocol on the same connection is none of our business.
            self.channels.open(remote_id, ChannelKind::Nowhere, limits.channels)?;
            return self.reject_channel(context.now, remote_id, limits.channels);
        }
        let leads_to_group = id == Some(context.group.discovery_key().as_slice());
        let hello: Option<Hello> =
            leads_to_group.then(|| message::decode(handshake)).transpose()?;
        let hello = hello.filter(|hello| self.is_member(context, hello));
        let Some(hello) = hello else {
            if limits.hypercore_channels > 0 {
                // It may still be a peer that knows one of our feeds.
                let max = limits.channels + limits.hypercore_channels;
                self.channels.open(remote_id, ChannelKind::Nowhere, max)?;
                return self.reject_channel(context.now, remote_id, max);
            }
            self.reject(context.now, remote_id);
            return Err(CloseReason::NotAMember);
        };
        if hello.version == 0 {
            return Err(CloseReason::Incompatible { ours: VERSION, theirs: hello.version });
        }
        let channels_max = limits.channels + limits.hypercore_channels;
        self.channels.open(remote_id, ChannelKind::ToGroup, channels_max)?;
        // A hello whose capability was checked came after the handshake.
        let Some(handshake_hash) = self.stream.handshake_hash().copied() else { return Ok(()) };
        let role = self.stream.role();
        if role == Role::Responder {
            self.send_hello(context, &handshake_hash, alloc::vec::Vec::new());
        }
        self.stream.raise_frame_size_max(FRAME_BYTES_MAX_UNASKED.min(limits.frame_bytes));
        // So did the proof of the peer's key.
        let Some(remote) = self.remote() else { return Ok(()) };
        context.outbox.event(Event::Opened { connection: self.id, remote });
        self.begin_session(context, peer_tag(&remote), &handshake_hash, &hello)
    }

    /// Both sides are members. Of the initiator the responder knows already what its sets are.
    fn begin_session(
        &mut self,
        context: &mut Context<'_>,
        peer: PeerTag,
        handshake_hash: &[u8; 64],
        hello: &Hello,
    ) -> Result<(), CloseReason> {
        let role = self.stream.role();
        let claimed = self.claimed.take();
        let reconciliation =
            claimed.unwrap_or_else(|| Reconciliation::new((role, peer), *handshake_hash, context));
        let session = Session::new((self.id, peer), reconciliation, hello, context);
        let session = self.session.insert(session);
        if role == Role::Initiator || hello.claim.is_empty() {
            return Ok(());
        }
        let claim = open_claim(context.group, handshake_hash, &hello.claim);
        session.receive(context, Kind::Claim, &claim.ok_or(Violation::Decrypt)?)
    }

    fn is_member(&self, context: &Context<'_>, hello: &Hello) -> bool {
        let role = self.stream.role().other();
        self.stream
            .handshake_hash()
            .is_some_and(|hash| is_capable(context.group, hash, role, &hello.capability))
    }

    fn reject(&mut self, now: Instant, remote_id: u64) {
        self.batch.push(&MuxMessage::Reject { local_id: remote_id });
        self.flush(now);
    }

    /// Seals what was put into the batch.
    fn flush(&mut self, now: Instant) {
        if let Some(frame) = self.batch.take() {
            self.sent = now;
            // It is open, or nothing could have been put; and it fits, or composing would have
            // stopped.
            let sealed = self.stream.send(&frame, &mut self.out);
            debug_assert_eq!(sealed, Ok(()));
        }
    }

    /// Moves up to `limit` bytes to `buf`, composing more as there is room. Returns how many.
    pub(crate) fn transmit(
        &mut self,
        context: &mut Context<'_>,
        buf: &mut BytesMut,
        limit: usize,
    ) -> usize {
        let mut moved = 0;
        while moved < limit {
            if self.out.is_empty() {
                self.compose(context);
            }
            let part = self.out.len().min(limit - moved);
            if part == 0 {
                self.is_signalled = false;
                break;
            }
            buf.extend_from_slice(&self.out[..part]);
            self.out.advance(part);
            moved += part;
        }
        moved
    }

    fn compose(&mut self, context: &mut Context<'_>) {
        if self.is_closed {
            return;
        }
        if let (Some(session), Some(channel)) = (&mut self.session, self.channels.of_group()) {
            match self.batch.is_empty() {
                true => session.compose(context, channel, &mut self.batch),
                // The peer takes no long frame before it has read our hello, which is here.
                false => session.compose_claim(channel, &mut self.batch),
            }
            if session.has_requested() {
                // Before what was asked for can come.
                self.stream.raise_frame_size_max(context.limits.frame_bytes);
            }
        }
        if self.batch.is_empty()
            && let Some(hash) = self.stream.handshake_hash()
        {
            let (channels, role) = (&mut self.channels, self.stream.role());
            let number = |feed| channels.give(ChannelKind::ToFeed(feed));
            self.link.compose(context, (role, hash), number, &mut self.batch);
        }
        self.flush(context.now);
    }

    /// A sync that should end has ended, and all of it was taken away.
    pub(crate) fn is_finished(&self) -> bool {
        let is_synced = self.session.as_ref().is_none_or(Session::is_synced);
        let is_synced = is_synced && self.is_established() && self.link.is_even();
        self.mode == Mode::Once && is_synced && self.out.is_empty() && !self.is_closed
    }

    /// There may be something to send. Returns whether the world has to be told.
    pub(crate) fn wake(&mut self) -> bool {
        !core::mem::replace(&mut self.is_signalled, true)
    }

    /// Ends the connection: only what was sealed already still goes out.
    pub(crate) fn close(&mut self, sources: &mut FetchAssignments) -> Option<Session> {
        self.is_closed = true;
        self.link.close_all(sources);
        self.session.take()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// What the peer makes us hold.
    pub(crate) fn footprint(&self) -> ConnectionFootprint {
        let load = self.session.as_ref().map(Session::footprint).unwrap_or_default();
        let load = self.link.footprint(load);
        ConnectionFootprint {
            received_bytes: self.stream.buffered(),
            sealed_bytes: self.out.len(),
            channels: self.channels.len(),
            ..load
        }
    }
}

fn reason_of(error: SecureError) -> CloseReason {
    match error {
        SecureError::FrameTooLong => Limit::FrameBytes.into(),
        SecureError::BadHandshake => Violation::Handshake.into(),
        SecureError::BadHeader | SecureError::WrongStream => Violation::StreamId.into(),
        SecureError::Forged => Violation::Decrypt.into(),
    }
}
