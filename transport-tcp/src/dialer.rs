//! Which address to dial, and when.
//!
//! Rule: this is a function of its inputs. Time and the seed of its chance are arguments; it opens
//! nothing and waits for nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use multifeed_core::{Instant, PublicKey};

#[cfg(test)]
mod tests;

/// Waits after the first, second … attempt that failed. The last is repeated: whoever was named by
/// hand is worth a packet a minute.
const BACKOFF_S: [u64; 5] = [1, 5, 15, 30, 60];

/// Wait after a peer that will hardly be another one soon: of another group or version, or one
/// that broke the protocol. hypercore bans for as long.
const BACKOFF_REFUSED_S: u64 = 600;

/// A connection that held this long sets its address back to the first step. Shorter ones do not,
/// so that a peer that opens and closes at once is not dialled every second.
const STEADY_S: u64 = 10;

/// The smaller key waits this much longer than the larger before it dials a peer that it knows, so
/// that two who lost each other do not cross.
const SMALLER_KEY_WAIT_MS: u64 = 300;

/// All addresses named by hand.
#[derive(Debug)]
pub(crate) struct Dialer {
    own: PublicKey,
    targets: BTreeMap<SocketAddr, Target>,
    targets_max: usize,
    chance: u64,
}

#[derive(Debug)]
struct Target {
    state: State,
    /// Attempts since the address was named or a connection held.
    attempts: u32,
    /// Who answered there last.
    remote: Option<PublicKey>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// To be dialled then.
    Waiting { until: Instant },
    /// Being dialled, or connected over a stream that we dialled; since when it is open.
    Dialled { opened: Option<Instant> },
    /// Whoever answered there last is connected over another stream.
    Reached,
    /// Not dialled any more.
    Done,
}

/// One address whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) addr: SocketAddr,
    pub(crate) attempt: u32,
}

/// How a connection that we dialled ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Whatever happens to wires and programs.
    Lost,
    /// The peer is none for us.
    Refused,
    /// The peer is still connected over another stream.
    Reached,
    /// There is nothing more to do there: the sync that should end has ended, or we dialled
    /// ourselves.
    Done,
}

impl Dialer {
    pub(crate) fn new(own: PublicKey, targets_max: usize, seed: u64) -> Self {
        Self { own, targets: BTreeMap::new(), targets_max, chance: seed }
    }

    /// Dials an address from now on; one that waits or was done is dialled at once. False when
    /// there are too many.
    pub(crate) fn add(&mut self, now: Instant, addr: SocketAddr) -> bool {
        let waiting = State::Waiting { until: now };
        if let Some(target) = self.targets.get_mut(&addr) {
            if matches!(target.state, State::Waiting { .. } | State::Done) {
                target.state = waiting;
                target.attempts = 0;
            }
            return true;
        }
        if self.targets.len() >= self.targets_max {
            return false;
        }
        self.targets.insert(addr, Target { state: waiting, attempts: 0, remote: None });
        true
    }

    /// Whether an address was named and not forgotten since.
    pub(crate) fn knows(&self, addr: SocketAddr) -> bool {
        self.targets.contains_key(&addr)
    }

    /// Forgets an address.
    pub(crate) fn remove(&mut self, addr: SocketAddr) {
        self.targets.remove(&addr);
    }

    /// Forgets all addresses.
    pub(crate) fn clear(&mut self) {
        self.targets.clear();
    }

    /// When [`due`](Self::due) has something.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waits = self.targets.values().filter_map(|target| match target.state {
            State::Waiting { until } => Some(until),
            _ => None,
        });
        waits.min()
    }

    /// The address that has waited longest, to be dialled by the caller. Addresses of peers that
    /// are `connected` some other way are passed over until [`released`](Self::released).
    pub(crate) fn due(
        &mut self,
        now: Instant,
        connected: impl Fn(&PublicKey) -> bool,
    ) -> Option<Due> {
        for target in self.targets.values_mut() {
            let waits = matches!(target.state, State::Waiting { until } if until <= now);
            if waits && target.remote.as_ref().is_some_and(&connected) {
                target.state = State::Reached;
            }
        }
        let waits = self.targets.iter_mut().filter_map(|(addr, target)| match target.state {
            State::Waiting { until } if until <= now => Some((until, *addr, target)),
            _ => None,
        });
        let (_, addr, target) = waits.min_by_key(|(until, addr, _)| (*until, *addr))?;
        target.state = State::Dialled { opened: None };
        target.attempts = target.attempts.saturating_add(1);
        Some(Due { addr, attempt: target.attempts })
    }

    /// Nobody answered; when the next attempt comes.
    pub(crate) fn failed(&mut self, now: Instant, addr: SocketAddr) -> Duration {
        self.wait(now, addr, None)
    }

    /// A member answered.
    pub(crate) fn opened(&mut self, now: Instant, addr: SocketAddr, remote: PublicKey) {
        if let Some(target) = self.targets.get_mut(&addr) {
            target.remote = Some(remote);
            if let State::Dialled { opened } = &mut target.state {
                *opened = Some(now);
            }
        }
    }

    /// A connection that we dialled ended; when the next attempt comes, if one does.
    pub(crate) fn ended(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        outcome: Outcome,
    ) -> Option<Duration> {
        let target = self.targets.get_mut(&addr)?;
        match outcome {
            Outcome::Lost => {
                if let State::Dialled { opened: Some(opened) } = target.state
                    && now.since(opened) >= Duration::from_secs(STEADY_S)
                {
                    target.attempts = 0;
                }
                Some(self.wait(now, addr, None))
            }
            Outcome::Refused => Some(self.wait(now, addr, Some(BACKOFF_REFUSED_S))),
            Outcome::Reached => {
                target.state = State::Reached;
                target.attempts = 0;
                None
            }
            Outcome::Done => {
                target.state = State::Done;
                None
            }
        }
    }

    /// No stream with this peer is left: addresses at which it answered are dialled again.
    pub(crate) fn released(&mut self, now: Instant, remote: PublicKey) {
        let reached = self
            .targets
            .iter()
            .filter(|(_, target)| target.state == State::Reached && target.remote == Some(remote));
        for addr in reached.map(|(addr, _)| *addr).collect::<Vec<_>>() {
            self.wait(now, addr, None);
        }
    }

    fn wait(&mut self, now: Instant, addr: SocketAddr, step_s: Option<u64>) -> Duration {
        let Some(target) = self.targets.get_mut(&addr) else {
            return Duration::ZERO;
        };
        let last = BACKOFF_S.len() - 1;
        let step = (target.attempts.saturating_sub(1) as usize).min(last);
        let mut wait = jittered(step_s.unwrap_or(BACKOFF_S[step]), &mut self.chance);
        if target.remote.is_some_and(|remote| remote > self.own) {
            wait += Duration::from_millis(SMALLER_KEY_WAIT_MS);
        }
        target.state = State::Waiting { until: now + wait };
        wait
    }
}

/// Between 75 and 125 % of the step: a jitter of half the step's length, so that peers that lost
/// the same server do not come back in one instant.
fn jittered(step_s: u64, chance: &mut u64) -> Duration {
    let step_ms = step_s.saturating_mul(1_000);
    let width_ms = step_ms / 2;
    Duration::from_millis(step_ms - width_ms / 2 + next(chance) % (width_ms + 1))
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to spread dials, and no secret depends on it.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
