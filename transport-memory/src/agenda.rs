//! What is to happen, and when.
//!
//! Rule: the seed decides between events of one moment, so that no test can come to depend on the
//! order in which they were entered.

use std::cmp::Reverse;

use dary_heap::QuaternaryHeap;
use multifeed_core::rng::Rng;

#[cfg(test)]
mod tests;

/// Most events that wait at once; a world that enters more has lost a bound somewhere else.
const EVENTS_MAX: usize = 1 << 26;

/// Whether a world with nothing else to do is at rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Urgency {
    /// Something is under way.
    Work,
    /// A timer: it goes on for ever.
    Chore,
}

/// Events in the order of their moments.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: QuaternaryHeap<Reverse<Entry<T>>>,
    work: usize,
    entered: u32,
}

#[derive(Debug)]
struct Entry<T> {
    at: u64,
    /// A random half and a serial half: the one shuffles, the other makes the order total.
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

impl<T> Agenda<T> {
    pub(crate) fn new() -> Self {
        Self { heap: QuaternaryHeap::new(), work: 0, entered: 0 }
    }

    /// Enters an event at a moment in microseconds.
    pub(crate) fn enter(&mut self, at: u64, urgency: Urgency, what: T, chance: &mut Rng) {
        assert!(self.heap.len() < EVENTS_MAX, "more than {EVENTS_MAX} events wait");
        let tie = chance.u64() << 32 | u64::from(self.entered);
        self.entered = self.entered.wrapping_add(1);
        self.work += usize::from(urgency == Urgency::Work);
        self.heap.push(Reverse(Entry { at, tie, urgency, what }));
    }

    /// The moment of the next event.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.0.at)
    }

    /// Takes the next event and its moment.
    pub(crate) fn take(&mut self) -> Option<(u64, T)> {
        let Reverse(entry) = self.heap.pop()?;
        self.work -= usize::from(entry.urgency == Urgency::Work);
        Some((entry.at, entry.what))
    }

    /// Nothing but timers is left.
    pub(crate) fn is_idle(&self) -> bool {
        self.work == 0
    }
}
