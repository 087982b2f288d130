//! One connection: the secret stream, its channels, and the group's session on one of them.
//!
//! Rule: no feed is named before both sides have proven that they know the group's key. The
//! initiator proves it first; the responder answers a wrong proof only with a close.

mod deadlines;
mod stock;

use bytes::{Buf, BytesMut};

use super::capability::{capability, is_capable};
use super::channels::{ChannelKind, Channels};
use super::handshake_claim::{open_claim, seal_claim};
use super::rejects::Rejects;
use super::secure::{Keys, Received, SecretStream, SecureError};
use crate::config::{FRAME_BYTES_MAX_EARLY, FRAME_BYTES_MAX_UNASKED, Limits};
use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Deadline, Limit, Violation};
use crate::feed::checkpoint::{PeerTag, peer_tag};
use crate::footprint::ConnectionFootprint;
use crate::id::{ConnectionId, Role};
use crate::io::{Event, Mode, Secure};
use crate::reconcile::sets::Sets;
use crate::replicate::forked_prefixes::ForkedPrefixes;
use crate::replicate::hypercore::{HypercoreSession, protocol_of};
use crate::replicate::peer_limits::PeerLimits;
use crate::replicate::{Context, FetchAssignments, PeerHello, Reconciliation, Session};
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::multifeed::{self as message, Hello, Kind, PROTOCOL, VERSION};
use crate::wire::mux::{Batch, MuxMessage, messages};

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    local_key: PublicKey,
    mode: Mode,
    /// The features that our hello announces.
    features: u64,
    /// The number of forked feeds that our hello announced.
    forked_said: u64,
    stream: SecretStream,
    channels: Channels,
    session: Option<Session>,
    /// The initiator's reconciliation between its hello, which claims its sets, and the answer.
    claimed: Option<Reconciliation>,
    hypercore: HypercoreSession,
    out: BytesMut,
    batch: Batch,
    rejects: Rejects,
    proved: Proved,
    state: State,
    transmit: Transmit,
    clocks: Clocks,
}

/// What the peer has proved, apart from membership in the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proved {
    Nothing,
    /// That it has its own key. It dialled us, and hypercore's channels are allowed, so it may open
    /// its first one at any time.
    OwnKey,
    /// That it knows a feed's key: one of hypercore's channels is or was open, before any session.
    FeedKey,
}

/// Whether the connection still exchanges messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    /// Only sealed bytes still go out.
    Closed,
}

/// Whether the driver was notified of bytes to send and has not pulled all of them yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Transmit {
    Idle,
    Signalled,
}

/// When the connection last did what its deadlines depend on.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    started: Instant,
    /// When the last complete frame arrived.
    received: Instant,
    /// When the last keep-alive arrived; `None`: the peer has sent none.
    kept_alive: Option<Instant>,
    /// When the last frame was sealed.
    sent: Instant,
    /// When the peer last sent anything except a keep-alive.
    progress: Instant,
}

/// What to do about a connection at a deadline.
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
        (local_key, keys): (PublicKey, Keys<'_>),
        rng: Rng,
        now: Instant,
    ) -> Self {
        let mut out = BytesMut::new();
        let max = FRAME_BYTES_MAX_EARLY;
        let stream = match secure {
            Secure::Noise => SecretStream::new(role, keys, rng, max, &mut out),
            Secure::Established { handshake_hash, remote } => {
                SecretStream::clear(handshake_hash, remote, role, max)
            }
            Secure::Plain { remote } => SecretStream::clear([0; 64], remote, role, max),
        };
        Self {
            id,
            local_key,
            mode,
            features,
            forked_said: 0,
            stream,
            channels: Channels::default(),
            session: None,
            claimed: None,
            hypercore: HypercoreSession::new(id),
            out,
            batch: Batch::new(),
            rejects: Rejects::default(),
            proved: Proved::Nothing,
            state: State::Open,
            transmit: Transmit::Idle,
            clocks: Clocks {
                started: now,
                received: now,
                kept_alive: None,
                sent: now,
                progress: now,
            },
        }
    }

    /// The group's session, once both sides have proven that they are members.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    pub(crate) fn session_mut(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    /// Hypercore's channels.
    pub(crate) fn hypercore(&self) -> &HypercoreSession {
        &self.hypercore
    }

    pub(crate) fn hypercore_mut(&mut self) -> &mut HypercoreSession {
        &mut self.hypercore
    }

    /// Whether the group's session is open, or a hypercore channel is or was.
    fn is_established(&self) -> bool {
        self.session.is_some() || self.proved == Proved::FeedKey
    }

    /// The peer's public key, once proven.
    pub(crate) fn remote(&self) -> Option<PublicKey> {
        self.stream.remote()
    }

    /// Handles bytes of the peer. After an error the connection is to be closed.
    pub(crate) fn receive(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Result<(), CloseReason> {
        if self.is_closed() {
            return Ok(());
        }
        self.stream.push_bytes(bytes);
        while let Some(received) = self.stream.next(&mut self.out).map_err(reason_of)? {
            self.clocks.received = context.now;
            match received {
                Received::Opened { handshake_hash, remote } => {
                    self.on_stream_opened(context, &handshake_hash, remote)?;
                }
                Received::Message(frame) => {
                    self.clocks.progress = context.now;
                    for message in messages(&frame) {
                        self.on_message(context, message?)?;
                    }
                }
                Received::KeepAlive => self.clocks.kept_alive = Some(context.now),
            }
        }
        self.hypercore.commit(context)
    }

    /// The stream's handshake is complete: the initiator sends its hello.
    fn on_stream_opened(
        &mut self,
        context: &mut Context<'_>,
        handshake_hash: &[u8; 64],
        remote: PublicKey,
    ) -> Result<(), CloseReason> {
        if remote == self.local_key {
            return Err(CloseReason::Ourselves);
        }
        if self.stream.role() == Role::Initiator && self.stream.is_encrypted() {
            context.outbox.event(Event::Identified { connection: self.id, remote });
        }
        self.await_stock(context.limits);
        if self.stream.role() == Role::Initiator && self.may_be_member() {
            let (role, peer) = (Role::Initiator, peer_tag(&remote));
            let reconciliation = Reconciliation::new(role, peer, *handshake_hash, context);
            let (reconciliation, claim) = reconciliation.claimed_in_handshake();
            self.claimed = Some(reconciliation);
            let claim = seal_claim(context.group, handshake_hash, &claim);
            self.send_hello(context, handshake_hash, claim);
            self.flush(context.now);
        }
        Ok(())
    }

    /// Whether the peer may be a member. One that did not use the members' pre-shared key is a
    /// stock peer, and does not learn which group this is.
    fn may_be_member(&self) -> bool {
        self.stream.is_member() || !self.stream.is_encrypted()
    }

    /// Writes our hello. The responder's goes in one frame with its claim.
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
        self.forked_said = context.feeds.forks() as u64;
        message::put(&mut handshake, &PeerLimits::of(context.limits, self.forked_said));
        self.batch.push(&MuxMessage::Open {
            local_id: self.channels.assign(ChannelKind::Group),
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
            MuxMessage::Reject { local_id } => match self.channels.release(local_id)? {
                // The peer may still know one of our feeds, and open its channel in time.
                ChannelKind::Group if context.limits.hypercore_channels > 0 => Ok(()),
                ChannelKind::Group => Err(CloseReason::NotAMember),
                kind => self.end(context, kind),
            },
            MuxMessage::Close { local_id } => match self.channels.close(local_id)? {
                Some(ChannelKind::Group) => Err(CloseReason::ClosedByPeer),
                Some(kind) => self.end(context, kind),
                None => Ok(()),
            },
            MuxMessage::Message { channel, kind, body } => {
                let channel_kind = self.channels.kind(channel)?;
                match (channel_kind, &mut self.session, Kind::of(kind)) {
                    (Some(ChannelKind::Group), Some(session), Some(kind)) => {
                        session.receive(context, kind, body)
                    }
                    (Some(ChannelKind::Feed(feed)), ..) => {
                        let result = self.hypercore.receive(context, feed, kind, body);
                        self.spare_connection(context, feed, result)
                    }
                    _ => Ok(()),
                }
            }
        }
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
            // Other protocols on the same connection are ignored.
            return self.reject(limits, remote_id);
        }
        let leads_to_group =
            self.may_be_member() && id == Some(context.group.discovery_key().as_slice());
        let said = leads_to_group.then(|| message::decode_handshake(handshake)).transpose()?;
        let said = said.filter(|(hello, _)| self.is_member(context, hello));
        let Some((hello, accepts)) = said else {
            if limits.hypercore_channels > 0 {
                // The peer may still know one of our feeds.
                return self.reject(limits, remote_id);
            }
            // Sealed at once, because nothing is composed after the connection is closed.
            self.batch.push(&MuxMessage::Reject { local_id: remote_id });
            self.flush(context.now);
            return Err(CloseReason::NotAMember);
        };
        if hello.version == 0 {
            return Err(CloseReason::Incompatible { ours: VERSION, theirs: hello.version });
        }
        self.channels.open(remote_id, ChannelKind::Group)?;
        // The handshake is complete, because the capability was checked with its hash.
        let Some(handshake_hash) = self.stream.handshake_hash().copied() else { return Ok(()) };
        let role = self.stream.role();
        if role == Role::Responder {
            self.send_hello(context, &handshake_hash, alloc::vec::Vec::new());
        }
        self.stream.raise_frame_size_max(FRAME_BYTES_MAX_UNASKED.min(limits.frame_bytes));
        // The peer's key is proven, too.
        let Some(remote) = self.remote() else { return Ok(()) };
        context.outbox.event(Event::Opened { connection: self.id, remote });
        let said = (&hello, PeerLimits::new(accepts));
        self.begin_session(context, peer_tag(&remote), &handshake_hash, said)
    }

    /// Starts the session. The initiator's hello has claimed its sets already.
    fn begin_session(
        &mut self,
        context: &mut Context<'_>,
        peer: PeerTag,
        handshake_hash: &[u8; 64],
        (hello, limits): (&Hello, PeerLimits),
    ) -> Result<(), CloseReason> {
        let role = self.stream.role();
        let claimed = self.claimed.take();
        let reconciliation =
            claimed.unwrap_or_else(|| Reconciliation::new(role, peer, *handshake_hash, context));
        let forked_prefixes = ForkedPrefixes::new(self.forked_said, limits.forked());
        let said = PeerHello { hello, limits, forked_prefixes };
        let session = Session::new(self.id, peer, reconciliation, said, context);
        let session = self.session.insert(session);
        if role == Role::Initiator || hello.claim.is_empty() {
            return Ok(());
        }
        let claim = open_claim(context.group, handshake_hash, &hello.claim);
        session.receive(context, Kind::Claim, &claim.ok_or(Violation::Decrypt)?)
    }

    fn is_member(&self, context: &Context<'_>, hello: &Hello) -> bool {
        let role = self.stream.role().other();
        let hash = self.stream.handshake_hash();
        hash.is_some_and(|hash| is_capable(context.group, hash, role, &hello.capability))
    }

    /// Rejects a channel that we do not support.
    fn reject(&mut self, limits: &Limits, remote_id: u64) -> Result<(), CloseReason> {
        self.channels.reject(remote_id)?;
        self.rejects.push(remote_id, limits.channels);
        Ok(())
    }

    /// Seals the batch.
    fn flush(&mut self, now: Instant) {
        if let Some(frame) = self.batch.take() {
            self.clocks.sent = now;
            // The stream is open, otherwise nothing would have been written; and the frame fits,
            // because composing stops before it does not.
            let sealed = self.stream.send(&frame, &mut self.out);
            debug_assert_eq!(sealed, Ok(()));
        }
    }

    /// Moves up to `limit` bytes to `buf` and composes more while there is room. Returns how many.
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
                self.transmit = Transmit::Idle;
                break;
            }
            buf.extend_from_slice(&self.out[..part]);
            self.out.advance(part);
            moved += part;
        }
        moved
    }

    fn compose(&mut self, context: &mut Context<'_>) {
        if self.is_closed() {
            return;
        }
        if self.batch.is_empty() {
            self.rejects.compose(context.now, &mut self.batch);
            if !self.batch.is_empty() {
                return self.flush(context.now);
            }
        }
        if let (Some(session), Some(channel)) = (&mut self.session, self.channels.of_group()) {
            if self.batch.is_empty() {
                session.compose(context, channel, &mut self.batch);
            } else {
                // The batch has our hello, and the peer accepts no long frame before it.
                session.compose_claim(channel, &mut self.batch);
            }
            if session.has_requested() {
                // Before the requested blocks can arrive.
                self.stream.raise_frame_size_max(context.limits.frame_bytes);
            }
        }
        if self.batch.is_empty()
            && let Some(hash) = self.stream.handshake_hash()
        {
            let (channels, role) = (&mut self.channels, self.stream.role());
            let number = |feed| channels.assign(ChannelKind::Feed(feed));
            self.hypercore.compose(context, (role, hash), number, &mut self.batch);
        }
        self.flush(context.now);
    }

    /// Whether a one-time sync is complete, and all of its bytes were pulled.
    pub(crate) fn is_finished(&self) -> bool {
        let is_synced = self.session.as_ref().is_none_or(Session::is_synced);
        let is_synced = is_synced && self.is_established() && self.hypercore.is_in_sync();
        self.mode == Mode::Once && is_synced && self.out.is_empty() && !self.is_closed()
    }

    /// There may be messages to send. Returns whether the driver needs a notification.
    pub(crate) fn wake(&mut self) -> bool {
        core::mem::replace(&mut self.transmit, Transmit::Signalled) == Transmit::Idle
    }

    /// Drops the bytes of a handshake that is not complete, so that the peer does not learn our
    /// key.
    pub(crate) fn withhold_handshake(&mut self) {
        if !self.is_established() {
            self.out.clear();
        }
    }

    /// Closes the connection: only sealed bytes still go out.
    pub(crate) fn close(&mut self, assignments: &mut FetchAssignments) -> Option<Session> {
        self.state = State::Closed;
        self.hypercore.close_all(assignments);
        self.session.take()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The memory that the peer makes us hold.
    pub(crate) fn footprint(&self) -> ConnectionFootprint {
        let load = self.session.as_ref().map(Session::footprint).unwrap_or_default();
        let load = self.hypercore.footprint(load);
        ConnectionFootprint {
            received_bytes: self.stream.buffered(),
            sealed_bytes: self.out.len(),
            channels: self.channels.len(),
            rejects: self.rejects.len(),
            ..load
        }
    }

    /// Panics if an invariant of the connection does not hold.
    pub(crate) fn check_invariants(
        &self,
        limits: &Limits,
        assignments: &FetchAssignments,
        sets: &Sets,
    ) {
        assert!(
            self.session.is_none() || self.claimed.is_none(),
            "a claim is part of the session once it is answered"
        );
        if self.is_closed() {
            assert!(self.session.is_none(), "a closed connection has no session");
        }
        if let Some(session) = &self.session {
            session.check_invariants(limits, assignments, sets);
        }
        self.hypercore.check_invariants(assignments, limits);
    }
}

fn reason_of(error: SecureError) -> CloseReason {
    match error {
        SecureError::FrameTooLong => Limit::FrameBytes.into(),
        SecureError::BadHandshake => Violation::Handshake.into(),
        SecureError::NotAMember => CloseReason::NotAMember,
        SecureError::BadHeader | SecureError::WrongStream => Violation::StreamId.into(),
        SecureError::Forged => Violation::Decrypt.into(),
    }
}
