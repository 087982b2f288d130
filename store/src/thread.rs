//! A store on its own thread.
//!
//! Rule: requests that arrive while a group syncs form the next group, so a slow disk gets fewer
//! and larger groups.

use std::io;
use std::sync::mpsc::{Receiver, SendError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

use multifeed_core::{StoreReply, StoreRequest};

use crate::group_commit::execute;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// The most requests that wait for the thread, and therefore the largest group.
///
/// Groups of 100 appends reach 143,253 appends a second (README, "Why redb"), within a tenth of the
/// best throughput measured. Ten such groups in the queue keep the disk busy while the sender
/// pauses: about 7 ms of work.
pub const QUEUE_REQUESTS_MAX: usize = 1024;

/// A thread that owns a store and executes requests. Dropping it waits until every request sent so
/// far is executed and answered.
#[derive(Debug)]
pub struct StoreThread {
    worker: Worker<StoreRequest>,
}

impl StoreThread {
    /// Starts the thread. It calls `reply` itself, so the store stands still while `reply` runs.
    pub fn start(
        mut store: impl Store + Send + 'static,
        mut reply: impl FnMut(StoreReply) + Send + 'static,
    ) -> io::Result<Self> {
        let worker = Worker::start(move |batch| execute(&mut store, batch, &mut reply))?;
        Ok(Self { worker })
    }

    /// Sends a request and blocks while the queue is full: for synchronous programs. Returns the
    /// request if the thread has panicked.
    pub fn send(&self, request: StoreRequest) -> Result<(), SendError<StoreRequest>> {
        self.worker.queue().send(request)
    }

    /// Sends a request, or returns it at once if the queue is full: for async programs, which try
    /// again after the next reply.
    pub fn try_send(&self, request: StoreRequest) -> Result<(), TrySendError<StoreRequest>> {
        self.worker.queue().try_send(request)
    }
}

/// A thread that processes jobs in batches of all jobs that are queued.
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
        // The thread ends once it has processed everything that the closed queue still holds.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A reply may drop the last handle. Then this code runs on the worker itself, which
            // cannot join itself.
            if thread.thread().id() != std::thread::current().id() {
                // The panic hook has already reported a panic, and drop must not panic again.
                let _ = thread.join();
            }
        }
    }
}
