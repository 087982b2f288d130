//! A multifeed that writes down what crosses its border.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Multifeed;
use crate::config::Config;
use crate::record::{Opening, Step, state_hash};

impl Multifeed {
    /// Opens a multifeed that records every input and call from the first on, to be done again
    /// with [`record::replay`](crate::record::replay). The record holds every secret.
    pub fn open_recorded(config: Config) -> Self {
        let opening = Opening {
            group_key: *config.group.key(),
            topic: *config.group.topic(),
            seed: config.seed,
            identity: config.identity.as_ref().map(|key_pair| *key_pair.seed()),
            limits: config.limits.clone(),
            timing: config.timing.clone(),
            take: config.take,
        };
        let mut multifeed = Self::open(config);
        multifeed.record = Some(Vec::new());
        multifeed.record_step(|| Step::Open(Box::new(opening)));
        multifeed
    }

    /// Takes what was recorded since the last call: to be called after each turn of the loop, and
    /// put together in order.
    pub fn take_record(&mut self) -> Vec<u8> {
        self.record.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Writes down what is held now, for a replay to be compared with.
    pub fn record_state(&mut self) {
        let hash = state_hash(self);
        self.record_step(|| Step::State { hash });
    }

    pub(super) fn record_step(&mut self, step: impl FnOnce() -> Step) {
        if let Some(record) = &mut self.record {
            step().write(record);
        }
    }
}
