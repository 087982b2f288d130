//! The same differences, reconciled by negentropy, the range-based protocol of nostr.
//!
//! Its ids are hashes of our keys, because a peer could choose keys whose sums cancel. Each missing
//! key adds 32 bytes to its messages, as to ours.

use std::time::Instant;

use multifeed_core::crypto::hash::blake2b;
use multifeed_core::rng::Rng;
use negentropy::{Id, Negentropy, NegentropyStorageVector};

use crate::Difference;
use crate::drive::{Pair, common_keys};

/// The cost of one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) bytes: usize,
    pub(crate) round_trips: usize,
    pub(crate) cpu_us: f64,
}

/// The ids of the feeds that both sides hold.
#[derive(Debug)]
pub(crate) struct Storage {
    common: Vec<[u8; 32]>,
}

impl Storage {
    pub(crate) fn of(pair: &Pair) -> Self {
        Self { common: common_keys(pair.feeds()).map(|key| blake2b(&[&key])).collect() }
    }

    pub(crate) fn measure(&self, (one, two, _): Difference) -> Measured {
        let mut rng = Rng::new([3; 32]);
        let [ours, theirs] = [one, two].map(|count| {
            let only: Vec<[u8; 32]> = (0..count).map(|_| rng.array()).collect();
            let mut storage = NegentropyStorageVector::with_capacity(self.common.len() + count);
            for id in self.common.iter().chain(&only) {
                storage.insert(0, Id::from_byte_array(*id)).expect("the storage is not sealed");
            }
            storage.seal().expect("the storage is not sealed");
            storage
        });
        let mut client = Negentropy::borrowed(&ours, 0).expect("no limit");
        let mut server = Negentropy::borrowed(&theirs, 0).expect("no limit");
        let start = Instant::now();
        let (mut bytes, mut round_trips) = (0, 0);
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let mut query = Some(client.initiate().expect("the client starts once"));
        while let Some(asked) = query {
            let answer = server.reconcile(&asked).expect("an honest query");
            bytes += asked.len() + answer.len();
            round_trips += 1;
            let next = client.reconcile_with_ids(&answer, &mut have, &mut need);
            query = next.expect("an honest answer");
        }
        let cpu_us = start.elapsed().as_secs_f64() * 1e6;
        assert_eq!((have.len(), need.len()), (one, two));
        Measured { bytes: bytes + 32 * (one + two), round_trips, cpu_us }
    }
}
