//! Which address to dial, and when.
//!
//! Rule: this is a function of its inputs. Time and the seed of its chance are arguments; it opens
//! nothing and waits for nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use multifeed_core::{Instant, PublicKey};

mod backoff;
mod target;

#[cfg(test)]
mod tests;

use self::backoff::{ATTEMPTS_FOUND_MAX, BACKOFF_REFUSED_S, Chance};
use self::target::{State, Target};
use crate::discovery::Origin;

pub use self::target::{Address, AddressState, Trouble};

/// A connection that held this long sets its address back to the first step. Shorter ones do not,
/// so that a peer that opens and closes at once is not dialled every second.
const STEADY_S: u64 = 10;

/// The smaller key waits this much longer than the larger before it dials a peer that it knows, so
/// that two who lost each other, or found each other, do not cross.
const SMALLER_KEY_WAIT_MS: u64 = 300;

/// Between two dials to one peer at different addresses, of which the former goes on: RFC 8305,
/// section 8.
const NEXT_ADDRESS_WAIT_MS: u64 = 250;

/// Addresses from afar wait this long, since one nearby, if there is one, is better.
const DHT_WAIT_MS: u64 = 250;

/// Addresses of one peer that are taken from one record.
pub(crate) const ADDRESSES_PER_PEER_MAX: usize = 8;

/// All addresses that were named by hand or found.
#[derive(Debug)]
pub(crate) struct Dialer {
    own: PublicKey,
    targets: BTreeMap<SocketAddr, Target>,
    targets_max: usize,
    chance: Chance,
}

/// One address whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) addr: SocketAddr,
    pub(crate) attempt: u32,
}

/// Whom there is room to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nobody.
    None,
    /// Those who were named by hand.
    Named,
    /// Those whom a source found, too.
    All,
}

/// What is known of a peer that an address should lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Free,
    Connected,
    Banned { until: Instant },
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
        Self { own, targets: BTreeMap::new(), targets_max, chance: Chance(seed) }
    }

    /// Dials an address from now on; one that waits or was done is dialled at once. False when
    /// there are too many.
    pub(crate) fn add(&mut self, now: Instant, addr: SocketAddr) -> bool {
        if let Some(target) = self.targets.get_mut(&addr) {
            target.origin = Origin::Named;
            if !matches!(target.state, State::Dialled { .. } | State::Reached) {
                target.state = State::Waiting { until: now };
                target.attempts = 0;
            }
            return true;
        }
        let has_room = self.make_room(|target| target.origin != Origin::Named);
        if has_room {
            self.insert(addr, Origin::Named, None, now);
        }
        has_room
    }

    /// Takes addresses that a source names for one peer; how many of them are new. One that was
    /// given up is tried again.
    pub(crate) fn found(
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
            until = until + Duration::from_millis(DHT_WAIT_MS);
        }
        if remote.is_some_and(|remote| remote > self.own) {
            until = until + Duration::from_millis(SMALLER_KEY_WAIT_MS);
        }
        let mut new = 0;
        for addr in addrs.iter().take(ADDRESSES_PER_PEER_MAX) {
            if let Some(target) = self.targets.get_mut(addr) {
                target.remote = target.remote.or(remote);
                if target.state == State::Resting {
                    target.state = State::Waiting { until };
                    target.attempts = 0;
                }
            } else if self.make_room(|target| target.state == State::Resting) {
                self.insert(*addr, origin, remote, until);
                new += 1;
            }
        }
        new
    }

    /// Whether one more address fits, if need be in the place of one that is `less`.
    fn make_room(&mut self, less: impl Fn(&Target) -> bool) -> bool {
        if self.targets.len() < self.targets_max {
            return true;
        }
        let idle = |target: &Target| !matches!(target.state, State::Dialled { .. });
        let less = self.targets.iter().find(|(_, target)| idle(target) && less(target));
        match less.map(|(addr, _)| *addr) {
            Some(addr) => self.targets.remove(&addr).is_some(),
            None => false,
        }
    }

    fn insert(
        &mut self,
        addr: SocketAddr,
        origin: Origin,
        remote: Option<PublicKey>,
        until: Instant,
    ) {
        let order = self.chance.next();
        let state = State::Waiting { until };
        let (worked, lost, trouble) = (false, None, None);
        let target = Target { origin, state, attempts: 0, remote, worked, lost, trouble, order };
        self.targets.insert(addr, target);
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

    /// Every address and what is being done about it.
    pub(crate) fn addresses(&self, now: Instant) -> Vec<Address> {
        self.targets.iter().map(|(addr, target)| target.address(now, *addr)).collect()
    }

    /// When [`due`](Self::due) may have something.
    pub(crate) fn deadline(&self, room: Room) -> Option<Instant> {
        let waits = self.targets.values().filter_map(|target| match target.state {
            State::Waiting { until } if room.has_place_for(target) => Some(until),
            _ => None,
        });
        waits.min()
    }

    /// The address that has waited longest, to be dialled by the caller. Addresses of peers that
    /// are connected some other way are passed over until [`released`](Self::released).
    pub(crate) fn due(
        &mut self,
        now: Instant,
        room: Room,
        peer: impl Fn(&PublicKey) -> Standing,
    ) -> Option<Due> {
        loop {
            let due = self.targets.iter().filter(|(_, target)| room.has_place_for(target));
            let due =
                due.filter_map(|(addr, target)| Some((target.due(now)?, target.order, *addr)));
            let (_, _, addr) = due.min()?;
            let remote = self.targets.get(&addr)?.remote;
            let instead = match remote.as_ref().map_or(Standing::Free, &peer) {
                Standing::Connected => Some(State::Reached),
                Standing::Banned { until } => Some(State::Waiting { until }),
                Standing::Free => {
                    let latest = remote.and_then(|remote| self.latest_dial(&remote));
                    let wait = Duration::from_millis(NEXT_ADDRESS_WAIT_MS);
                    let turn = latest.map(|since| since + wait);
                    turn.filter(|turn| *turn > now).map(|until| State::Waiting { until })
                }
            };
            let target = self.targets.get_mut(&addr)?;
            match instead {
                Some(instead) => target.state = instead,
                None => {
                    target.state = State::Dialled { since: now, opened: None };
                    target.attempts = target.attempts.saturating_add(1);
                    return Some(Due { addr, attempt: target.attempts });
                }
            }
        }
    }

    /// When a peer was last dialled that has not answered yet, at whatever address.
    fn latest_dial(&self, remote: &PublicKey) -> Option<Instant> {
        let theirs = self.targets.values().filter(|other| other.remote.as_ref() == Some(remote));
        let dials = theirs.filter_map(|other| match other.state {
            State::Dialled { since, opened: None } => Some(since),
            _ => None,
        });
        dials.max()
    }

    /// Who should answer at an address, or answered there last.
    pub(crate) fn remote(&self, addr: SocketAddr) -> Option<PublicKey> {
        self.targets.get(&addr)?.remote
    }

    /// Nobody answered; when the next attempt comes, if one does.
    pub(crate) fn failed(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        trouble: Trouble,
    ) -> Option<Duration> {
        self.targets.get_mut(&addr)?.trouble = Some(trouble);
        self.wait(now, addr)
    }

    /// A member answered.
    pub(crate) fn opened(&mut self, now: Instant, addr: SocketAddr, remote: PublicKey) {
        if let Some(target) = self.targets.get_mut(&addr) {
            target.remote = Some(remote);
            target.worked = true;
            target.trouble = None;
            if let State::Dialled { opened, .. } = &mut target.state {
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
        trouble: Trouble,
    ) -> Option<Duration> {
        let target = self.targets.get_mut(&addr)?;
        target.trouble = Some(trouble);
        match outcome {
            Outcome::Lost => {
                if let State::Dialled { opened: Some(opened), .. } = target.state
                    && now.since(opened) >= Duration::from_secs(STEADY_S)
                {
                    target.attempts = 0;
                    target.lost = Some(now);
                }
                self.wait(now, addr)
            }
            Outcome::Refused => {
                let wait = self.chance.jittered(BACKOFF_REFUSED_S);
                target.state = State::Waiting { until: now + wait };
                Some(wait)
            }
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
            if let Some(target) = self.targets.get_mut(&addr) {
                target.lost = Some(now);
            }
            self.wait(now, addr);
        }
    }

    /// Sets an address to the next step of its ladder, or to rest behind the last one.
    fn wait(&mut self, now: Instant, addr: SocketAddr) -> Option<Duration> {
        let target = self.targets.get_mut(&addr)?;
        let given_up = target.attempts >= ATTEMPTS_FOUND_MAX && !target.worked;
        if given_up && target.origin != Origin::Named {
            target.state = State::Resting;
            return None;
        }
        let lost = target.lost.map(|lost| now.since(lost));
        let mut wait = self.chance.backoff(target.attempts, lost);
        if target.remote.is_some_and(|remote| remote > self.own) {
            wait += Duration::from_millis(SMALLER_KEY_WAIT_MS);
        }
        target.state = State::Waiting { until: now + wait };
        Some(wait)
    }
}

impl Room {
    fn has_place_for(self, target: &Target) -> bool {
        match self {
            Self::None => false,
            Self::Named => target.origin == Origin::Named,
            Self::All => true,
        }
    }
}
