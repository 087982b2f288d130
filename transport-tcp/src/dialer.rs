//! Decides which address to dial, and when.
//!
//! Rule: the dialer is a function of its inputs. Time and the seed of its jitter are arguments; it
//! opens nothing and waits for nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use multifeed_core::{Instant, PublicKey};

mod backoff;
pub(crate) mod target;

#[cfg(test)]
mod tests;

use self::backoff::{ATTEMPTS_DISCOVERED_MAX, BACKOFF_REFUSED_S, Jitter};
use self::target::{Address, ConnectError, State, Target};
use crate::discovery::report::{ADDRESSES_PER_PEER_MAX, Origin};

/// A connection that lasted this long resets the backoff of its address. Shorter ones do not, so a
/// peer that closes at once is not dialled every second. hyperswarm resets after 15 s
/// (`MIN_CONNECTION_TIME` in lib/peer-info.js, version 4). A judgement: 10 s, the core's default
/// timeout of a handshake (`Timing::handshake`).
const STABLE_S: u64 = 10;

/// How much longer the peer with the smaller key waits before it dials a known peer, so two peers
/// that lost or found each other do not dial at the same time. Measured in the tests of `mesh`:
/// with 300 ms, no pair dials twice at a round trip of 40 ms. A judgement: longer than a round trip
/// on Earth (about 250 ms), too short for a user to notice.
const SMALLER_KEY_DELAY_MS: u64 = 300;

/// Delay between dials of one peer at different addresses; the earlier dial continues. RFC 8305
/// ("Happy Eyeballs"), section 8, recommends 250 ms.
const NEXT_ADDRESS_DELAY_MS: u64 = 250;

/// Delay before addresses from the DHT are dialled, because an address on the local network is
/// better if there is one. Same delay and reason as [`NEXT_ADDRESS_DELAY_MS`].
const DHT_DELAY_MS: u64 = 250;

/// Every address that the user specified or a source discovered.
#[derive(Debug)]
pub(crate) struct Dialer {
    own: PublicKey,
    targets: BTreeMap<SocketAddr, Target>,
    targets_max: usize,
    jitter: Jitter,
}

/// An address that is due, with the number of this attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) addr: SocketAddr,
    pub(crate) attempt: u32,
}

/// Which addresses the limits on connections allow to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialBudget {
    None,
    /// Only addresses that the user specified.
    ManualOnly,
    /// Discovered addresses too.
    All,
}

/// The state of the peer that is expected at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerState {
    /// Neither connected nor banned.
    Free,
    Connected,
    Banned {
        until: Instant,
    },
}

/// How a stream that we dialled ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamOutcome {
    /// The network or the peer's program failed.
    Lost,
    /// The peer is of another group or version, violated the protocol, or is banned.
    Refused,
    /// The peer closed it in order, perhaps because it does not want us.
    Closed,
    /// The peer is still connected over another stream.
    ConnectedElsewhere,
    /// No reason to dial again: the sync is complete, or we dialled ourselves.
    Finished,
}

impl Dialer {
    pub(crate) fn new(own: PublicKey, targets_max: usize, seed: u64) -> Self {
        Self { own, targets: BTreeMap::new(), targets_max, jitter: Jitter(seed) }
    }

    /// Adds an address that the user specified. A known address becomes due at once, unless a
    /// connection that was dialled there is open. Returns false if the limit on addresses is
    /// reached.
    pub(crate) fn add(&mut self, now: Instant, addr: SocketAddr) -> bool {
        if let Some(target) = self.targets.get_mut(&addr) {
            target.origin = Origin::Manual;
            target.hint = None;
            if !matches!(target.state, State::Dialled { .. }) {
                target.state = State::Waiting { until: now };
                target.attempts = 0;
                // Forget who answered before: the user wants to know who answers now.
                target.remote = None;
            }
            return true;
        }
        let has_room = self.make_room(|target| target.origin != Origin::Manual);
        if has_room {
            self.insert(addr, Origin::Manual, None, now);
        }
        has_room
    }

    /// Adds addresses that a source reports for one peer, and resumes suspended ones. Returns how
    /// many are new.
    pub(crate) fn add_discovered(
        &mut self,
        now: Instant,
        origin: Origin,
        remote: Option<PublicKey>,
        addrs: &[SocketAddr],
    ) -> usize {
        if remote == Some(self.own) {
            return 0;
        }
        let mut until = now;
        if origin == Origin::Dht {
            until = until + Duration::from_millis(DHT_DELAY_MS);
        }
        if remote.is_some_and(|remote| remote > self.own) {
            until = until + Duration::from_millis(SMALLER_KEY_DELAY_MS);
        }
        let mut new = 0;
        for addr in addrs.iter().take(ADDRESSES_PER_PEER_MAX) {
            if let Some(target) = self.targets.get_mut(addr) {
                target.on_reported(now, until, remote);
            } else if self.make_room(|target| target.state == State::Suspended) {
                self.insert(*addr, origin, remote, until);
                new += 1;
            }
        }
        new
    }

    /// Returns whether another address fits; removes one that `is_replaceable` if necessary.
    fn make_room(&mut self, is_replaceable: impl Fn(&Target) -> bool) -> bool {
        if self.targets.len() < self.targets_max {
            return true;
        }
        let is_idle = |target: &Target| !matches!(target.state, State::Dialled { .. });
        let mut targets = self.targets.iter();
        let replaced = targets.find(|(_, target)| is_idle(target) && is_replaceable(target));
        match replaced.map(|(addr, _)| *addr) {
            Some(addr) => self.targets.remove(&addr).is_some(),
            None => false,
        }
    }

    fn insert(
        &mut self,
        addr: SocketAddr,
        origin: Origin,
        hint: Option<PublicKey>,
        until: Instant,
    ) {
        let target = Target {
            origin,
            state: State::Waiting { until },
            attempts: 0,
            remote: None,
            hint,
            has_worked: false,
            lost_at: None,
            last_error: None,
            order: self.jitter.next(),
        };
        self.targets.insert(addr, target);
    }

    /// Returns whether an address is known.
    pub(crate) fn contains(&self, addr: SocketAddr) -> bool {
        self.targets.contains_key(&addr)
    }

    /// Returns whether the user specified an address of this host, at any port.
    pub(crate) fn is_specified(&self, ip: IpAddr) -> bool {
        let [first, last] = [0, u16::MAX].map(|port| SocketAddr::new(ip.to_canonical(), port));
        self.targets.range(first..=last).any(|(_, target)| target.origin == Origin::Manual)
    }

    /// Returns whether a member with this key answered at an address that the user specified.
    pub(crate) fn is_known(&self, remote: &PublicKey) -> bool {
        self.targets.values().any(|target| {
            let is_manual = target.origin == Origin::Manual && target.has_worked;
            is_manual && target.remote.as_ref() == Some(remote)
        })
    }

    /// Removes an address.
    pub(crate) fn remove(&mut self, addr: SocketAddr) {
        self.targets.remove(&addr);
    }

    /// Removes every address.
    pub(crate) fn clear(&mut self) {
        self.targets.clear();
    }

    /// Returns every address and its state.
    pub(crate) fn addresses(&self, now: Instant) -> Vec<Address> {
        self.targets.iter().map(|(addr, target)| target.address(now, *addr)).collect()
    }

    /// Returns the earliest time at which [`next_due`](Self::next_due) may return an address.
    pub(crate) fn deadline(&self, budget: DialBudget) -> Option<Instant> {
        let waits = self.targets.values().filter_map(|target| match target.state {
            State::Waiting { until } if budget.allows(target) => Some(until),
            _ => None,
        });
        waits.min()
    }

    /// Returns the address that has been due for longest, first of those that the user specified,
    /// and marks it as dialled. Skips addresses
    /// where a connected peer answered until [`on_peer_lost`](Self::on_peer_lost), and those where
    /// a banned peer answered until the ban ends.
    pub(crate) fn next_due(
        &mut self,
        now: Instant,
        budget: DialBudget,
        peer_state: impl Fn(&PublicKey) -> PeerState,
    ) -> Option<Due> {
        loop {
            let due = self.targets.iter().filter(|(_, target)| budget.allows(target));
            let due = due.filter_map(|(addr, target)| Some((target.precedence(now)?, *addr)));
            let (_, addr) = due.min()?;
            let Target { remote, hint, .. } = self.targets.get(&addr)?;
            let expected = remote.or(*hint);
            let skip_to = match remote.as_ref().map_or(PeerState::Free, &peer_state) {
                PeerState::Connected => Some(State::ConnectedElsewhere),
                PeerState::Banned { until } => Some(State::Waiting { until }),
                PeerState::Free => {
                    let latest = expected.and_then(|remote| self.latest_dial(&remote));
                    let next = latest.map(|at| at + Duration::from_millis(NEXT_ADDRESS_DELAY_MS));
                    next.filter(|next| *next > now).map(|until| State::Waiting { until })
                }
            };
            let target = self.targets.get_mut(&addr)?;
            match skip_to {
                Some(state) => target.state = state,
                None => {
                    target.state = State::Dialled { since: now, opened: None };
                    target.attempts = target.attempts.saturating_add(1);
                    return Some(Due { addr, attempt: target.attempts });
                }
            }
        }
    }

    /// Returns when the latest unanswered dial of a peer began, at any of its addresses.
    fn latest_dial(&self, remote: &PublicKey) -> Option<Instant> {
        let targets = self.targets.values().filter(|other| other.expected() == Some(*remote));
        let dials = targets.filter_map(|other| match other.state {
            State::Dialled { since, opened: None } => Some(since),
            _ => None,
        });
        dials.max()
    }

    /// Returns the peer that answered last at an address.
    pub(crate) fn remote(&self, addr: SocketAddr) -> Option<PublicKey> {
        self.targets.get(&addr)?.remote
    }

    /// Handles a dialled peer that proved its key.
    pub(crate) fn on_peer_answered(&mut self, addr: SocketAddr, remote: PublicKey) {
        if let Some(target) = self.targets.get_mut(&addr) {
            target.remote = Some(remote);
        }
    }

    /// Handles a failed dial. Returns the time until the next attempt, if there is one.
    pub(crate) fn on_dial_failed(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        error: ConnectError,
    ) -> Option<Duration> {
        self.targets.get_mut(&addr)?.last_error = Some(error);
        self.back_off(now, addr)
    }

    /// Handles a dialled peer that proved to be a member.
    pub(crate) fn on_peer_opened(&mut self, now: Instant, addr: SocketAddr, remote: PublicKey) {
        if let Some(target) = self.targets.get_mut(&addr) {
            target.remote = Some(remote);
            target.has_worked = true;
            target.last_error = None;
            if let State::Dialled { opened, .. } = &mut target.state {
                *opened = Some(now);
            }
        }
    }

    /// Handles the end of a stream that we dialled. Returns the time until the next attempt, if
    /// there is one.
    pub(crate) fn on_stream_ended(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        outcome: StreamOutcome,
        error: ConnectError,
    ) -> Option<Duration> {
        let target = self.targets.get_mut(&addr)?;
        target.last_error = Some(error);
        match outcome {
            StreamOutcome::Lost | StreamOutcome::Closed => {
                if let State::Dialled { opened: Some(opened), .. } = target.state
                    && now.since(opened) >= Duration::from_secs(STABLE_S)
                {
                    target.attempts = 0;
                    target.lost_at = Some(now);
                } else if outcome == StreamOutcome::Closed {
                    // It may have banned us. Nothing is broken that could be repaired.
                    target.lost_at = None;
                }
                self.back_off(now, addr)
            }
            StreamOutcome::Refused => {
                let wait = self.jitter.apply(BACKOFF_REFUSED_S);
                target.state = State::Waiting { until: now + wait };
                Some(wait)
            }
            StreamOutcome::ConnectedElsewhere => {
                target.state = State::ConnectedElsewhere;
                target.attempts = 0;
                None
            }
            StreamOutcome::Finished => {
                target.state = State::Finished;
                None
            }
        }
    }

    /// Handles the end of the last stream with a peer: its addresses are dialled again.
    pub(crate) fn on_peer_lost(&mut self, now: Instant, remote: PublicKey) {
        let skipped = self.targets.iter().filter(|(_, target)| {
            target.state == State::ConnectedElsewhere && target.remote == Some(remote)
        });
        for addr in skipped.map(|(addr, _)| *addr).collect::<Vec<_>>() {
            if let Some(target) = self.targets.get_mut(&addr) {
                target.lost_at = Some(now);
            }
            self.back_off(now, addr);
        }
    }

    /// Schedules the next attempt at an address, or suspends the address after the last attempt.
    fn back_off(&mut self, now: Instant, addr: SocketAddr) -> Option<Duration> {
        let target = self.targets.get_mut(&addr)?;
        let is_exhausted = target.attempts >= ATTEMPTS_DISCOVERED_MAX && !target.has_worked;
        if is_exhausted && target.origin != Origin::Manual {
            target.state = State::Suspended;
            return None;
        }
        let lost_for = target.lost_at.map(|lost_at| now.since(lost_at));
        let mut wait = self.jitter.backoff(target.attempts, lost_for);
        if target.expected().is_some_and(|remote| remote > self.own) {
            wait += Duration::from_millis(SMALLER_KEY_DELAY_MS);
        }
        target.state = State::Waiting { until: now + wait };
        Some(wait)
    }
}

impl DialBudget {
    fn allows(self, target: &Target) -> bool {
        match self {
            Self::None => false,
            Self::ManualOnly => target.origin == Origin::Manual,
            Self::All => true,
        }
    }
}
