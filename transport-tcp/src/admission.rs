//! Which connections may be there at once.
//!
//! Rule: this counts and decides; it opens and closes nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use multifeed_core::{ConnectionId, PublicKey, Role};

use crate::dialer::Room;
use crate::options::ConnectionLimits;

#[cfg(test)]
mod tests;

/// Everyone who is connected.
#[derive(Debug)]
pub(crate) struct Admission {
    own: PublicKey,
    limits: ConnectionLimits,
    places: BTreeMap<ConnectionId, Place>,
    dialling: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    network: IpAddr,
    role: Role,
    remote: Option<PublicKey>,
}

/// What to do with a stream that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is room.
    Admit,
    /// There is room once this one is closed, which has proved nothing yet.
    Replace(ConnectionId),
    /// There is none.
    Refuse,
}

impl Admission {
    pub(crate) fn new(own: PublicKey, limits: ConnectionLimits) -> Self {
        Self { own, limits, places: BTreeMap::new(), dialling: 0 }
    }

    /// Whom there is room to dial now.
    pub(crate) fn room(&self) -> Room {
        let half_open = self.half_open(Role::Initiator).count() + self.dialling;
        if half_open >= self.limits.half_open || self.total() >= self.limits.connections {
            Room::None
        } else if self.total() >= self.limits.found {
            Room::Named
        } else {
            Room::All
        }
    }

    pub(crate) fn dial_started(&mut self) {
        self.dialling += 1;
    }

    pub(crate) fn dial_ended(&mut self) {
        self.dialling = self.dialling.saturating_sub(1);
    }

    /// Whether a stream from `addr` may come in.
    ///
    /// Where a bound is reached, the oldest that has proved nothing yet makes room: a member proves
    /// itself in two round trips, while whoever opens streams to keep members out is silent.
    pub(crate) fn admit(&self, addr: SocketAddr) -> Verdict {
        let network = network(addr);
        let theirs = |place: &Place| place.role == Role::Responder && place.network == network;
        let replace = |oldest: Option<ConnectionId>| match oldest {
            Some(connection) => Verdict::Replace(connection),
            None => Verdict::Refuse,
        };
        if self.places.values().filter(|place| theirs(place)).count() >= self.limits.per_address {
            let mut half_open = self.half_open(Role::Responder);
            return replace(half_open.find(|id| self.places.get(id).is_some_and(theirs)));
        }
        let mut half_open = self.half_open(Role::Responder);
        let oldest = half_open.next();
        let half_open = half_open.count() + usize::from(oldest.is_some());
        if half_open >= self.limits.half_open || self.total() >= self.limits.connections {
            return replace(oldest);
        }
        Verdict::Admit
    }

    pub(crate) fn insert(&mut self, connection: ConnectionId, addr: SocketAddr, role: Role) {
        self.places.insert(connection, Place { network: network(addr), role, remote: None });
    }

    /// A peer proved to be a member; which other connection, or this one, is now one too many.
    pub(crate) fn opened(
        &mut self,
        connection: ConnectionId,
        remote: PublicKey,
    ) -> Option<ConnectionId> {
        let new = self.places.get_mut(&connection)?;
        new.remote = Some(remote);
        let (new, new_role) = (connection, new.role);
        let (old, old_role) = self.others(connection, &remote).next()?;
        // Both ends come to the same answer without a word: they compare the same two keys.
        let ours_stay = self.own > remote;
        Some(match (old_role, new_role) {
            (Role::Initiator, Role::Responder) => {
                if ours_stay {
                    new
                } else {
                    old
                }
            }
            (Role::Responder, Role::Initiator) => {
                if ours_stay {
                    old
                } else {
                    new
                }
            }
            // The older may be the stream of a program that is gone.
            _ => old.min(new),
        })
    }

    /// A connection is being closed: it is nobody's any more, and makes room when another needs it.
    pub(crate) fn closing(&mut self, connection: ConnectionId) {
        if let Some(place) = self.places.get_mut(&connection) {
            place.remote = None;
        }
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.places.remove(&connection);
    }

    /// Whether a peer is connected and has proved itself.
    pub(crate) fn connected(&self, remote: &PublicKey) -> bool {
        self.places.values().any(|place| place.remote.as_ref() == Some(remote))
    }

    fn others(
        &self,
        but: ConnectionId,
        remote: &PublicKey,
    ) -> impl Iterator<Item = (ConnectionId, Role)> {
        self.places
            .iter()
            .filter(move |(id, place)| **id != but && place.remote.as_ref() == Some(remote))
            .map(|(id, place)| (*id, place.role))
    }

    /// Those that have proved nothing yet, the oldest first.
    fn half_open(&self, role: Role) -> impl Iterator<Item = ConnectionId> {
        self.places
            .iter()
            .filter(move |(_, place)| place.remote.is_none() && place.role == role)
            .map(|(id, _)| *id)
    }

    fn total(&self) -> usize {
        self.places.len() + self.dialling
    }
}

/// What counts as one address: a host of IPv6 owns its whole /64.
fn network(addr: SocketAddr) -> IpAddr {
    match addr.ip().to_canonical() {
        IpAddr::V4(addr) => addr.into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
