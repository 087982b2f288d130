//! The deadlines of one connection.
//!
//! Rule: each wait has a name in [`Timing`], and [`Connection::deadline`] reports it before
//! [`Connection::due`] acts on it.

use core::time::Duration;

use super::{Connection, Due, Standing};
use crate::config::Timing;
use crate::error::Deadline;
use crate::io::Mode;
use crate::replicate::{Context, Session};
use crate::time::Instant;

impl Connection {
    /// The next time at which [`Connection::due`] has something to do.
    pub(crate) fn deadline(&self, timing: &Timing) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let after = |since: Instant, wait: Option<Duration>| wait.map(|wait| since + wait);
        let (handshake, keep_alive) = if self.owes_handshake() {
            (after(self.clocks.started, timing.handshake), None)
        } else {
            (None, after(self.clocks.sent, timing.keep_alive))
        };
        let request = self.waits_since().and_then(|since| after(since, timing.request));
        let resume = self.session.as_ref().and_then(Session::resume_at);
        let hypercore = self.hypercore.deadline(timing.request);
        let reconciles_since = self.session.as_ref().and_then(Session::reconciles_since);
        let reconcile = reconciles_since.and_then(|since| after(since, timing.reconcile));
        let dead = self.dead_at(timing);
        let rejects = self.rejects.resume_at();
        let all = [handshake, keep_alive, request, resume, reconcile, hypercore, rejects, dead];
        all.into_iter().flatten().min()
    }

    /// Whether the handshake deadline applies. A peer that dialled us may be a stock peer that opens
    /// its first channel later.
    fn owes_handshake(&self) -> bool {
        self.session.is_none() && self.standing == Standing::Unproven
    }

    /// When the peer is considered dead; `None`: silence means nothing. A stock peer may have its
    /// keep-alives turned off, so they are expected only once it has sent one. A long frame has more
    /// time, as long as at least a kilobyte per second arrives, which is a byte per millisecond. A
    /// peer that announces a long frame and sends it more slowly is disconnected.
    fn dead_at(&self, timing: &Timing) -> Option<Instant> {
        let buffered = self.stream.buffered();
        if self.is_stock() && self.clocks.kept_alive.is_none() && buffered == 0 {
            return None;
        }
        let open_frame = Duration::from_millis(buffered as u64);
        timing.dead.map(|wait| self.clocks.received + wait + open_frame)
    }

    /// Since when the peer owes something.
    fn waits_since(&self) -> Option<Instant> {
        match self.mode {
            Mode::Once => self.is_established().then_some(self.clocks.progress),
            Mode::Live => self.session.as_ref()?.waits_since(),
        }
    }

    /// Acts on the deadlines that have passed, and returns what the engine has to do. A peer that
    /// owes blocks for too long is not asked any more.
    pub(crate) fn due(&mut self, context: &mut Context<'_>, timing: &Timing) -> Due {
        let now = context.now;
        let is_over =
            |since: Instant, wait: Option<Duration>| wait.is_some_and(|wait| now >= since + wait);
        if self.is_closed() {
            return Due::Nothing;
        }
        if self.owes_handshake() && is_over(self.clocks.started, timing.handshake) {
            return Due::Close(Deadline::Handshake);
        }
        if self.dead_at(timing).is_some_and(|dead_at| now >= dead_at) {
            return Due::Close(Deadline::Dead);
        }
        let mut due = Due::Nothing;
        if self.mode == Mode::Once && is_over(self.clocks.progress, timing.request) {
            return Due::Close(Deadline::Stalled);
        }
        if let (Some(session), Some(wait)) = (&mut self.session, timing.request)
            && session.is_silent_since(now - wait)
        {
            session.stall(context.assignments, now + wait);
        }
        if let Some(session) = &mut self.session
            && session.reconciles_since().is_some_and(|since| is_over(since, timing.reconcile))
        {
            session.stop_reconciling(context);
            due = Due::Send;
        }
        if let Some(session) = &mut self.session
            && session.resume_at().is_some_and(|resume_at| now >= resume_at)
        {
            session.resume();
            due = Due::Send;
        }
        if self.hypercore.on_timeout(context.assignments, now, timing.request) {
            due = Due::Send;
        }
        if self.rejects.resume_at().is_some_and(|resume_at| now >= resume_at) {
            due = Due::Send;
        }
        if !self.owes_handshake() && is_over(self.clocks.sent, timing.keep_alive) {
            self.clocks.sent = now;
            self.session.iter_mut().for_each(Session::schedule_checkpoint);
            if !self.out.is_empty() {
                // The socket is stuck: a keep-alive would only lengthen the queue.
                return due;
            }
            let sealed = self.stream.send_keep_alive(&mut self.out);
            debug_assert_eq!(sealed, Ok(()));
            due = Due::Send;
        }
        due
    }
}
