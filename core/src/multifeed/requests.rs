//! Open requests of the application.

use crate::error::Misuse;
use crate::id::RequestId;

/// Counts the open requests and numbers new ones.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: usize,
    next: u64,
}

impl Requests {
    /// The number of requests that are not answered yet.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Fails if `max` requests are open.
    pub(super) fn check(&self, max: usize) -> Result<(), Misuse> {
        if self.open < max { Ok(()) } else { Err(Misuse::TooManyRequests) }
    }

    /// Opens a request and returns its number.
    pub(super) fn begin(&mut self) -> RequestId {
        let request = RequestId(self.next);
        self.next += 1;
        self.open += 1;
        request
    }

    /// Closes a request that is being answered.
    pub(super) fn end(&mut self) {
        debug_assert!(self.open > 0, "more requests are answered than were made");
        self.open -= 1;
    }
}
