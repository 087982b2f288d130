//! The store's side of a node.
//!
//! Rule: the driver never waits for the store, and the store may wait for the driver. So a request
//! for which the store has no room waits here, and every answer makes room.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use async_channel::{Receiver, Sender};
use bytes::Bytes;
use multifeed_core::{StoreKey, StoreReply, StoreRequest, Write};

use crate::error::NodeError;
use crate::options::Storage;

/// Answers that wait for the driver; the store stands still beyond it.
const ANSWERS_MAX: usize = 256;

/// Requests that wait for the store's thread.
const REQUESTS_MAX: usize = 1_024;

/// A store on its own thread, and the requests that it has not answered.
pub(crate) struct StoreQueue {
    thread: SyncSender<StoreRequest>,
    /// The core bounds them: it asks no more of its store than its `Limits` say.
    waiting: VecDeque<StoreRequest>,
    unanswered: usize,
    is_gone: bool,
}

impl StoreQueue {
    /// Opens a store; its answers come out of the channel.
    pub(crate) fn open(storage: &Storage) -> Result<(Self, Receiver<StoreReply>), NodeError> {
        let (answers, answers_out) = async_channel::bounded(ANSWERS_MAX);
        let thread = match storage {
            Storage::Memory => memory(answers).map_err(NodeError::Store)?,
            Storage::Folder(_) => {
                return Err(NodeError::Store(std::io::ErrorKind::Unsupported.into()));
            }
        };
        let queue = Self { thread, waiting: VecDeque::new(), unanswered: 0, is_gone: false };
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

    fn hand_over(&mut self) {
        while let Some(request) = self.waiting.pop_front() {
            // A thread that is gone tells so by the end of its answers.
            if let Err(TrySendError::Full(request)) = self.thread.try_send(request) {
                self.waiting.push_front(request);
                return;
            }
        }
    }
}

fn memory(answers: Sender<StoreReply>) -> std::io::Result<SyncSender<StoreRequest>> {
    let (requests_in, requests) = sync_channel(REQUESTS_MAX);
    std::thread::Builder::new().name("multifeed-store".into()).spawn(move || {
        let mut entries = BTreeMap::new();
        for request in requests {
            // Nobody listens any more when the node has ended without waiting for its store.
            if answers.send_blocking(carry_out(&mut entries, request)).is_err() {
                return;
            }
        }
    })?;
    Ok(requests_in)
}

fn carry_out(entries: &mut BTreeMap<StoreKey, Bytes>, request: StoreRequest) -> StoreReply {
    match request {
        StoreRequest::Read(read) => {
            let values = read.keys().iter().map(|key| entries.get(key).cloned()).collect();
            read.found(values)
        }
        StoreRequest::Scan(scan) => {
            let mut bytes = 0;
            let run = entries.range(scan.from()..scan.until()).take(scan.entries_max());
            let run = run.enumerate().take_while(|(n, (_, value))| {
                bytes += value.len();
                *n == 0 || bytes <= scan.bytes_max()
            });
            let found = run.map(|(_, (key, value))| (*key, value.clone())).collect();
            scan.found(found)
        }
        StoreRequest::Commit(commit) => {
            for write in commit.writes() {
                match write {
                    Write::Put(key, value) => entries.insert(*key, value.clone()),
                    Write::Delete(key) => entries.remove(key),
                };
            }
            commit.durable()
        }
    }
}
