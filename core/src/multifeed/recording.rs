//! Records the inputs and calls of a multifeed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Multifeed;
use crate::config::Config;
use crate::step::{Opening, Step};

impl Multifeed {
    /// Opens a multifeed that records every input and call from the first on, to be replayed by
    /// [`record::replay`](crate::record::replay). The record contains every secret.
    pub fn open_recorded(config: Config) -> Self {
        let opening = Opening::of(&config);
        let mut multifeed = Self::open(config);
        multifeed.record = Some(Vec::new());
        multifeed.record_step(|| Step::Open(Box::new(opening)));
        multifeed
    }

    /// Takes what was recorded since the last call. Call it after each iteration of the driving
    /// loop and concatenate the results in order.
    pub fn take_record(&mut self) -> Vec<u8> {
        self.record.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Records a hash of the state, which a replay compares with its own.
    pub fn record_state(&mut self) {
        let hash = self.state_hash();
        self.record_step(|| Step::State { hash });
    }

    pub(super) fn record_step(&mut self, step: impl FnOnce() -> Step) {
        if let Some(record) = &mut self.record {
            step().write(record);
        }
    }
}
