//! The events of a node, and the queue of each subscriber.
//!
//! Rule: publishing neither waits nor grows memory. A subscriber that falls behind loses the oldest
//! events and learns how many.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fmt, io};

use futures_lite::Stream;
use futures_lite::future::poll_fn;
use multifeed_core::{CloseReason, ConnectionId, Event, Role};

use crate::discovery::report::{Origin, Step};

#[cfg(test)]
mod tests;

/// Something that happened at a node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeEvent {
    /// An event of the core. Answers to calls are not repeated here, except for
    /// [`Event::Appended`].
    Multifeed(Event),
    /// The node accepts connections.
    Listening {
        /// The address with the port that the system chose.
        addr: SocketAddr,
    },
    /// The node dials an address.
    Dialling {
        /// The address.
        addr: SocketAddr,
        /// The number of this attempt, from 1, since the address was added or the last stable
        /// connection ended.
        attempt: u32,
    },
    /// A byte stream is open. [`Event::Opened`] follows once the peer has proved to be a member.
    Connected {
        /// The new connection.
        connection: ConnectionId,
        /// The peer's address.
        addr: SocketAddr,
        /// Our role: initiator if we dialled.
        role: Role,
    },
    /// A peer source reports a step.
    Discovery {
        /// The source.
        origin: Origin,
        /// The step.
        step: Step,
    },
    /// A dial failed.
    DialFailed {
        /// The address.
        addr: SocketAddr,
        /// Why it failed.
        reason: DialFailure,
        /// The time until the next attempt, if there is one.
        retry_in: Option<Duration>,
    },
    /// A connection ended.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
        /// The peer's address.
        addr: SocketAddr,
        /// Why it ended.
        reason: DisconnectReason,
        /// The time until its address is dialled again, if it is.
        retry_in: Option<Duration>,
    },
    /// This subscriber was too slow: this many events were dropped here. Query the node for its
    /// current state.
    Lagged(u64),
}

/// Why a dial failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DialFailure {
    /// The peer did not answer in time.
    TimedOut,
    /// The operating system reported an error.
    Io(Arc<io::Error>),
}

/// Why a connection ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The core closed it.
    Core(CloseReason),
    /// Another connection with the same peer is open.
    Duplicate,
    /// Another connection needed its place: a newer one before its peer proved to be a member, or
    /// one of another network when there were too many.
    Evicted,
    /// The peer violated the protocol recently and is banned.
    Banned,
    /// The peer closed the stream.
    EndOfStream,
    /// Reading or writing failed.
    Io(Arc<io::Error>),
    /// The node was closed.
    NodeClosed,
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(reason) => reason.fmt(f),
            Self::Duplicate => f.write_str("another connection with the same peer is open"),
            Self::Banned => f.write_str("the peer is banned for violating the protocol"),
            Self::Evicted => f.write_str("another connection needed its place"),
            Self::EndOfStream => f.write_str("the peer closed the connection"),
            Self::Io(error) => error.fmt(f),
            Self::NodeClosed => f.write_str("the node was closed"),
        }
    }
}

/// The events for one subscriber, also a [`Stream`]. It ends when the node has closed.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
    /// Waits for the next event; `None` after the last one. Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<NodeEvent> {
        poll_fn(|cx| self.queue.poll(cx)).await
    }

    /// Returns the next event if one is queued.
    pub fn try_next(&mut self) -> Option<NodeEvent> {
        self.queue.lock().pop()
    }
}

impl Stream for Events {
    type Item = NodeEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<NodeEvent>> {
        self.queue.poll(cx)
    }
}

#[derive(Debug)]
struct Queue {
    state: Mutex<QueueState>,
}

#[derive(Debug)]
struct QueueState {
    events: VecDeque<NodeEvent>,
    events_max: usize,
    dropped: u64,
    has_ended: bool,
    waker: Option<Waker>,
}

impl Queue {
    // No code panics while it holds the lock, so the state behind a poisoned lock is valid.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<NodeEvent>> {
        let mut state = self.lock();
        match state.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.has_ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn push(&self, event: NodeEvent) {
        let mut state = self.lock();
        if state.events.len() >= state.events_max {
            state.events.pop_front();
            state.dropped = state.dropped.saturating_add(1);
        }
        state.events.push_back(event);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl QueueState {
    fn pop(&mut self) -> Option<NodeEvent> {
        match std::mem::take(&mut self.dropped) {
            0 => self.events.pop_front(),
            dropped => Some(NodeEvent::Lagged(dropped)),
        }
    }
}

/// The subscribers of a node. Clones share one list.
#[derive(Clone, Debug)]
pub(crate) struct Subscribers {
    list: Arc<Mutex<SubscriberList>>,
    events_max: usize,
}

#[derive(Debug, Default)]
struct SubscriberList {
    queues: Vec<Arc<Queue>>,
    has_ended: bool,
}

impl Subscribers {
    pub(crate) fn new(events_max: usize) -> Self {
        // A queue without room could not even report dropped events.
        Self { list: Arc::default(), events_max: events_max.max(1) }
    }

    pub(crate) fn subscribe(&self) -> Events {
        let mut list = self.lock();
        let queue = Arc::new(Queue {
            state: Mutex::new(QueueState {
                events: VecDeque::new(),
                events_max: self.events_max,
                dropped: 0,
                has_ended: list.has_ended,
                waker: None,
            }),
        });
        list.remove_dropped();
        list.queues.push(Arc::clone(&queue));
        Events { queue }
    }

    pub(crate) fn publish(&self, event: NodeEvent) {
        let mut list = self.lock();
        list.remove_dropped();
        for queue in &list.queues {
            queue.push(event.clone());
        }
    }

    pub(crate) fn end(&self) {
        let mut list = self.lock();
        list.has_ended = true;
        for queue in list.queues.drain(..) {
            queue.end();
        }
    }

    fn lock(&self) -> MutexGuard<'_, SubscriberList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubscriberList {
    /// Removes the queues that no subscriber holds any more.
    fn remove_dropped(&mut self) {
        self.queues.retain(|queue| Arc::strong_count(queue) > 1);
    }
}
