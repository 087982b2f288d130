//! What a node tells its subscribers, and the queue in which that waits for them.
//!
//! Rule: publishing never waits and never grows memory. A subscriber that falls behind loses the
//! oldest events and is told how many.

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

use crate::discovery::{Origin, Step};

#[cfg(test)]
mod tests;

/// Something for the application to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeEvent {
    /// The multifeed says so. Answers to calls are not repeated here, except for
    /// [`Event::Appended`].
    Multifeed(Event),
    /// Connections are accepted.
    Listening {
        /// The address with the port that the system chose.
        addr: SocketAddr,
    },
    /// A peer is being dialled.
    Dialling {
        /// Where.
        addr: SocketAddr,
        /// From 1 on, since the address was named or the last connection held.
        attempt: u32,
    },
    /// A byte stream is there; whether a member is behind it, [`Event::Opened`] will tell.
    Connected {
        /// The new connection.
        connection: ConnectionId,
        /// The other end.
        addr: SocketAddr,
        /// Who dialled.
        role: Role,
    },
    /// A source of peers has come so far.
    Discovery {
        /// Which one.
        origin: Origin,
        /// How far.
        step: Step,
    },
    /// Nobody answered.
    DialFailed {
        /// Where.
        addr: SocketAddr,
        /// Why.
        reason: DialFailure,
        /// When the next attempt comes, if one does.
        retry_in: Option<Duration>,
    },
    /// A connection is gone.
    Disconnected {
        /// Which one.
        connection: ConnectionId,
        /// The other end.
        addr: SocketAddr,
        /// Why.
        reason: Ending,
        /// When its address is dialled again, if it is.
        retry_in: Option<Duration>,
    },
    /// This subscriber was too slow: so many events are missing here. What they said is to be
    /// read from the node itself.
    Lagged(u64),
}

/// Why a dial failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DialFailure {
    /// No answer in time.
    TimedOut,
    /// The operating system says so.
    Io(Arc<io::Error>),
}

/// Why a connection ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ending {
    /// The core closed it.
    Core(CloseReason),
    /// There is another connection with the same peer, and one is enough.
    Duplicate,
    /// It made room for a newer one before it had proved anything.
    Crowded,
    /// The peer broke the protocol some minutes ago.
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

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(reason) => reason.fmt(f),
            Self::Duplicate => f.write_str("another connection with the same peer is open"),
            Self::Banned => f.write_str("the peer broke the protocol some minutes ago"),
            Self::Crowded => f.write_str("it made room for a newer connection"),
            Self::EndOfStream => f.write_str("the peer closed the connection"),
            Self::Io(error) => error.fmt(f),
            Self::NodeClosed => f.write_str("the node was closed"),
        }
    }
}

/// One subscriber's queue of events, also a [`Stream`]. It ends when the node has closed.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
    /// The next event, or `None` after the last one. Dropping the future loses none.
    pub async fn next(&mut self) -> Option<NodeEvent> {
        poll_fn(|cx| self.queue.poll(cx)).await
    }

    /// The next event, if there is one already.
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
    missed: u64,
    ended: bool,
    waker: Option<Waker>,
}

impl Queue {
    // Nothing panics while it holds the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<NodeEvent>> {
        let mut state = self.lock();
        match state.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.ended => Poll::Ready(None),
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
            state.missed = state.missed.saturating_add(1);
        }
        state.events.push_back(event);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl QueueState {
    fn pop(&mut self) -> Option<NodeEvent> {
        match std::mem::take(&mut self.missed) {
            0 => self.events.pop_front(),
            missed => Some(NodeEvent::Lagged(missed)),
        }
    }
}

/// Everyone who listens to a node. Clones share one list.
#[derive(Clone, Debug)]
pub(crate) struct Subscribers {
    list: Arc<Mutex<SubscriberList>>,
    events_max: usize,
}

#[derive(Debug, Default)]
struct SubscriberList {
    queues: Vec<Arc<Queue>>,
    ended: bool,
}

impl Subscribers {
    pub(crate) fn new(events_max: usize) -> Self {
        // A queue of none could never say what it lost.
        Self { list: Arc::default(), events_max: events_max.max(1) }
    }

    pub(crate) fn subscribe(&self) -> Events {
        let mut list = self.lock();
        let queue = Arc::new(Queue {
            state: Mutex::new(QueueState {
                events: VecDeque::new(),
                events_max: self.events_max,
                missed: 0,
                ended: list.ended,
                waker: None,
            }),
        });
        list.forget_dropped();
        list.queues.push(Arc::clone(&queue));
        Events { queue }
    }

    pub(crate) fn publish(&self, event: NodeEvent) {
        let mut list = self.lock();
        list.forget_dropped();
        for queue in &list.queues {
            queue.push(event.clone());
        }
    }

    pub(crate) fn end(&self) {
        let mut list = self.lock();
        list.ended = true;
        for queue in list.queues.drain(..) {
            queue.end();
        }
    }

    fn lock(&self) -> MutexGuard<'_, SubscriberList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubscriberList {
    /// A queue that only this list still holds has no reader any more.
    fn forget_dropped(&mut self) {
        self.queues.retain(|queue| Arc::strong_count(queue) > 1);
    }
}
