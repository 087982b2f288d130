//! The queue of future events.
//!
//! Rule: the seed decides the order of simultaneous events, so no test can depend on the order in
//! which they were scheduled.

use std::cmp::Reverse;

use dary_heap::QuaternaryHeap;
use multifeed_core::rng::Rng;

#[cfg(test)]
mod tests;

/// Largest number of queued events; a world that schedules more has lost a bound elsewhere.
const EVENTS_MAX: usize = 1 << 26;

/// Whether an event keeps the world from being idle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Urgency {
    /// Work in progress.
    Work,
    /// A timer, which repeats forever.
    Background,
}

/// Events ordered by time.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    heap: QuaternaryHeap<Reverse<Entry<T>>>,
    work: usize,
    entered: u32,
}

#[derive(Debug)]
struct Entry<T> {
    at: u64,
    /// A random upper half shuffles events; a serial lower half makes the order total.
    tie: u64,
    urgency: Urgency,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.tie) == (other.at, other.tie)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.tie).cmp(&(other.at, other.tie))
    }
}

impl<T> EventQueue<T> {
    pub(crate) fn new() -> Self {
        Self { heap: QuaternaryHeap::new(), work: 0, entered: 0 }
    }

    /// Schedules an event; `at` is in microseconds.
    pub(crate) fn schedule(&mut self, at: u64, urgency: Urgency, what: T, rng: &mut Rng) {
        assert!(self.heap.len() < EVENTS_MAX, "more than {EVENTS_MAX} events wait");
        let tie = rng.u64() << 32 | u64::from(self.entered);
        self.entered = self.entered.wrapping_add(1);
        self.work += usize::from(urgency == Urgency::Work);
        self.heap.push(Reverse(Entry { at, tie, urgency, what }));
    }

    /// The time of the next event.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.0.at)
    }

    /// Takes the next event and its time.
    pub(crate) fn take(&mut self) -> Option<(u64, T)> {
        let Reverse(entry) = self.heap.pop()?;
        self.work -= usize::from(entry.urgency == Urgency::Work);
        Some((entry.at, entry.what))
    }

    /// Whether only background events are left.
    pub(crate) fn is_idle(&self) -> bool {
        self.work == 0
    }
}
