//! Peer sources: their start, and what they report.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::or;
use multifeed_core::PublicKey;
use tracing::Instrument;

use super::{Driver, Phase};
use crate::discovery::report::{Origin, SourceFailure, Step};
use crate::discovery::source::{LEAVE_TIMEOUT_MS, Source, SourceContext};
use crate::error::NodeError;
use crate::events::NodeEvent;
use crate::task_event::TaskEvent;

/// The most sources of a node. A judgement: there are three kinds (LAN, DHT, the application's
/// own), and each source is one task.
const SOURCES_MAX: usize = 16;

impl Driver {
    /// Starts a source, which runs until the node closes.
    pub(super) fn discover(&mut self, source: Box<dyn Source>) -> Result<(), NodeError> {
        if self.sources >= SOURCES_MAX {
            return Err(NodeError::TooMany);
        }
        self.sources += 1;
        let origin = source.origin();
        let context = SourceContext {
            group: self.core.group().clone(),
            key_pair: Arc::clone(&self.key_pair),
            listen_addrs: self.listeners.iter().map(|(addr, _)| *addr).collect(),
            runtime: Arc::clone(&self.tasks.runtime),
            origin,
            events: self.to_driver.events.clone(),
            closed: self.sources_stop.stopped(),
        };
        let (events, closed) = (context.events.clone(), context.closed.clone());
        let run = async move {
            source.run(context).await;
            if !closed.is_closed() {
                let step = Step::Failed(SourceFailure::Ended);
                let _ = events.send(TaskEvent::SourceStep { origin, step }).await;
            }
        };
        let (closed, runtime) = (self.sources_stop.stopped(), self.tasks.runtime.clone());
        let timeout = async move {
            let _ = closed.recv().await;
            runtime.sleep(Duration::from_millis(LEAVE_TIMEOUT_MS)).await;
        };
        let span = tracing::debug_span!("source", %origin);
        self.tasks.spawn_to_end(or(run, timeout).instrument(span));
        Ok(())
    }

    pub(super) fn on_peer_found(
        &mut self,
        origin: Origin,
        remote: Option<PublicKey>,
        addrs: &[SocketAddr],
    ) {
        if matches!(self.phase, Phase::Open) {
            let new = self.dialer.add_discovered(self.now(), origin, remote, addrs);
            tracing::debug!(%origin, addresses = addrs.len(), new, "found");
        }
    }

    pub(super) fn on_source_step(&mut self, origin: Origin, step: Step) {
        if matches!(self.phase, Phase::Open) {
            tracing::debug!(%origin, ?step, "source");
            self.subscribers.publish(NodeEvent::Discovery { origin, step });
        }
    }
}
