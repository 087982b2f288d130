//! Two sides and the sessions between them. What is measured is driven from here alone.

use std::time::Instant;

use multifeed_core::fuzzing::{SessionEnd, Side, reconcile, reconcile_known};
use multifeed_core::rng::Rng;

use crate::{Acquaintance, Difference};

/// What sessions took, on average, and in the best case for time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) bytes: f64,
    pub(crate) flights: f64,
    pub(crate) cpu_us: f64,
    /// Sessions of a hundred that had to be begun again.
    pub(crate) again_percent: f64,
}

/// Two sides that hold the same.
#[derive(Debug)]
pub(crate) struct Pair {
    sides: [Side; 2],
    keys: Vec<[u8; 32]>,
}

impl Pair {
    pub(crate) fn of(feeds: usize) -> Self {
        let mut sides = [0, 1].map(|_| Side::for_feeds(&[9; 32], feeds));
        for side in &mut sides {
            common_keys(feeds).for_each(|key| side.insert(key, length_of(&key)));
            side.fold();
        }
        Self { sides, keys: Vec::new() }
    }

    pub(crate) fn sides(&mut self) -> &mut [Side; 2] {
        &mut self.sides
    }

    /// How many feeds both hold.
    pub(crate) fn feeds(&self) -> usize {
        self.sides[0].feeds() as usize
    }

    /// Runs sessions between sides that differ so much, each time by other feeds.
    pub(crate) fn measure(
        &mut self,
        (one, two, changed): Difference,
        acquaintance: Acquaintance,
    ) -> Measured {
        let runs = (40_000 / (one + two + changed + 100)).clamp(4, 200);
        let mut chance = Rng::new([(one + 3 * two + 5 * changed) as u8; 32]);
        let (mut bytes, mut flights, mut again, mut cpu_us) = (0, 0, 0, f64::MAX);
        for _ in 0..runs {
            let handshake_hash = chance.array();
            let slots = self.differ(&mut chance, [one, two], changed);
            self.sides.iter_mut().for_each(Side::fold);
            let grown = [0, 1].map(|side| self.grown(side, [one, two][side], &slots));
            let [initiator, responder] = &mut self.sides;
            let start = Instant::now();
            let cost = match acquaintance {
                Acquaintance::Unknown => reconcile(&handshake_hash, initiator, responder),
                Acquaintance::Known => {
                    let grown = [&grown[0][..], &grown[1]];
                    reconcile_known(&handshake_hash, [initiator, responder], grown)
                }
            };
            cpu_us = cpu_us.min(start.elapsed().as_secs_f64() * 1e6);
            if cost.ending == Some(SessionEnd::Agreed) {
                (bytes, flights) = (bytes + cost.bytes, flights + cost.flights);
                let longer = |side| slots.iter().filter(|slot| *slot % 2 == side).count();
                let expected = [two + longer(1), one + longer(0)];
                assert_eq!(cost.learned.map(|keys| keys.len()), expected);
            } else {
                again += 1;
            }
            self.agree([one, two], &slots);
        }
        let agreed = (runs - again) as f64;
        let (bytes, flights) = (bytes as f64 / agreed, flights as f64 / agreed);
        Measured { bytes, flights, cpu_us, again_percent: 100.0 * again as f64 / runs as f64 }
    }

    fn differ(&mut self, chance: &mut Rng, only: [usize; 2], changed: usize) -> Vec<usize> {
        for (side, count) in self.sides.iter_mut().zip(only) {
            for _ in 0..count {
                let key = chance.array();
                side.insert(key, length_of(&key));
            }
        }
        let feeds = (self.feeds() - only[0]) as u64;
        let first = chance.below(feeds) as usize;
        let slots: Vec<usize> = (0..changed).map(|at| (first + at * 61) % feeds as usize).collect();
        if !slots.is_empty() && self.keys.is_empty() {
            self.keys = common_keys(feeds as usize).collect();
        }
        for slot in &slots {
            self.sides[slot % 2].set_length(*slot, 101);
        }
        slots
    }

    /// What has grown at a side, and how long it was: feeds that only it has, and some of these.
    fn grown(&self, side: usize, only: usize, slots: &[usize]) -> Vec<(usize, u64)> {
        let feeds = self.sides[side].feeds() as usize;
        let new = (feeds - only..feeds).map(|slot| (slot, 0));
        let longer = slots.iter().filter(|slot| *slot % 2 == side);
        let before = |slot: &usize| (*slot, length_of(&self.keys[*slot]));
        new.chain(longer.map(before)).collect()
    }

    fn agree(&mut self, only: [usize; 2], slots: &[usize]) {
        for (side, count) in self.sides.iter_mut().zip(only) {
            (0..count).for_each(|_| side.pop());
        }
        for slot in slots {
            let length = length_of(&self.keys[*slot]);
            self.sides[slot % 2].set_length(*slot, length);
        }
    }
}

/// The keys of the feeds that both hold.
pub(crate) fn common_keys(feeds: usize) -> impl Iterator<Item = [u8; 32]> {
    let mut chance = Rng::new([42; 32]);
    (0..feeds).map(move |_| chance.array())
}

/// A length of one byte for half of the feeds, and of two for the other half.
fn length_of(key: &[u8; 32]) -> u64 {
    1 + u64::from(key[31] % 100)
}
