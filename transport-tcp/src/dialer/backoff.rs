//! How long the dialer waits before the next attempt.
//!
//! Rule: the only state is the jitter's generator, and the caller supplies its seed.

use std::time::Duration;

/// Waits after the first, second, … failed attempt; the last one repeats.
///
/// 1, 5 and 15 s are hyperswarm's delays (`BACKOFF_S`, `BACKOFF_M` and `BACKOFF_L` in
/// lib/retry-timer.js, version 4). hyperswarm then waits ten minutes for peers that the user
/// specified and gives up the others. A judgement: such an address, or one that worked before, is
/// worth one packet a minute, so a peer that returns is reconnected within 75 s.
const BACKOFF_S: [u64; 5] = [1, 5, 15, 30, 60];

/// The longest wait for a peer that was lost less than [`LOST_S`] ago, so that peers notice a
/// repaired network within ten seconds: 6 s plus a quarter for jitter, and a dial that began just
/// before the repair and whose first packet is sent again within 2 s. The README ("Network
/// failures") has measurements.
const BACKOFF_LOST_S: u64 = 6;

/// How long a disconnected peer counts as lost. Later it counts as gone. A judgement: longer than a
/// restart or a journey through a tunnel; 100 dials of one packet at most.
const LOST_S: u64 = 600;

/// Wait after a peer that will not change soon: it is of another group or version, or it violated
/// the protocol. The same as the length of a ban, see `BAN_S` in bans.rs.
pub(super) const BACKOFF_REFUSED_S: u64 = 600;

/// Attempts at an address that only a source reported and that never worked. Then the address is
/// suspended until a source reports it again, because a source may report anything. One attempt per
/// step of [`BACKOFF_S`]; hyperswarm makes four (`attempts > 3` in lib/retry-timer.js, version 4).
pub(super) const ATTEMPTS_DISCOVERED_MAX: u32 = BACKOFF_S.len() as u32;

/// The generator of the jitter: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", OOPSLA 2014). Good enough to spread dials; no secret depends on it.
#[derive(Debug)]
pub(super) struct Jitter(pub(super) u64);

impl Jitter {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns the wait after this many attempts. `lost_for` is the time since the peer was last
    /// connected, if it ever was.
    pub(super) fn backoff(&mut self, attempts: u32, lost_for: Option<Duration>) -> Duration {
        let step = (attempts.saturating_sub(1) as usize).min(BACKOFF_S.len() - 1);
        let is_lost = lost_for.is_some_and(|lost_for| lost_for < Duration::from_secs(LOST_S));
        let longest = if is_lost { BACKOFF_LOST_S } else { u64::MAX };
        self.apply(BACKOFF_S[step].min(longest))
    }

    /// Returns 75 to 125 % of a step. A judgement: the spread of half a step keeps peers that lost
    /// the same server from returning at the same moment. hyperswarm adds up to 50 % to its
    /// shortest step.
    pub(super) fn apply(&mut self, step_s: u64) -> Duration {
        let step_ms = step_s.saturating_mul(1_000);
        let width_ms = step_ms / 2;
        Duration::from_millis(step_ms - width_ms / 2 + self.next() % (width_ms + 1))
    }
}
