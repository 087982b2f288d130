//! The peer's channels that are to be rejected.
//!
//! Rule: a rejected channel costs one answer and never the connection. Answers are written when the
//! socket has room, a bounded number in each second; beyond a bound a channel gets no answer, which
//! leaves it unopened at the peer.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::Instant;
use crate::wire::mux::{Batch, MuxMessage};

/// Rejects that are sent to one peer in each [`PERIOD`]: those of a corestore with 1,000 cores that
/// are not known here arrive within the first.
const REJECTS_PER_PERIOD: usize = 1_024;

const PERIOD: Duration = Duration::from_secs(1);

/// The peer's ids of channels that wait to be rejected.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    waiting: VecDeque<u64>,
    period_start: Instant,
    sent_in_period: usize,
}

impl Rejects {
    /// Rejects a channel, unless `waiting_max` others wait already.
    pub(crate) fn push(&mut self, id: u64, waiting_max: usize) {
        if self.waiting.len() < waiting_max {
            self.waiting.push_back(id);
        }
    }

    /// Number of channels that wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When rejects may be sent that have to wait now.
    pub(crate) fn resume_at(&self) -> Option<Instant> {
        let is_spent = self.sent_in_period >= REJECTS_PER_PERIOD;
        (is_spent && !self.waiting.is_empty()).then(|| self.period_start + PERIOD)
    }

    /// Writes the rejects that may be sent now.
    pub(crate) fn compose(&mut self, now: Instant, batch: &mut Batch) {
        if !self.waiting.is_empty() && now >= self.period_start + PERIOD {
            (self.period_start, self.sent_in_period) = (now, 0);
        }
        while self.sent_in_period < REJECTS_PER_PERIOD
            && let Some(local_id) = self.waiting.pop_front()
        {
            batch.push(&MuxMessage::Reject { local_id });
            self.sent_in_period += 1;
        }
    }
}

#[cfg(test)]
mod tests;
