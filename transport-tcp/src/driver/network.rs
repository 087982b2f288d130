//! Connections: how they begin, what flows, how they end.
//!
//! Rule: a connection leaves this table in one place, [`Driver::forget`], and only there do the
//! core, the dialler and the subscribers hear of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::or;
use multifeed_core::{CloseReason, ConnectionId, Input, PublicKey, Role, Secure};
use tracing::Instrument;

use super::{Driver, Notice, Phase};
use crate::admission::Verdict;
use crate::connection::{CHUNK_BYTES_MAX, Closing, Connection};
use crate::dialer::{Outcome, Standing, Trouble};
use crate::events::{DialFailure, Ending, NodeEvent};
use crate::listener::accept;
use crate::runtime::ByteStream;
use crate::tasks::Stop;

/// A host that is there answers within one round trip; a firewall that says nothing is not waited
/// for.
const DIAL_TIMEOUT_S: u64 = 5;

/// How long a connection may take to send its rest and to hear the peer's end. One that is closed
/// at once would take back what the peer has not read yet.
const LINGER_S: u64 = 5;

impl Driver {
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Written { connection, buffer } => {
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.written(buffer);
                }
            }
            Notice::WriteFailed { connection, error } => self.write_failed(connection, error),
            Notice::Accepted { stream, addr } => self.accepted(stream, addr),
            Notice::Dialled { addr, result } => self.dialled(addr, result),
            found @ (Notice::Found { .. } | Notice::Step { .. }) => self.source_told(found),
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
        let accept = accept(listener, runtime, self.to_driver.1.clone());
        self.tasks.spawn(&stop, accept.in_current_span());
        self.listeners.push((addr, stop));
        tracing::info!(%addr, "listening");
        self.subscribers.publish(NodeEvent::Listening { addr });
        Ok(())
    }

    fn accepted(&mut self, stream: ByteStream, addr: SocketAddr) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        match self.admission.admit(addr) {
            Verdict::Admit => {}
            Verdict::Replace(oldest) => self.forget(oldest, Ending::Crowded),
            Verdict::Refuse => {
                tracing::debug!(%addr, "no room for a connection");
                return;
            }
        }
        self.connect(stream, addr, Role::Responder);
    }

    /// Dials every address whose time has come, as long as there is room.
    pub(super) fn dial_due(&mut self) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        let now = self.now();
        loop {
            let standing = |remote: &PublicKey| match self.bans.until(now, remote) {
                Some(until) => Standing::Banned { until },
                None if self.admission.connected(remote) => Standing::Connected,
                None => Standing::Free,
            };
            let Some(due) = self.dialer.due(now, self.admission.room(), standing) else { return };
            self.admission.dial_started();
            let addr = due.addr;
            let dial = self.tasks.runtime.connect(addr);
            let timeout = self.tasks.sleep(Duration::from_secs(DIAL_TIMEOUT_S));
            let notices = self.to_driver.1.clone();
            let dial = async move {
                let dial = async { dial.await.map_err(|error| DialFailure::Io(Arc::new(error))) };
                let timeout = async {
                    timeout.await;
                    Err(DialFailure::TimedOut)
                };
                let result = or(dial, timeout).await;
                // It fails only when the driver is gone.
                let _ = notices.send(Notice::Dialled { addr, result }).await;
            };
            let span = tracing::debug_span!("dial", %addr, attempt = due.attempt);
            self.tasks.spawn(&self.dials, dial.instrument(span));
            let attempt = due.attempt;
            self.subscribers.publish(NodeEvent::Dialling { addr, attempt });
        }
    }

    /// Dials an address no more, and ends the connections that were dialled there.
    pub(super) fn hang_up(&mut self, addr: SocketAddr) {
        self.dialer.remove(addr);
        for (id, connection) in &self.connections {
            if connection.role == Role::Initiator && connection.addr == addr {
                self.core.disconnect(*id);
            }
        }
    }

    fn dialled(&mut self, addr: SocketAddr, result: Result<ByteStream, DialFailure>) {
        self.admission.dial_ended();
        if !matches!(self.phase, Phase::Open) || !self.dialer.knows(addr) {
            return;
        }
        let remote = self.dialer.remote(addr);
        match result {
            // It answered at two addresses, and this one was slower.
            Ok(_) if remote.is_some_and(|remote| self.admission.connected(&remote)) => {
                let trouble = Trouble::Ended(Ending::Duplicate);
                self.dialer.ended(self.now(), addr, Outcome::Reached, trouble);
            }
            Ok(stream) => self.connect(stream, addr, Role::Initiator),
            Err(reason) => {
                let trouble = Trouble::Dial(reason.clone());
                let retry_in = self.dialer.failed(self.now(), addr, trouble);
                tracing::debug!(%addr, %reason, ?retry_in, "dial failed");
                self.subscribers.publish(NodeEvent::DialFailed { addr, reason, retry_in });
            }
        }
    }

    fn connect(&mut self, stream: ByteStream, addr: SocketAddr, role: Role) {
        let connection = ConnectionId(self.connections_ever);
        self.connections_ever += 1;
        self.admission.insert(connection, addr, role);
        let (received, notices) = self.to_driver.clone();
        let started =
            Connection::start((connection, stream), (addr, role), &self.tasks, received, notices);
        self.connections.insert(connection, started);
        tracing::debug!(id = connection.0, %addr, ?role, "connected");
        self.subscribers.publish(NodeEvent::Connected { connection, addr, role });
        let input = Input::Connected { connection, role, secure: Secure::Noise, mode: self.mode };
        self.core.handle(self.now(), input);
    }

    /// A peer proved to be a member: of two connections with it, one goes.
    pub(super) fn peer_opened(&mut self, connection: ConnectionId, remote: PublicKey) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        if open.closing.is_some() {
            return;
        }
        open.remote = Some(remote);
        let (addr, role) = (open.addr, open.role);
        if self.bans.until(self.now(), &remote).is_some() {
            self.core.disconnect(connection);
            self.close_slowly(connection, Ending::Banned);
            return;
        }
        if role == Role::Initiator {
            self.dialer.opened(self.now(), addr, remote);
        }
        if let Some(loser) = self.admission.opened(connection, remote) {
            self.core.disconnect(loser);
            // Set before the core says so, because it would say only that we asked for it.
            self.close_slowly(loser, Ending::Duplicate);
        }
    }

    /// The core has given a connection up.
    pub(super) fn begin_disconnecting(&mut self, connection: ConnectionId, reason: CloseReason) {
        let ending = match reason {
            CloseReason::Requested if matches!(self.phase, Phase::Closing { .. }) => {
                Ending::NodeClosed
            }
            reason => Ending::Core(reason),
        };
        self.close_slowly(connection, ending);
    }

    fn close_slowly(&mut self, connection: ConnectionId, ending: Ending) {
        let until = self.now() + Duration::from_secs(LINGER_S);
        let Some(open) = self.connections.get_mut(&connection) else { return };
        open.has_bytes = true;
        match &mut open.closing {
            None => {
                open.closing = Some(Closing { ending, until });
                self.admission.closing(connection);
            }
            // Why the peer would read no more is in the last that it sent.
            Some(closing) if matches!(closing.ending, Ending::Io(_)) => closing.ending = ending,
            Some(_) => {}
        }
    }

    /// Gives each writer that is ready what the core has for it; whether that may lead to more.
    pub(super) fn transmit(&mut self) -> bool {
        let mut sent = false;
        let mut flushed = Vec::new();
        for (id, connection) in &mut self.connections {
            if let Some(buffer) = connection.buffer() {
                let count = self.core.poll_transmit(*id, buffer, CHUNK_BYTES_MAX);
                // After fewer bytes the core says when there are more.
                connection.has_bytes = count == CHUNK_BYTES_MAX;
                connection.send();
                sent |= count > 0;
            }
            if connection.closing.is_some() && connection.is_flushed() {
                flushed.push(*id);
            }
        }
        let more = sent || !flushed.is_empty();
        for connection in flushed {
            self.flushed(connection);
        }
        more
    }

    /// All that a closing connection had to send is on its way.
    fn flushed(&mut self, connection: ConnectionId) {
        let now = self.now();
        let Some(open) = self.connections.get_mut(&connection) else { return };
        let Some(closing) = open.closing.take() else { return };
        if is_worth_waiting_for(&closing.ending) {
            open.closing = Some(closing);
            open.end_writer();
            // The core may forget its bytes; the stream stays until the peer has read them.
            self.core.handle(now, Input::Disconnected { connection });
        } else {
            self.forget(connection, closing.ending);
        }
    }

    /// The peer's end of a stream, or its failure, after all bytes before it.
    pub(super) fn stream_ended(&mut self, connection: ConnectionId, error: Option<io::Error>) {
        let ending = match error {
            Some(error) => Ending::Io(Arc::new(error)),
            None => Ending::EndOfStream,
        };
        self.forget(connection, ending);
    }

    /// Nothing can be sent any more; what the peer sent before still counts, so the reader decides
    /// when this ends, for a while.
    fn write_failed(&mut self, connection: ConnectionId, error: io::Error) {
        self.close_slowly(connection, Ending::Io(Arc::new(error)));
        if let Some(open) = self.connections.get_mut(&connection) {
            open.end_writer();
        }
    }

    /// Cuts connections that had time enough to end by themselves.
    pub(super) fn cut_lingering(&mut self) {
        let now = self.now();
        let late = self
            .connections
            .iter()
            .filter(|(_, open)| open.closing.as_ref().is_some_and(|closing| closing.until <= now));
        for connection in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget(connection, Ending::EndOfStream);
        }
    }

    /// Drops a connection and tells everyone. What made it close first is the reason that counts.
    fn forget(&mut self, connection: ConnectionId, ending: Ending) {
        let Some(gone) = self.connections.remove(&connection) else { return };
        let now = self.now();
        let ending = gone.closing.map_or(ending, |closing| closing.ending);
        self.core.handle(now, Input::Disconnected { connection });
        self.admission.remove(connection);
        let other = gone.remote.is_some_and(|remote| self.admission.connected(&remote));
        let retry_in = match gone.role {
            Role::Initiator => {
                let trouble = Trouble::Ended(ending.clone());
                self.dialer.ended(now, gone.addr, outcome(&ending, other), trouble)
            }
            Role::Responder => None,
        };
        if let (Some(remote), Ending::Core(CloseReason::Violation(_))) = (gone.remote, &ending) {
            self.bans.add(now, remote);
        }
        if let Some(remote) = gone.remote
            && !other
        {
            self.dialer.released(now, remote);
        }
        let (addr, reason) = (gone.addr, ending);
        tracing::debug!(id = connection.0, %addr, %reason, ?retry_in, "disconnected");
        self.subscribers.publish(NodeEvent::Disconnected { connection, addr, reason, retry_in });
    }
}

/// Whether the peer should get our last bytes: not one that broke the rules.
fn is_worth_waiting_for(ending: &Ending) -> bool {
    !matches!(
        ending,
        Ending::Core(
            CloseReason::Violation(_)
                | CloseReason::Limit(_)
                | CloseReason::Ourselves
                | CloseReason::Deadline(_)
        )
    )
}

fn outcome(ending: &Ending, reached: bool) -> Outcome {
    match ending {
        Ending::Core(
            CloseReason::Violation(_)
            | CloseReason::Limit(_)
            | CloseReason::Incompatible { .. }
            | CloseReason::NotAMember,
        )
        | Ending::Banned => Outcome::Refused,
        Ending::Core(CloseReason::Ourselves | CloseReason::Synced) | Ending::NodeClosed => {
            Outcome::Done
        }
        _ if reached => Outcome::Reached,
        _ => Outcome::Lost,
    }
}
