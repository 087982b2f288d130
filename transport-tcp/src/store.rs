//! The store's side of a node.
//!
//! Rule: the driver never waits for the store, and the store may wait for the driver. So a request
//! for which the store has no room waits here, and every answer makes room. A disk has a thread of
//! its own; memory answers at once, for waking a thread twice would cost more than what it does.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::TrySendError;
use std::thread;

use async_channel::{Receiver, Sender};
use multifeed_core::{StoreReply, StoreRequest};
use multifeed_store::{Check, DiskStore, Failure, MemoryStore, StoreThread, carry_out};

use crate::error::NodeError;
use crate::options::Storage;

/// Answers that wait for the driver; the store stands still beyond it. As many as a driver takes in
/// some rounds.
const ANSWERS_MAX: usize = 64;

/// The file in a node's folder.
const FILE: &str = "feeds";

/// A store, and the requests that it has not answered.
pub(crate) struct StoreQueue {
    keeper: Keeper,
    /// The core bounds them: it asks no more of its store than its `Limits` say.
    waiting: VecDeque<StoreRequest>,
    unanswered: usize,
    is_gone: bool,
}

/// Who carries requests out.
enum Keeper {
    Disk(StoreThread),
    Memory { store: MemoryStore, answers: Sender<StoreReply> },
}

impl StoreQueue {
    /// Opens a store; its answers come out of the channel.
    pub(crate) async fn open(storage: &Storage) -> Result<(Self, Receiver<StoreReply>), NodeError> {
        let (answers, answers_out) = async_channel::bounded(ANSWERS_MAX);
        let keeper = match storage {
            Storage::Memory => Keeper::Memory { store: MemoryStore::new(), answers },
            Storage::Folder(folder) => {
                let reply = move |reply| {
                    // Nobody listens any more when the node has ended without waiting for its
                    // store.
                    let _ = answers.send_blocking(reply);
                };
                let thread = StoreThread::start(open_disk(folder).await?, reply);
                Keeper::Disk(thread.map_err(NodeError::Thread)?)
            }
        };
        let queue = Self { keeper, waiting: VecDeque::new(), unanswered: 0, is_gone: false };
        Ok((queue, answers_out))
    }

    pub(crate) fn submit(&mut self, request: StoreRequest) {
        tracing::debug_span!("store").in_scope(|| match &request {
            StoreRequest::Read(read) => tracing::trace!(keys = read.keys().len(), "read"),
            StoreRequest::Scan(scan) => tracing::trace!(entries_max = scan.entries_max(), "scan"),
            StoreRequest::Commit(commit) => {
                tracing::trace!(writes = commit.writes().len(), "commit");
            }
        });
        self.unanswered += 1;
        self.waiting.push_back(request);
        self.hand_over();
    }

    /// A request is answered, which makes room for another.
    pub(crate) fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.hand_over();
    }

    /// The thread has ended by a panic: nothing will be answered any more.
    pub(crate) fn gone(&mut self) {
        self.is_gone = true;
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.is_gone || self.unanswered == 0
    }

    /// Closes the store on a thread of its own: that waits for the disk once more.
    pub(crate) async fn close(self) {
        let (closing, closed) = async_channel::bounded::<()>(1);
        let close = move || drop((self, closing));
        // Without a thread it closes here, late but in order.
        let _ = thread::Builder::new().name("multifeed-close".into()).spawn(close);
        let _ = closed.recv().await;
    }

    fn hand_over(&mut self) {
        while let Some(request) = self.waiting.pop_front() {
            if let Some(request) = self.keeper.take(request) {
                self.waiting.push_front(request);
                return;
            }
        }
    }
}

impl Keeper {
    /// Takes a request, or gives it back while there is no room for it.
    fn take(&mut self, request: StoreRequest) -> Option<StoreRequest> {
        match self {
            // A thread that is gone tells so by the end of its answers.
            Self::Disk(thread) => match thread.try_send(request) {
                Err(TrySendError::Full(request)) => Some(request),
                Ok(()) | Err(TrySendError::Disconnected(_)) => None,
            },
            Self::Memory { answers, .. } if answers.is_full() => Some(request),
            Self::Memory { store, answers } => {
                // Each request has one answer, and there is room for it.
                carry_out(store, [request], |reply| _ = answers.try_send(reply));
                None
            }
        }
    }
}

/// Opens a store on a thread: after a crash it reads the whole file.
async fn open_disk(folder: &Path) -> Result<DiskStore, NodeError> {
    let file = folder.join(FILE);
    let (opened, store) = async_channel::bounded(1);
    let open = move || {
        // It fails only when the node is not wanted any more.
        let _ = opened.try_send(DiskStore::open(file, Check::Quick));
    };
    thread::Builder::new().name("multifeed-open".into()).spawn(open).map_err(NodeError::Thread)?;
    let store: Result<Result<_, Failure>, _> = store.recv().await;
    store.map_err(|_| NodeError::Closed)?.map_err(NodeError::Store)
}
