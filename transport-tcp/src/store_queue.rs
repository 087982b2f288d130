//! The store of a node, and the requests that wait for it.
//!
//! Rule: the driver never waits for the store, but the store may wait for the driver. A request
//! for which the store has no room waits here, and every reply makes room.
//!
//! A disk store has its own thread. A store in memory answers at once on the driver's task, because
//! waking a thread twice costs more than the operation.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::TrySendError;
use std::thread;

use async_channel::{Receiver, Sender};
use multifeed_core::{StoreReply, StoreRequest};
use multifeed_store::{Check, DiskStore, Failure, MemoryStore, StoreThread, execute};

use crate::error::NodeError;
use crate::options::Storage;

/// The most replies that wait for the driver; beyond it the store waits. Derivation: four rounds of
/// the driver (`ROUND_INPUTS_MAX` is 16), so the store thread does not wait for each round.
const REPLIES_MAX: usize = 64;

/// The name of the file in a node's folder.
const FILE: &str = "feeds";

/// A store, and the requests that it has not answered.
pub(crate) struct StoreQueue {
    backend: Backend,
    /// Requests that the store has no room for. The core bounds them by its `Limits`.
    waiting: VecDeque<StoreRequest>,
    unanswered: usize,
    is_lost: bool,
}

/// Opens a store for writing or for reading.
type OpenFile = fn(PathBuf, Check) -> Result<DiskStore, Failure>;

/// Where requests are executed.
enum Backend {
    Disk(StoreThread),
    Memory { store: MemoryStore, replies: Sender<StoreReply> },
}

impl StoreQueue {
    /// Opens a store; its replies arrive on the returned channel.
    pub(crate) async fn open(storage: &Storage) -> Result<(Self, Receiver<StoreReply>), NodeError> {
        let (replies, replies_out) = async_channel::bounded(REPLIES_MAX);
        let backend = match storage {
            Storage::Memory => Backend::Memory { store: MemoryStore::new(), replies },
            Storage::Folder(folder) | Storage::ReadOnlyFolder(folder) => {
                let open: OpenFile = match storage {
                    Storage::ReadOnlyFolder(_) => DiskStore::open_read_only,
                    _ => DiskStore::open,
                };
                let reply = move |reply| {
                    // Fails if the node has ended without waiting for its store.
                    let _ = replies.send_blocking(reply);
                };
                let thread = StoreThread::start(open_disk(folder, open).await?, reply);
                Backend::Disk(thread.map_err(NodeError::Thread)?)
            }
        };
        let queue = Self { backend, waiting: VecDeque::new(), unanswered: 0, is_lost: false };
        Ok((queue, replies_out))
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
        self.send_waiting();
    }

    /// Notes that a request was answered, which makes room for another.
    pub(crate) fn on_reply(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.send_waiting();
    }

    /// Notes that the store thread has panicked: no further reply will arrive.
    pub(crate) fn on_lost(&mut self) {
        self.is_lost = true;
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.is_lost || self.unanswered == 0
    }

    /// Closes the store on a separate thread, because closing waits for the disk.
    pub(crate) async fn close(self) {
        let (closing, closed) = async_channel::bounded::<()>(1);
        let close = move || drop((self, closing));
        // If no thread can be started, the closure is dropped here, which closes the store too.
        let _ = thread::Builder::new().name("multifeed-close".into()).spawn(close);
        let _ = closed.recv().await;
    }

    fn send_waiting(&mut self) {
        while let Some(request) = self.waiting.pop_front() {
            if let Some(request) = self.backend.try_send(request) {
                self.waiting.push_front(request);
                return;
            }
        }
    }
}

impl Backend {
    /// Sends a request, or returns it if there is no room for it now.
    fn try_send(&mut self, request: StoreRequest) -> Option<StoreRequest> {
        match self {
            // If the thread is gone, the end of its channel of replies reports that.
            Self::Disk(thread) => match thread.try_send(request) {
                Err(TrySendError::Full(request)) => Some(request),
                Ok(()) | Err(TrySendError::Disconnected(_)) => None,
            },
            Self::Memory { replies, .. } if replies.is_full() => Some(request),
            Self::Memory { store, replies } => {
                // Each request has one reply, and the channel has room for it.
                execute(store, [request], |reply| _ = replies.try_send(reply));
                None
            }
        }
    }
}

/// Opens a store on a separate thread, because after a crash it reads the whole file.
async fn open_disk(folder: &Path, open_file: OpenFile) -> Result<DiskStore, NodeError> {
    let file = folder.join(FILE);
    let (opened, store) = async_channel::bounded(1);
    let open = move || {
        // Fails only if the caller has dropped the future of `Node::open`.
        let _ = opened.try_send(open_file(file, Check::Quick));
    };
    thread::Builder::new().name("multifeed-open".into()).spawn(open).map_err(NodeError::Thread)?;
    let store: Result<Result<_, Failure>, _> = store.recv().await;
    store.map_err(|_| NodeError::Closed)?.map_err(NodeError::Store)
}
