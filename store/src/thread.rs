//! A store on a thread of its own.
//!
//! Rule: what is queued while a group syncs makes the next group, so that a slow disk gets fewer
//! and larger ones.

use std::io;
use std::sync::mpsc::{Receiver, SendError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

use multifeed_core::{StoreReply, StoreRequest};

use crate::{Store, carry_out};

#[cfg(test)]
mod tests;

/// Requests that wait for the thread, and so also the largest group. Groups of 100 are within a
/// tenth of the best throughput measured; ten of them in the queue hide a pause of the sender.
pub const QUEUE_REQUESTS_MAX: usize = 1024;

/// A thread that owns a store and carries out requests. Dropping it waits until all that was sent
/// is carried out and answered.
#[derive(Debug)]
pub struct StoreThread {
    worker: Worker<StoreRequest>,
}

impl StoreThread {
    /// Starts the thread; `reply` is called on it, and as long as it runs, the store stands still.
    pub fn start(
        mut store: impl Store + Send + 'static,
        mut reply: impl FnMut(StoreReply) + Send + 'static,
    ) -> io::Result<Self> {
        let worker = Worker::start(move |batch| carry_out(&mut store, batch, &mut reply))?;
        Ok(Self { worker })
    }

    /// Hands over a request, and waits while the queue is full: for programs made of threads. The
    /// request comes back if the thread has ended by a panic.
    pub fn send(&self, request: StoreRequest) -> Result<(), SendError<StoreRequest>> {
        self.worker.queue().send(request)
    }

    /// Hands over a request, or gives it back at once if the queue is full: for async programs,
    /// which try again after the next reply.
    pub fn try_send(&self, request: StoreRequest) -> Result<(), TrySendError<StoreRequest>> {
        self.worker.queue().try_send(request)
    }
}

/// A thread that is handed jobs, as many at once as are there.
#[derive(Debug)]
struct Worker<J> {
    /// `None` only while being dropped.
    queue: Option<SyncSender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Worker<J> {
    fn start(work: impl FnMut(Vec<J>) + Send + 'static) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_REQUESTS_MAX);
        let thread = Builder::new().name("multifeed-store".into()).spawn(|| run(jobs, work))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }
}

impl<J> Worker<J> {
    fn queue(&self) -> &SyncSender<J> {
        self.queue.as_ref().expect("only drop takes the queue")
    }
}

fn run<J>(jobs: Receiver<J>, mut work: impl FnMut(Vec<J>)) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(QUEUE_REQUESTS_MAX - 1));
        work(batch);
    }
}

impl<J> Drop for Worker<J> {
    fn drop(&mut self) {
        // The thread ends when it has taken all that the closed queue still holds.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A reply may be what drops the last handle: then this is the thread itself, which
            // cannot wait for its own end.
            if thread.thread().id() != std::thread::current().id() {
                // A panic was told by the panic hook, and drop must not panic again.
                let _ = thread.join();
            }
        }
    }
}
