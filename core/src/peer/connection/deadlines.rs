//! What the time brings to one connection.
//!
//! Rule: each wait has a name in [`Timing`], and what is due is told before it is done.

use core::time::Duration;

use super::{Connection, Due};
use crate::config::Timing;
use crate::error::Deadline;
use crate::io::Mode;
use crate::replicate::{Context, Session};
use crate::time::Instant;

impl Connection {
    /// When [`Connection::due`] will have something to say.
    pub(crate) fn deadline(&self, timing: &Timing) -> Option<Instant> {
        if self.is_closed {
            return None;
        }
        let after = |since: Instant, wait: Option<Duration>| wait.map(|wait| since + wait);
        let handshake =
            (!self.is_established()).then(|| after(self.started, timing.handshake)).flatten();
        let keep_alive =
            self.is_established().then(|| after(self.sent, timing.keep_alive)).flatten();
        let request = self.waits_since().and_then(|since| after(since, timing.request));
        let resume = self.session.as_ref().and_then(Session::resume_at);
        let link = self.link.deadline(timing.request);
        let reconciles_since = self.session.as_ref().and_then(Session::reconciles_since);
        let reconcile = reconciles_since.and_then(|since| after(since, timing.reconcile));
        let all = [handshake, keep_alive, request, resume, reconcile, link, self.dead_at(timing)];
        all.into_iter().flatten().min()
    }

    /// When the peer counts as dead. A long frame may take its time, as long as it comes with a
    /// kilobyte a second, which is a byte a millisecond; a length that was never meant, or a peer
    /// that drips, does not keep the connection.
    fn dead_at(&self, timing: &Timing) -> Option<Instant> {
        let open_frame = Duration::from_millis(self.stream.buffered() as u64);
        timing.dead.map(|wait| self.heard + wait + open_frame)
    }

    /// Since when the peer has owed us something.
    fn waits_since(&self) -> Option<Instant> {
        match self.mode {
            Mode::Once => self.is_established().then_some(self.progress),
            Mode::Live => self.session.as_ref()?.waits_since(),
        }
    }

    /// What the time has brought. A peer that owes blocks for too long is asked no more.
    pub(crate) fn due(&mut self, context: &mut Context<'_>, timing: &Timing) -> Due {
        let now = context.now;
        let is_over =
            |since: Instant, wait: Option<Duration>| wait.is_some_and(|wait| now >= since + wait);
        if self.is_closed {
            return Due::Nothing;
        }
        if !self.is_established() && is_over(self.started, timing.handshake) {
            return Due::Close(Deadline::Handshake);
        }
        if self.dead_at(timing).is_some_and(|dead_at| now >= dead_at) {
            return Due::Close(Deadline::Dead);
        }
        let mut due = Due::Nothing;
        if self.mode == Mode::Once && is_over(self.progress, timing.request) {
            return Due::Close(Deadline::Stalled);
        }
        if let (Some(session), Some(wait)) = (&mut self.session, timing.request)
            && session.is_silent_since(now - wait)
        {
            session.stall(context.sources, now + wait);
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
        if self.link.time_out(context.sources, now, timing.request) {
            due = Due::Send;
        }
        if self.is_established() && is_over(self.sent, timing.keep_alive) {
            self.sent = now;
            self.session.iter_mut().for_each(Session::schedule_checkpoint);
            if !self.out.is_empty() {
                // The socket is stuck: a sign of life would only make the queue longer.
                return due;
            }
            let sealed = self.stream.send_keep_alive(&mut self.out);
            debug_assert_eq!(sealed, Ok(()));
            due = Due::Send;
        }
        due
    }
}
