//! The one task that owns the multifeed.
//!
//! Rule: nothing here waits but for the next input. Whatever is slow, a peer, a disk or a
//! subscriber, has a bounded place of its own outside.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use std::{io, mem};

use async_channel::{Receiver, Sender, TryRecvError};
use bytes::BytesMut;
use futures_lite::future::{or, yield_now};
use multifeed_core::{
    ConnectionId, Event, Input, Instant, KeyPair, Mode, Multifeed, Output, PublicKey, RequestId,
    StoreFailure, StoreReply,
};

use crate::admission::Admission;
use crate::bans::Bans;
use crate::command::{Command, Reply};
use crate::connection::{Connection, Piece, Received};
use crate::dialer::Dialer;
use crate::discovery::{Origin, Step};
use crate::events::{DialFailure, NodeEvent, Subscribers};
use crate::recorder::Recorder;
use crate::runtime::{BoxFuture, ByteStream};
use crate::store::StoreQueue;
use crate::tasks::{Stop, Tasks};

mod calls;
mod discovery;
mod network;
mod start;

pub(crate) use self::start::start;

/// Chunks of all connections that wait for the driver: one mebibyte, some milliseconds of work.
/// Readers wait beyond it, each with one chunk more.
const RECEIVED_MAX: usize = 16;

/// Notices that wait for the driver. Each connection has at most one under way; listeners and
/// dials wait beyond it.
const NOTICES_MAX: usize = 64;

/// Inputs of each kind that are taken before outputs are: enough to share the cost of a round, few
/// enough that a flood of one kind does not keep what others caused from going out.
const ROUND_INPUTS_MAX: usize = 16;

/// How long a node that closes waits for peers to take what it still sends.
const CLOSE_MS: u64 = 2_000;

/// What tasks of a node tell its driver.
pub(crate) enum Notice {
    Written { connection: ConnectionId, buffer: BytesMut },
    WriteFailed { connection: ConnectionId, error: io::Error },
    Accepted { stream: ByteStream, addr: SocketAddr },
    Dialled { addr: SocketAddr, result: Result<ByteStream, DialFailure> },
    Found { origin: Origin, remote: Option<PublicKey>, addrs: Vec<SocketAddr> },
    Step { origin: Origin, step: Step },
}

/// The owner of everything that a node is.
pub(crate) struct Driver {
    core: Multifeed,
    key_pair: Arc<KeyPair>,
    recorder: Option<Recorder>,
    mode: Mode,
    start: std::time::Instant,
    phase: Phase,
    inbox: Inbox,
    timer: Option<Timer>,
    tasks: Tasks,
    store: StoreQueue,
    calls: BTreeMap<RequestId, calls::Open>,
    subscribers: Subscribers,
    dialer: Dialer,
    /// Ends the dials under way.
    dials: Stop,
    listeners: Vec<(SocketAddr, Stop)>,
    listeners_max: usize,
    sources: usize,
    /// Tells the sources that the node closes.
    leaving: Stop,
    admission: Admission,
    bans: Bans,
    connections: BTreeMap<ConnectionId, Connection>,
    connections_ever: u64,
    to_driver: (Sender<Received>, Sender<Notice>),
    _ended: Sender<Infallible>,
}

enum Phase {
    /// The store is being read; nobody is let in yet.
    Opening(Box<Opening>),
    Open,
    /// No call is taken any more; at the latest then, connections are cut.
    Closing {
        until: Instant,
    },
}

/// What to begin with when the store is read.
struct Opening {
    ready: Reply<Result<(), StoreFailure>>,
    listeners: Vec<(TcpListener, SocketAddr)>,
    peers: Vec<SocketAddr>,
}

struct Inbox {
    commands: Receiver<Command>,
    received: Receiver<Received>,
    notices: Receiver<Notice>,
    stored: Receiver<StoreReply>,
}

struct Timer {
    at: Instant,
    sleep: BoxFuture<'static, ()>,
}

enum Wake {
    Command(Command),
    /// No handle is left, or one has asked for it.
    Closed,
    Received(Received),
    Notice(Notice),
    Stored(StoreReply),
    StoreGone,
    Timeout,
}

impl Driver {
    pub(crate) fn spawn(self) {
        use tracing::Instrument;
        let runtime = std::sync::Arc::clone(&self.tasks.runtime);
        runtime.spawn(Box::pin(self.run().instrument(tracing::info_span!("node"))));
    }

    async fn run(mut self) {
        self.settle();
        while !self.is_finished() {
            let wake = self.wake().await;
            self.take(wake);
            let more = self.take_ready();
            // Where inputs never run dry the timer is never waited for.
            if self.timer.as_ref().is_some_and(|timer| timer.at <= self.now()) {
                self.take(Wake::Timeout);
            }
            self.settle();
            if more {
                // Others of this thread have their turn too.
                yield_now().await;
            }
        }
        self.end().await;
    }

    fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Waits for the first input of a round.
    async fn wake(&mut self) -> Wake {
        self.set_timer();
        let closing = matches!(self.phase, Phase::Closing { .. });
        let Inbox { commands, received, notices, stored } = &self.inbox;
        let command = async {
            if closing {
                std::future::pending::<()>().await;
            }
            commands.recv().await.map_or(Wake::Closed, Wake::Command)
        };
        // The driver holds a sender of both: they end with it.
        let received = async {
            match received.recv().await {
                Ok(received) => Wake::Received(received),
                Err(_) => std::future::pending().await,
            }
        };
        let notice = async {
            match notices.recv().await {
                Ok(notice) => Wake::Notice(notice),
                Err(_) => std::future::pending().await,
            }
        };
        let store_gone = self.store.is_gone();
        let stored = async {
            if store_gone {
                std::future::pending::<()>().await;
            }
            stored.recv().await.map_or(Wake::StoreGone, Wake::Stored)
        };
        let timer = &mut self.timer;
        let timeout = async {
            match timer {
                Some(timer) => (&mut timer.sleep).await,
                None => std::future::pending().await,
            }
            Wake::Timeout
        };
        or(or(stored, notice), or(or(received, command), timeout)).await
    }

    /// Takes more inputs of a round that are there already; whether there may be more of them.
    fn take_ready(&mut self) -> bool {
        (0..ROUND_INPUTS_MAX).all(|_| self.take_one_of_each())
    }

    /// Takes one input of each kind that has any; whether one had.
    fn take_one_of_each(&mut self) -> bool {
        let mut any = false;
        let mut take = |driver: &mut Self, wake: Option<Wake>| {
            if let Some(wake) = wake {
                any = true;
                driver.take(wake);
            }
        };
        let stored = self.inbox.stored.try_recv().ok().map(Wake::Stored);
        take(self, stored);
        let notice = self.inbox.notices.try_recv().ok().map(Wake::Notice);
        take(self, notice);
        let received = self.inbox.received.try_recv().ok().map(Wake::Received);
        take(self, received);
        if !matches!(self.phase, Phase::Closing { .. }) {
            let command = match self.inbox.commands.try_recv() {
                Ok(command) => Some(Wake::Command(command)),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Closed) => Some(Wake::Closed),
            };
            take(self, command);
        }
        any
    }

    fn take(&mut self, wake: Wake) {
        let now = self.now();
        match wake {
            Wake::Command(command) => self.call(command),
            Wake::Closed => self.begin_closing(),
            Wake::Received(Received { connection, piece: Piece::Bytes(bytes) }) => {
                self.core.handle(now, Input::Received { connection, bytes: &bytes });
            }
            Wake::Received(Received { connection, piece: Piece::End(error) }) => {
                // What the core makes of the peer's last bytes tells more than their end.
                self.settle();
                self.stream_ended(connection, error);
            }
            Wake::Notice(notice) => self.notice(notice),
            Wake::Stored(reply) => {
                self.store.answered();
                self.core.handle(now, Input::Stored(reply));
            }
            Wake::StoreGone => {
                tracing::error!("the store's thread is gone");
                self.store.gone();
                self.calls.clear();
                self.begin_closing();
            }
            Wake::Timeout => {
                self.timer = None;
                self.core.handle(now, Input::Timeout);
                self.cut_lingering();
            }
        }
    }

    /// Does all that the core asks for, and gives idle writers what there is to send, until
    /// neither leads to more.
    fn settle(&mut self) {
        let mut more = true;
        while mem::take(&mut more) {
            while let Some(output) = self.core.poll() {
                more = true;
                self.carry_out(output);
            }
            more |= self.transmit();
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.take(&mut self.core);
        }
        self.dial_due();
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Transmit { connection } => {
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.has_bytes = true;
                }
            }
            Output::Disconnect { connection, reason } => {
                self.begin_disconnecting(connection, reason);
            }
            Output::Store(request) => self.store.submit(request),
            Output::Event(event) => self.event(event),
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Ready { feeds } => {
                tracing::info!(feeds, "ready");
                self.begin();
            }
            Event::OpenFailed(failure) => {
                tracing::error!(%failure, "the store could not be read");
                if let Phase::Opening(opening) = mem::replace(&mut self.phase, Phase::Open) {
                    opening.ready.send(Err(failure));
                }
                self.begin_closing();
            }
            Event::Opened { connection, remote } => self.peer_opened(connection, remote),
            _ => {}
        }
        if let Some(event) = self.answer(event) {
            self.subscribers.publish(NodeEvent::Multifeed(event));
        }
    }

    /// Lets the world in, now that the store is read.
    fn begin(&mut self) {
        let Phase::Opening(opening) = mem::replace(&mut self.phase, Phase::Open) else {
            return;
        };
        let Opening { ready, listeners, peers } = *opening;
        for (listener, addr) in listeners {
            if let Err(error) = self.start_listener(listener, addr) {
                tracing::error!(%error, %addr, "listening failed");
            }
        }
        let now = self.now();
        for addr in peers {
            self.dialer.add(now, addr);
        }
        ready.send(Ok(()));
    }

    /// Lets nobody in any more, and lets everyone go.
    fn begin_closing(&mut self) {
        if matches!(self.phase, Phase::Closing { .. }) {
            return;
        }
        self.phase = Phase::Closing { until: self.now() + Duration::from_millis(CLOSE_MS) };
        self.inbox.commands.close();
        self.dialer.clear();
        self.listeners.clear();
        self.leaving = Stop::new();
        for connection in self.connections.keys() {
            self.core.disconnect(*connection);
        }
    }

    fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Closing { until } => {
                let left = self.connections.is_empty() || self.now() >= until;
                left && self.store.is_idle() && self.calls.is_empty()
            }
            _ => false,
        }
    }

    async fn end(mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish(&mut self.core);
        }
        let Self { inbox, store, tasks, subscribers, connections, dials, _ended, .. } = self;
        // Whoever waits to tell us something need not any more, and the store's thread is one.
        drop((inbox, connections, dials, self.to_driver));
        store.close().await;
        tasks.ended().await;
        subscribers.end();
        tracing::info!("closed");
        drop(_ended);
    }

    /// Arms the timer, if something is due before it would fire. An early one is harmless.
    fn set_timer(&mut self) {
        let Some(at) = self.deadline() else { return };
        if self.timer.as_ref().is_none_or(|timer| at < timer.at) {
            let sleep = self.tasks.sleep(at.since(self.now()));
            self.timer = Some(Timer { at, sleep });
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let until = match self.phase {
            Phase::Closing { until } if !self.connections.is_empty() => Some(until),
            _ => None,
        };
        let dial = self.dialer.deadline(self.admission.room());
        let linger = self.connections.values().filter_map(|connection| connection.closing.as_ref());
        let linger = linger.map(|closing| closing.until).min();
        [until, dial, linger, self.core.deadline()].into_iter().flatten().min()
    }
}
