//! Sources: how they begin, and what they tell.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::or;
use tracing::Instrument;

use super::{Driver, Notice, Phase};
use crate::discovery::{LEAVE_MS, Meeting, Source, SourceFailure, Step};
use crate::error::NodeError;
use crate::events::NodeEvent;

/// More kinds of places to meet than there are.
const SOURCES_MAX: usize = 16;

impl Driver {
    /// Starts a source, until the node closes.
    pub(super) fn discover(&mut self, source: Box<dyn Source>) -> Result<(), NodeError> {
        if self.sources >= SOURCES_MAX {
            return Err(NodeError::TooMany);
        }
        self.sources += 1;
        let origin = source.origin();
        let meeting = Meeting {
            group: self.core.group().clone(),
            key_pair: Arc::clone(&self.key_pair),
            listening: self.listeners.iter().map(|(addr, _)| *addr).collect(),
            runtime: Arc::clone(&self.tasks.runtime),
            origin,
            notices: self.to_driver.1.clone(),
            left: self.leaving.stopped(),
        };
        let (notices, left) = (meeting.notices.clone(), meeting.left.clone());
        let late = self.tasks.runtime.clone();
        let run = async move {
            source.run(meeting).await;
            if !left.is_closed() {
                let step = Step::Failed(SourceFailure::Ended);
                let _ = notices.send(Notice::Step { origin, step }).await;
            }
        };
        let left = self.leaving.stopped();
        let late = async move {
            let _ = left.recv().await;
            late.sleep(Duration::from_millis(LEAVE_MS)).await;
        };
        let span = tracing::debug_span!("source", %origin);
        self.tasks.spawn_to_end(or(run, late).instrument(span));
        Ok(())
    }

    pub(super) fn source_told(&mut self, notice: Notice) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        match notice {
            Notice::Found { origin, remote, addrs } => {
                let new = self.dialer.found(self.now(), origin, remote, &addrs);
                tracing::debug!(%origin, addresses = addrs.len(), new, "found");
            }
            Notice::Step { origin, step } => {
                tracing::debug!(%origin, ?step, "source");
                self.subscribers.publish(NodeEvent::Discovery { origin, step });
            }
            _ => {}
        }
    }
}
