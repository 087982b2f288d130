//! The task that owns the multifeed.
//!
//! Rule: the driver waits only for its next input. A slow peer, disk or subscriber has its own
//! bounded queue outside.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::mem;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender, TryRecvError};
use futures_lite::future::{or, yield_now};
use multifeed_core::{
    ConnectionId, Event, Input, Instant, KeyPair, Mode, Multifeed, Output, RequestId, StoreFailure,
    StoreReply,
};

use crate::admission::Admission;
use crate::bans::Bans;
use crate::command::{Command, PendingCall, Reply};
use crate::connection::{Connection, Received, ReceivedContent, ToDriver};
use crate::dialer::Dialer;
use crate::events::{NodeEvent, Subscribers};
use crate::recorder::Recorder;
use crate::runtime::traits::BoxFuture;
use crate::store_queue::StoreQueue;
use crate::task_event::TaskEvent;
use crate::tasks::{Stop, Tasks};

mod calls;
mod discovery;
mod network;
pub(crate) mod start;

/// The most inputs of each kind that one round handles before it drains the outputs. A judgement:
/// enough to share the cost of a round, and few enough that a flood of one kind delays the outputs
/// of the others by only 1 MiB of chunks, about 5 ms at the 189 MB/s of the README ("Throughput of
/// one feed").
const ROUND_INPUTS_MAX: usize = 16;

/// The most received chunks of all connections that wait for the driver: one round, 1 MiB. Further
/// readers wait with one chunk each.
const RECEIVED_MAX: usize = ROUND_INPUTS_MAX;

/// The most task events that wait for the driver: four rounds. Each connection has at most one
/// event in progress; listeners and dials wait for room.
const TASK_EVENTS_MAX: usize = 4 * ROUND_INPUTS_MAX;

/// How long a closing node waits for peers to read what it still sends. A judgement: ten round
/// trips of 200 ms, and a user who quits does not wait longer.
const CLOSE_TIMEOUT_MS: u64 = 2_000;

/// The owner of the state of a node.
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
    calls: BTreeMap<RequestId, PendingCall>,
    subscribers: Subscribers,
    dialer: Dialer,
    /// Cancels the dials in progress.
    dials: Stop,
    listeners: Vec<(SocketAddr, Stop)>,
    listeners_max: usize,
    sources: usize,
    /// Tells the sources that the node closes.
    sources_stop: Stop,
    admission: Admission,
    bans: Bans,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u64,
    to_driver: ToDriver,
    /// Closed when the driver is dropped; handles wait for that.
    _ended: Sender<Infallible>,
}

enum Phase {
    /// The store is being read; no connection is accepted yet.
    Opening(Box<Opening>),
    Open,
    /// No call is accepted any more. Connections are cut off at `until` at the latest.
    Closing {
        until: Instant,
    },
}

/// What to start once the store is read.
struct Opening {
    ready: Reply<Result<(), StoreFailure>>,
    listeners: Vec<(TcpListener, SocketAddr)>,
    peers: Vec<SocketAddr>,
}

struct Inbox {
    commands: Receiver<Command>,
    received: Receiver<Received>,
    task_events: Receiver<TaskEvent>,
    stored: Receiver<StoreReply>,
}

struct Timer {
    at: Instant,
    sleep: BoxFuture<'static, ()>,
}

enum DriverInput {
    Command(Command),
    /// No handle is left, or a handle closed the node.
    Closed,
    Received(Received),
    TaskEvent(TaskEvent),
    Stored(StoreReply),
    StoreLost,
    Timeout,
}

impl Driver {
    pub(crate) fn spawn(self) {
        use tracing::Instrument;
        let runtime = std::sync::Arc::clone(&self.tasks.runtime);
        runtime.spawn(Box::pin(self.run().instrument(tracing::info_span!("node"))));
    }

    async fn run(mut self) {
        self.drain_outputs();
        while !self.is_finished() {
            let input = self.next_input().await;
            self.on_input(input);
            let may_have_more = self.handle_ready();
            // Under constant input `next_input` never polls the timer, so check it here.
            if self.timer.as_ref().is_some_and(|timer| timer.at <= self.now()) {
                self.on_input(DriverInput::Timeout);
            }
            self.drain_outputs();
            if may_have_more {
                // Let other tasks of this thread run.
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
    async fn next_input(&mut self) -> DriverInput {
        self.set_timer();
        let is_closing = matches!(self.phase, Phase::Closing { .. });
        let Inbox { commands, received, task_events, stored } = &self.inbox;
        let command = async {
            if is_closing {
                std::future::pending::<()>().await;
            }
            commands.recv().await.map_or(DriverInput::Closed, DriverInput::Command)
        };
        // The driver holds a sender of both channels, so neither closes before it ends.
        let received = async {
            match received.recv().await {
                Ok(received) => DriverInput::Received(received),
                Err(_) => std::future::pending().await,
            }
        };
        let task_event = async {
            match task_events.recv().await {
                Ok(event) => DriverInput::TaskEvent(event),
                Err(_) => std::future::pending().await,
            }
        };
        let is_store_lost = self.store.is_lost();
        let stored = async {
            if is_store_lost {
                std::future::pending::<()>().await;
            }
            stored.recv().await.map_or(DriverInput::StoreLost, DriverInput::Stored)
        };
        let timer = &mut self.timer;
        let timeout = async {
            match timer {
                Some(timer) => (&mut timer.sleep).await,
                None => std::future::pending().await,
            }
            DriverInput::Timeout
        };
        or(or(stored, task_event), or(or(received, command), timeout)).await
    }

    /// Handles the inputs that are ready, up to the limit of a round. Returns whether there may be
    /// more.
    fn handle_ready(&mut self) -> bool {
        (0..ROUND_INPUTS_MAX).all(|_| self.handle_one_of_each())
    }

    /// Handles one ready input of each kind. Returns whether there was any.
    fn handle_one_of_each(&mut self) -> bool {
        let mut any = false;
        let mut handle = |driver: &mut Self, input: Option<DriverInput>| {
            if let Some(input) = input {
                any = true;
                driver.on_input(input);
            }
        };
        let stored = self.inbox.stored.try_recv().ok().map(DriverInput::Stored);
        handle(self, stored);
        let task_event = self.inbox.task_events.try_recv().ok().map(DriverInput::TaskEvent);
        handle(self, task_event);
        let received = self.inbox.received.try_recv().ok().map(DriverInput::Received);
        handle(self, received);
        if !matches!(self.phase, Phase::Closing { .. }) {
            let command = match self.inbox.commands.try_recv() {
                Ok(command) => Some(DriverInput::Command(command)),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Closed) => Some(DriverInput::Closed),
            };
            handle(self, command);
        }
        any
    }

    fn on_input(&mut self, input: DriverInput) {
        let now = self.now();
        match input {
            DriverInput::Command(command) => self.on_command(command),
            DriverInput::Closed => self.begin_closing(),
            DriverInput::Received(received) => self.on_received(received),
            DriverInput::TaskEvent(event) => self.on_task_event(event),
            DriverInput::Stored(reply) => {
                self.store.on_reply();
                self.core.handle(now, Input::Stored(reply));
            }
            DriverInput::StoreLost => {
                tracing::error!("the store's thread ended unexpectedly");
                self.store.on_lost();
                self.calls.clear();
                self.begin_closing();
            }
            DriverInput::Timeout => {
                self.timer = None;
                self.core.handle(now, Input::Timeout);
                self.cut_off_lingering();
            }
        }
    }

    fn on_received(&mut self, Received { connection, content }: Received) {
        match content {
            ReceivedContent::Bytes(bytes) => {
                let input = Input::Received { connection, bytes: &bytes };
                self.core.handle(self.now(), input);
            }
            ReceivedContent::End(error) => {
                // The core's reaction to the peer's last bytes is a better reason than their end.
                self.drain_outputs();
                self.on_stream_end(connection, error);
            }
        }
    }

    /// Executes the outputs of the core, and fills idle writers, until neither causes more.
    fn drain_outputs(&mut self) {
        let mut has_more = true;
        while mem::take(&mut has_more) {
            while let Some(output) = self.core.poll() {
                has_more = true;
                self.on_output(output);
            }
            has_more |= self.transmit();
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.record_round(&mut self.core);
        }
        self.dial_due();
    }

    fn on_output(&mut self, output: Output) {
        match output {
            Output::Transmit { connection } => {
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.has_bytes = true;
                }
            }
            Output::Disconnect { connection, reason } => {
                self.on_core_disconnect(connection, reason);
            }
            Output::Store(request) => self.store.submit(request),
            Output::Event(event) => self.on_event(event),
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Identified { connection, remote } => {
                return self.on_peer_identified(connection, remote);
            }
            Event::Ready { feeds } => {
                tracing::info!(feeds, "ready");
                self.on_ready();
            }
            Event::OpenFailed(failure) => {
                tracing::error!(%failure, "the store could not be read");
                if let Phase::Opening(opening) = mem::replace(&mut self.phase, Phase::Open) {
                    opening.ready.send(Err(failure));
                }
                self.begin_closing();
            }
            Event::Opened { connection, remote } => self.on_peer_opened(connection, remote),
            Event::Synced { connection } => self.admission.on_synced(connection),
            _ => {}
        }
        if let Some(event) = self.answer_call(event) {
            self.subscribers.publish(NodeEvent::Multifeed(event));
        }
    }

    /// Starts to listen and dial, now that the store is read.
    fn on_ready(&mut self) {
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

    /// Stops accepting and dialling, and closes every connection.
    fn begin_closing(&mut self) {
        if matches!(self.phase, Phase::Closing { .. }) {
            return;
        }
        let until = self.now() + Duration::from_millis(CLOSE_TIMEOUT_MS);
        self.phase = Phase::Closing { until };
        self.inbox.commands.close();
        self.dialer.clear();
        self.listeners.clear();
        self.sources_stop = Stop::new();
        for connection in self.connections.keys() {
            self.core.disconnect(*connection);
        }
    }

    fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Closing { until } => {
                let is_disconnected = self.connections.is_empty() || self.now() >= until;
                is_disconnected && self.store.is_idle() && self.calls.is_empty()
            }
            _ => false,
        }
    }

    async fn end(mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish(&mut self.core);
        }
        let Self { inbox, store, tasks, subscribers, connections, dials, _ended, .. } = self;
        // Releases every task that waits to send to the driver, among them the store's thread.
        drop((inbox, connections, dials, self.to_driver));
        store.close().await;
        tasks.ended().await;
        subscribers.end();
        tracing::info!("closed");
        drop(_ended);
    }

    /// Sets the timer if a deadline is earlier than the current timer. A timer that fires too early
    /// is harmless.
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
        let dial = self.dialer.deadline(self.admission.dial_budget());
        let linger = self.connections.values().filter_map(|connection| connection.closing.as_ref());
        let linger = linger.map(|closing| closing.until).min();
        [until, dial, linger, self.core.deadline()].into_iter().flatten().min()
    }
}
