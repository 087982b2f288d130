//! The interface between a node and its peer sources.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use multifeed_core::{Group, KeyPair, PublicKey};

use super::report::{Origin, Step};
use crate::runtime::traits::{BoxFuture, Runtime};
use crate::task_event::TaskEvent;

/// How long a source may take to withdraw its announcement when its node closes. Derivation: the
/// DHT source needs at most 1 s (`WITHDRAW_TIMEOUT_MS`), and the node has 2 s to close
/// (`CLOSE_TIMEOUT_MS`).
pub(crate) const LEAVE_TIMEOUT_MS: u64 = 1_500;

/// Finds peers.
pub trait Source: Send + 'static {
    /// Returns the origin of the addresses that it reports.
    fn origin(&self) -> Origin;

    /// Announces this node and finds peers, until [`SourceContext::closed`] resolves. It then has
    /// one and a half seconds to withdraw its announcement, after which the future is dropped.
    fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, ()>;
}

/// What a source knows of its node, and how it reports to it.
pub struct SourceContext {
    pub(crate) group: Group,
    pub(crate) key_pair: Arc<KeyPair>,
    pub(crate) listen_addrs: Vec<SocketAddr>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) origin: Origin,
    pub(crate) events: Sender<TaskEvent>,
    pub(crate) closed: Receiver<Infallible>,
}

impl SourceContext {
    /// Returns the group whose members search for each other. Its key must not leave this process.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Returns the key pair by whose public key peers know this node.
    pub fn key_pair(&self) -> &KeyPair {
        &self.key_pair
    }

    /// Returns the addresses on which the node listened when the source was started. If it listens
    /// on all interfaces, the unspecified address is returned as such.
    pub fn listen_addrs(&self) -> &[SocketAddr] {
        &self.listen_addrs
    }

    /// Reports addresses of one peer, with its key if known. Waits while the node is busy.
    pub async fn report_peer(&self, remote: Option<PublicKey>, addrs: Vec<SocketAddr>) {
        self.send(TaskEvent::PeerFound { origin: self.origin, remote, addrs }).await;
    }

    /// Reports progress to the node's subscribers. Waits while the node is busy.
    pub async fn report_step(&self, step: Step) {
        self.send(TaskEvent::SourceStep { origin: self.origin, step }).await;
    }

    /// Resolves after `duration`, on the node's runtime.
    pub async fn sleep(&self, duration: Duration) {
        self.runtime.sleep(duration).await;
    }

    /// Resolves when the node closes.
    pub async fn closed(&self) {
        let _ = self.closed.recv().await;
    }

    async fn send(&self, event: TaskEvent) {
        // Fails only if the driver is gone.
        let _ = self.events.send(event).await;
    }
}
