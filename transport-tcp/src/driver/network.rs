//! Connections: start, data, end.
//!
//! Rule: a connection leaves the driver's table only in [`Driver::remove_connection`], which also
//! tells the core, the dialer and the subscribers.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::or;
use multifeed_core::{CloseReason, ConnectionId, Input, PublicKey, Role, Secure};
use tracing::Instrument;

use super::{Driver, Phase};
use crate::admission::{PeerTrust, Verdict};
use crate::connection::{CHUNK_BYTES_MAX, Closing, Connection, NewStream};
use crate::dialer::target::ConnectError;
use crate::dialer::{Due, PeerState, StreamOutcome};
use crate::events::{DialFailure, DisconnectReason, NodeEvent};
use crate::listener::accept;
use crate::runtime::traits::ByteStream;
use crate::task_event::TaskEvent;
use crate::tasks::Stop;

/// How long a dial may take. A reachable host answers a SYN within one round trip; with initial
/// retransmissions after 1 s and 3 s (RFC 6298, section 2), 5 s allow two lost packets. A firewall
/// that drops packets gets no more time.
const DIAL_TIMEOUT_S: u64 = 5;

/// How long a closing connection may take to send its last bytes and to receive the peer's end.
/// Closing at once would send a reset, which discards data that the peer has not read yet. A
/// judgement: the same time as a dial.
const LINGER_S: u64 = 5;

impl Driver {
    pub(super) fn on_task_event(&mut self, event: TaskEvent) {
        match event {
            TaskEvent::Written { connection, buffer } => {
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.on_written(buffer);
                }
            }
            TaskEvent::WriteFailed { connection, error } => self.on_write_failed(connection, error),
            TaskEvent::Accepted { stream, addr } => self.on_accepted(stream, addr),
            TaskEvent::Dialled { addr, result } => self.on_dialled(addr, result),
            TaskEvent::PeerFound { origin, remote, addrs } => {
                self.on_peer_found(origin, remote, &addrs);
            }
            TaskEvent::SourceStep { origin, step } => self.on_source_step(origin, step),
        }
    }

    pub(super) fn start_listener(
        &mut self,
        listener: TcpListener,
        addr: SocketAddr,
    ) -> io::Result<()> {
        let listener = self.tasks.runtime.listen(listener)?;
        let stop = Stop::new();
        let runtime = Arc::clone(&self.tasks.runtime);
        let accept = accept(listener, runtime, self.to_driver.events.clone());
        self.tasks.spawn(&stop, accept.in_current_span());
        self.listeners.push((addr, stop));
        tracing::info!(%addr, "listening");
        self.subscribers.publish(NodeEvent::Listening { addr });
        Ok(())
    }

    fn on_accepted(&mut self, stream: ByteStream, addr: SocketAddr) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        match self.admission.admit(addr) {
            Verdict::Admit => {}
            Verdict::Replace(oldest) => self.remove_connection(oldest, DisconnectReason::Evicted),
            Verdict::Refuse => {
                tracing::debug!(%addr, "connection refused: a limit is reached");
                return;
            }
        }
        self.connect(stream, addr, Role::Responder);
    }

    /// Dials every address that is due, as far as the limits allow.
    pub(super) fn dial_due(&mut self) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        let now = self.now();
        loop {
            let peer_state = |remote: &PublicKey| match self.bans.until(now, remote) {
                Some(until) => PeerState::Banned { until },
                None if self.admission.is_connected(remote) => PeerState::Connected,
                None => PeerState::Free,
            };
            let budget = self.admission.dial_budget();
            let Some(due) = self.dialer.next_due(now, budget, peer_state) else { return };
            self.start_dial(due);
        }
    }

    fn start_dial(&mut self, Due { addr, attempt }: Due) {
        self.admission.on_dial_started();
        let dial = self.tasks.runtime.connect(addr);
        let timeout = self.tasks.sleep(Duration::from_secs(DIAL_TIMEOUT_S));
        let events = self.to_driver.events.clone();
        let dial = async move {
            let dial = async { dial.await.map_err(|error| DialFailure::Io(Arc::new(error))) };
            let timeout = async {
                timeout.await;
                Err(DialFailure::TimedOut)
            };
            let result = or(dial, timeout).await;
            // Fails only if the driver is gone.
            let _ = events.send(TaskEvent::Dialled { addr, result }).await;
        };
        let span = tracing::debug_span!("dial", %addr, attempt);
        self.tasks.spawn(&self.dials, dial.instrument(span));
        self.subscribers.publish(NodeEvent::Dialling { addr, attempt });
    }

    /// Removes an address, and closes the connections that were dialled there.
    pub(super) fn disconnect(&mut self, addr: SocketAddr) {
        self.dialer.remove(addr);
        for (id, connection) in &self.connections {
            if connection.role == Role::Initiator && connection.addr == addr {
                self.core.disconnect(*id);
            }
        }
    }

    fn on_dialled(&mut self, addr: SocketAddr, result: Result<ByteStream, DialFailure>) {
        self.admission.on_dial_ended();
        if !matches!(self.phase, Phase::Open) || !self.dialer.contains(addr) {
            return;
        }
        match result {
            Ok(stream) => self.connect(stream, addr, Role::Initiator),
            Err(reason) => {
                let error = ConnectError::Dial(reason.clone());
                let retry_in = self.dialer.on_dial_failed(self.now(), addr, error);
                tracing::debug!(%addr, %reason, ?retry_in, "dial failed");
                self.subscribers.publish(NodeEvent::DialFailed { addr, reason, retry_in });
            }
        }
    }

    fn connect(&mut self, stream: ByteStream, addr: SocketAddr, role: Role) {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let trust = match role {
            Role::Responder if self.dialer.is_specified(addr.ip()) => PeerTrust::SpecifiedAddress,
            _ => PeerTrust::Unknown,
        };
        self.admission.insert(connection, addr, role, trust);
        let new = NewStream { connection, stream, addr, role };
        let started = Connection::start(new, &self.tasks, self.to_driver.clone());
        self.connections.insert(connection, started);
        tracing::debug!(id = connection.0, %addr, ?role, "connected");
        self.subscribers.publish(NodeEvent::Connected { connection, addr, role });
        let input = Input::Connected { connection, role, secure: Secure::Noise, mode: self.mode };
        self.core.handle(self.now(), input);
    }

    /// Handles a dialled peer that proved its key. Closes the connection, before the peer learns
    /// our key, if the peer is banned or connected already.
    pub(super) fn on_peer_identified(&mut self, connection: ConnectionId, remote: PublicKey) {
        let Some(open) = self.connections.get(&connection) else { return };
        if open.closing.is_some() {
            return;
        }
        self.dialer.on_peer_answered(open.addr, remote);
        let reason = if self.bans.until(self.now(), &remote).is_some() {
            DisconnectReason::Banned
        } else if self.admission.is_connected(&remote) {
            DisconnectReason::Duplicate
        } else {
            return;
        };
        self.core.disconnect(connection);
        // Set here, because the core would report only that we requested it.
        self.begin_flush(connection, reason);
    }

    /// Handles a peer that proved to be a member: closes the connection if the peer is banned, one
    /// of two connections with the same peer, and an accepted connection if there are too many.
    pub(super) fn on_peer_opened(&mut self, connection: ConnectionId, remote: PublicKey) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        if open.closing.is_some() {
            return;
        }
        open.remote = Some(remote);
        let (addr, role) = (open.addr, open.role);
        if self.bans.until(self.now(), &remote).is_some() {
            self.core.disconnect(connection);
            self.begin_flush(connection, DisconnectReason::Banned);
            return;
        }
        if role == Role::Initiator {
            self.dialer.on_peer_opened(self.now(), addr, remote);
        }
        if let Some(duplicate) = self.admission.on_peer_opened(connection, remote) {
            self.core.disconnect(duplicate);
            // Set here, because the core would report only that we requested it.
            self.begin_flush(duplicate, DisconnectReason::Duplicate);
        }
        if self.dialer.is_known(&remote) {
            self.admission.on_known(connection);
        }
        if let Some(excess) = self.admission.excess(connection) {
            self.core.disconnect(excess);
            self.begin_flush(excess, DisconnectReason::Evicted);
        }
    }

    /// Handles a stock peer that has opened its first channel.
    pub(super) fn on_stock_opened(&mut self, connection: ConnectionId, remote: PublicKey) {
        let Some(open) = self.connections.get(&connection) else { return };
        if open.closing.is_some() {
            return;
        }
        let (addr, role) = (open.addr, open.role);
        if !self.admission.on_stock_opened(connection) {
            self.core.disconnect(connection);
            self.begin_flush(connection, DisconnectReason::StockLimit);
        } else if role == Role::Initiator {
            self.dialer.on_peer_opened(self.now(), addr, remote);
        }
    }

    /// Handles a connection that the core closes.
    pub(super) fn on_core_disconnect(&mut self, connection: ConnectionId, reason: CloseReason) {
        let reason = match reason {
            CloseReason::Requested if matches!(self.phase, Phase::Closing { .. }) => {
                DisconnectReason::NodeClosed
            }
            reason => DisconnectReason::Core(reason),
        };
        self.begin_flush(connection, reason);
    }

    /// Begins to close a connection: its last bytes are still sent.
    fn begin_flush(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        let until = self.now() + Duration::from_secs(LINGER_S);
        let Some(open) = self.connections.get_mut(&connection) else { return };
        open.has_bytes = true;
        match &mut open.closing {
            None => {
                open.closing = Some(Closing { reason, until });
                self.admission.on_closing(connection);
            }
            // A write failed before, because the peer closed the stream. Its last bytes then say
            // why, so the later reason is the better one.
            Some(closing) if matches!(closing.reason, DisconnectReason::Io(_)) => {
                closing.reason = reason;
            }
            Some(_) => {}
        }
    }

    /// Passes bytes of the core to every idle writer. Returns whether that may cause more outputs.
    pub(super) fn transmit(&mut self) -> bool {
        let mut has_pulled = false;
        let mut flushed = Vec::new();
        for (id, connection) in &mut self.connections {
            if let Some(buffer) = connection.buffer() {
                let count = self.core.poll_transmit(*id, buffer, CHUNK_BYTES_MAX);
                // After fewer bytes the core announces new ones by `Output::Transmit`.
                connection.has_bytes = count == CHUNK_BYTES_MAX;
                connection.send();
                has_pulled = true;
            }
            if connection.closing.is_some() && connection.is_flushed() {
                flushed.push(*id);
            }
        }
        let may_have_more = has_pulled || !flushed.is_empty();
        for connection in flushed {
            self.on_flushed(connection);
        }
        may_have_more
    }

    /// Handles a closing connection whose last bytes are with the operating system.
    fn on_flushed(&mut self, connection: ConnectionId) {
        let now = self.now();
        let Some(open) = self.connections.get_mut(&connection) else { return };
        let Some(closing) = open.closing.take() else { return };
        if should_linger(&closing.reason) {
            open.closing = Some(closing);
            open.end_writer();
            // The core may drop its state; the stream stays open until the peer has read the bytes.
            self.core.handle(now, Input::Disconnected { connection });
        } else {
            self.remove_connection(connection, closing.reason);
        }
    }

    /// Handles the end of a stream, or its failure. All bytes before it were handled.
    pub(super) fn on_stream_end(&mut self, connection: ConnectionId, error: Option<io::Error>) {
        let reason = match error {
            Some(error) => DisconnectReason::Io(Arc::new(error)),
            None => DisconnectReason::EndOfStream,
        };
        self.remove_connection(connection, reason);
    }

    /// Handles a failed write: nothing can be sent any more. Bytes that the peer sent before still
    /// count, so the connection stays until its reader ends or the time for closing is over.
    fn on_write_failed(&mut self, connection: ConnectionId, error: io::Error) {
        self.begin_flush(connection, DisconnectReason::Io(Arc::new(error)));
        if let Some(open) = self.connections.get_mut(&connection) {
            open.end_writer();
        }
    }

    /// Removes closing connections whose time is over.
    pub(super) fn cut_off_lingering(&mut self) {
        let now = self.now();
        let late = self
            .connections
            .iter()
            .filter(|(_, open)| open.closing.as_ref().is_some_and(|closing| closing.until <= now));
        for connection in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove_connection(connection, DisconnectReason::EndOfStream);
        }
    }

    /// Removes a connection and tells everyone. If it was already closing, the first reason counts.
    fn remove_connection(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        let Some(removed) = self.connections.remove(&connection) else { return };
        let now = self.now();
        let reason = removed.closing.map_or(reason, |closing| closing.reason);
        self.core.handle(now, Input::Disconnected { connection });
        self.admission.remove(connection);
        let is_connected = |remote: PublicKey| self.admission.is_connected(&remote);
        let has_other = removed.remote.is_some_and(is_connected);
        let retry_in = match removed.role {
            Role::Initiator => {
                let error = ConnectError::Disconnected(reason.clone());
                let answered = self.dialer.remote(removed.addr);
                let outcome = stream_outcome(&reason, answered.is_some_and(is_connected));
                self.dialer.on_stream_ended(now, removed.addr, outcome, error)
            }
            Role::Responder => None,
        };
        if let Some(remote) = removed.remote
            && is_ban(&reason)
        {
            self.bans.add(now, remote);
        }
        if let Some(remote) = removed.remote
            && !has_other
        {
            self.dialer.on_peer_lost(now, remote);
        }
        let addr = removed.addr;
        tracing::debug!(id = connection.0, %addr, %reason, ?retry_in, "disconnected");
        self.subscribers.publish(NodeEvent::Disconnected { connection, addr, reason, retry_in });
    }
}

/// Returns whether to keep the stream until the peer has read our last bytes. A peer that violated
/// the protocol gets no such time.
fn should_linger(reason: &DisconnectReason) -> bool {
    !matches!(
        reason,
        DisconnectReason::Core(
            CloseReason::Violation(_)
                | CloseReason::Limit(_)
                | CloseReason::Ourselves
                | CloseReason::Deadline(_)
        )
    )
}

/// Returns whether a peer is banned for this. What anybody on the way can cause, such as a flipped
/// bit, is no reason.
fn is_ban(reason: &DisconnectReason) -> bool {
    match reason {
        DisconnectReason::Core(reason @ CloseReason::Violation(_)) => reason.is_proven(),
        _ => false,
    }
}

/// Returns how a stream ended for the dialer. `has_other` is whether the peer that answered is
/// still connected.
fn stream_outcome(reason: &DisconnectReason, has_other: bool) -> StreamOutcome {
    match reason {
        DisconnectReason::Core(reason) if !reason.is_proven() && !has_other => StreamOutcome::Lost,
        DisconnectReason::Core(CloseReason::ClosedByPeer) if !has_other => StreamOutcome::Closed,
        DisconnectReason::Core(
            CloseReason::Violation(_)
            | CloseReason::Limit(_)
            | CloseReason::Incompatible { .. }
            | CloseReason::NotAMember,
        )
        | DisconnectReason::Banned => StreamOutcome::Refused,
        DisconnectReason::Core(CloseReason::Ourselves | CloseReason::Synced)
        | DisconnectReason::NodeClosed => StreamOutcome::Finished,
        _ if has_other => StreamOutcome::ConnectedElsewhere,
        _ => StreamOutcome::Lost,
    }
}
