//! Which connections may exist at the same time.
//!
//! Rule: this file counts and decides; it opens and closes nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use multifeed_core::{ConnectionId, PublicKey, Role};

use crate::dialer::DialBudget;
use crate::options::ConnectionLimits;

#[cfg(test)]
mod tests;

/// The open connections, counted against their limits.
#[derive(Debug)]
pub(crate) struct Admission {
    own: PublicKey,
    limits: ConnectionLimits,
    slots: BTreeMap<ConnectionId, Slot>,
    dials: usize,
}

/// What a connection counts as.
#[derive(Clone, Copy, Debug)]
struct Slot {
    network: IpAddr,
    role: Role,
    /// The peer, once it has proved to be a member and until the connection begins to close.
    remote: Option<PublicKey>,
    /// Whether the peer is no member and has opened hypercore's channel of a feed.
    is_stock: bool,
}

/// What to do with an incoming stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Accept it.
    Admit,
    /// Accept it after closing this connection, whose peer has proved nothing yet.
    Replace(ConnectionId),
    /// Close it.
    Refuse,
}

impl Admission {
    pub(crate) fn new(own: PublicKey, limits: ConnectionLimits) -> Self {
        Self { own, limits, slots: BTreeMap::new(), dials: 0 }
    }

    /// Returns which addresses may be dialled now.
    pub(crate) fn dial_budget(&self) -> DialBudget {
        let half_open = self.half_open(Role::Initiator).count() + self.dials;
        if half_open >= self.limits.half_open || self.total() >= self.limits.connections {
            DialBudget::None
        } else if self.total() >= self.limits.discovered {
            DialBudget::ManualOnly
        } else {
            DialBudget::All
        }
    }

    pub(crate) fn on_dial_started(&mut self) {
        self.dials += 1;
    }

    pub(crate) fn on_dial_ended(&mut self) {
        self.dials = self.dials.saturating_sub(1);
    }

    /// Decides whether a stream from `addr` is accepted.
    ///
    /// If a limit is reached, the oldest connection whose peer has proved nothing yet is replaced:
    /// a member proves itself within two round trips, while an adversarial peer that fills the
    /// limit stays silent.
    pub(crate) fn admit(&self, addr: SocketAddr) -> Verdict {
        let network = network(addr);
        let is_same = |slot: &Slot| slot.role == Role::Responder && slot.network == network;
        let replace = |oldest: Option<ConnectionId>| match oldest {
            Some(connection) => Verdict::Replace(connection),
            None => Verdict::Refuse,
        };
        if self.slots.values().filter(|slot| is_same(slot)).count() >= self.limits.per_address {
            let mut half_open = self.half_open(Role::Responder);
            return replace(half_open.find(|id| self.slots.get(id).is_some_and(is_same)));
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
        let network = network(addr);
        self.slots.insert(connection, Slot { network, role, remote: None, is_stock: false });
    }

    /// Notes that a peer proved to be a member. Returns the connection to close if there are now
    /// two with this peer.
    ///
    /// Both peers decide alike without a message: the connection that the larger key dialled stays.
    /// hyperswarm breaks the tie by the same comparison (`expectedInitiator` in index.js, version
    /// 4). Of two in the same direction the newer one stays, because the older one may belong to a
    /// program that has ended.
    pub(crate) fn on_peer_opened(
        &mut self,
        connection: ConnectionId,
        remote: PublicKey,
    ) -> Option<ConnectionId> {
        let slot = self.slots.get_mut(&connection)?;
        (slot.remote, slot.is_stock) = (Some(remote), false);
        let new = (connection, slot.role);
        let old = self.others(connection, &remote).next()?;
        let (dialled, accepted) = match (old.1, new.1) {
            (Role::Initiator, Role::Responder) => (old.0, new.0),
            (Role::Responder, Role::Initiator) => (new.0, old.0),
            _ => return Some(old.0.min(new.0)),
        };
        Some(if self.own > remote { accepted } else { dialled })
    }

    /// Notes that a stock peer has opened its first channel. Returns whether its connection may
    /// stay: those of stock peers have a limit of their own, so they take no slot from members.
    pub(crate) fn on_stock_opened(&mut self, connection: ConnectionId) -> bool {
        let stock = self.slots.values().filter(|slot| slot.is_stock).count();
        let may_stay = stock < self.limits.stock;
        if let Some(slot) = self.slots.get_mut(&connection) {
            slot.is_stock = may_stay;
        }
        may_stay
    }

    /// Notes that a connection begins to close: it no longer counts for its peer, and may be
    /// replaced if another connection needs its slot.
    pub(crate) fn on_closing(&mut self, connection: ConnectionId) {
        if let Some(slot) = self.slots.get_mut(&connection) {
            (slot.remote, slot.is_stock) = (None, false);
        }
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.slots.remove(&connection);
    }

    /// Returns whether a peer is connected and has proved to be a member.
    pub(crate) fn is_connected(&self, remote: &PublicKey) -> bool {
        self.slots.values().any(|slot| slot.remote.as_ref() == Some(remote))
    }

    /// Returns the other connections with a peer.
    fn others(
        &self,
        except: ConnectionId,
        remote: &PublicKey,
    ) -> impl Iterator<Item = (ConnectionId, Role)> {
        self.slots
            .iter()
            .filter(move |(id, slot)| **id != except && slot.remote.as_ref() == Some(remote))
            .map(|(id, slot)| (*id, slot.role))
    }

    /// Returns the connections whose peer has proved nothing yet, oldest first.
    fn half_open(&self, role: Role) -> impl Iterator<Item = ConnectionId> {
        self.slots
            .iter()
            .filter(move |(_, slot)| slot.remote.is_none() && !slot.is_stock && slot.role == role)
            .map(|(id, _)| *id)
    }

    fn total(&self) -> usize {
        self.slots.len() + self.dials
    }
}

/// Returns what counts as one address: the IPv4 address, or the /64 network, because one host of
/// IPv6 can use any number of addresses in its /64 (temporary addresses, RFC 8981).
fn network(addr: SocketAddr) -> IpAddr {
    match addr.ip().to_canonical() {
        IpAddr::V4(addr) => addr.into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
