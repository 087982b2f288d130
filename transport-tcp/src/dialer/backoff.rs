//! How long the dialler waits after what.
//!
//! Rule: the only state is the chance, and its seed comes from outside.

use std::time::Duration;

/// Waits after the first, second … attempt that failed. The last is repeated: whoever was named by
/// hand, or worked once, is worth a packet a minute.
const BACKOFF_S: [u64; 5] = [1, 5, 15, 30, 60];

/// The longest wait for a peer that was lost less than [`LOST_S`] ago: a network that was cut and
/// is whole again is noticed within ten seconds, with the jitter and a dial that began too early.
const BACKOFF_LOST_S: u64 = 6;

/// How long a peer counts as lost, and not as gone.
const LOST_S: u64 = 600;

/// Wait after a peer that will hardly be another one soon: of another group or version, or one
/// that broke the protocol. hypercore bans for as long.
pub(super) const BACKOFF_REFUSED_S: u64 = 600;

/// Attempts at an address that only a source named and that never worked. Then it rests until it
/// is named anew: a source may name anything.
pub(super) const ATTEMPTS_FOUND_MAX: u32 = BACKOFF_S.len() as u32;

/// SplitMix64 (Steele, Lea, Flood 2014): enough to spread dials, and no secret depends on it.
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The wait after so many attempts at a peer that was connected so long ago, if it ever was.
    pub(super) fn backoff(&mut self, attempts: u32, lost: Option<Duration>) -> Duration {
        let step = (attempts.saturating_sub(1) as usize).min(BACKOFF_S.len() - 1);
        let is_lost = lost.is_some_and(|lost| lost < Duration::from_secs(LOST_S));
        let longest = if is_lost { BACKOFF_LOST_S } else { u64::MAX };
        self.jittered(BACKOFF_S[step].min(longest))
    }

    /// Between 75 and 125 % of the step: a jitter of half the step's length, so that peers that
    /// lost the same server do not come back in one instant.
    pub(super) fn jittered(&mut self, step_s: u64) -> Duration {
        let step_ms = step_s.saturating_mul(1_000);
        let width_ms = step_ms / 2;
        Duration::from_millis(step_ms - width_ms / 2 + self.next() % (width_ms + 1))
    }
}
