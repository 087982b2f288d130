//! Which connections may exist at the same time.
//!
//! Rule: this file counts and decides; it opens and closes nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use multifeed_core::{ConnectionId, PublicKey, Role};

use crate::dialer::DialBudget;
use crate::options::ConnectionLimits;

#[cfg(test)]
mod tests;

/// The share of dials in progress that is reserved for addresses that the user specified: one of
/// four, so addresses without an answer do not delay them.
const MANUAL_DIALS_SHARE: usize = 4;

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
    address: IpAddr,
    role: Role,
    /// The peer, once it has proved to be a member and until the connection begins to close.
    remote: Option<PublicKey>,
    trust: PeerTrust,
    /// Whether a sync with the peer was ever complete.
    is_synced: bool,
    /// Whether the peer is no member and has opened hypercore's channel of a feed.
    is_stock: bool,
}

/// What the user knows of the peer of an accepted connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PeerTrust {
    Unknown,
    /// It connects from an address that the user specified.
    SpecifiedAddress,
    /// Its key answered at an address that the user specified.
    KnownKey,
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
    ///
    /// Some dials are reserved for addresses that the user specified. Some are reserved for dials
    /// as such: members that connect to us cannot keep us from choosing peers ourselves.
    pub(crate) fn dial_budget(&self) -> DialBudget {
        let half_open = self.half_open(Role::Initiator).count() + self.dials;
        let dialled = self.established(Role::Initiator).count() + half_open;
        if half_open >= self.limits.half_open || dialled >= self.limits.connections {
            return DialBudget::None;
        }
        let total = dialled + self.established(Role::Responder).count();
        let is_reserved = dialled < self.reserved();
        let has_room = total < self.limits.discovered || is_reserved;
        let manual = self.limits.half_open / MANUAL_DIALS_SHARE;
        if has_room && half_open + manual < self.limits.half_open {
            DialBudget::All
        } else {
            DialBudget::ManualOnly
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
    /// Only connections whose peer has proved nothing yet count here, because who the peer is shows
    /// later. If there are too many, the oldest one of the network that has most of them is
    /// replaced: a member proves itself within two round trips, while an adversarial peer that
    /// fills the limit stays silent, or is itself replaced.
    pub(crate) fn admit(&self, addr: SocketAddr) -> Verdict {
        let replace = |oldest: Option<ConnectionId>| match oldest {
            Some(connection) => Verdict::Replace(connection),
            None => Verdict::Refuse,
        };
        let (address, half_open) = (address(addr), || self.half_open(Role::Responder));
        let same = || half_open().filter(|(_, slot)| slot.address == address);
        if same().count() >= self.limits.per_address {
            return replace(same().next().map(|(id, _)| id));
        }
        if half_open().count() >= self.limits.half_open {
            let sizes = sizes_of_networks(half_open());
            let key = |(id, slot): &(ConnectionId, &Slot)| {
                (slot.trust, Reverse(sizes.get(&network(slot.address)).copied()), *id)
            };
            return replace(half_open().min_by_key(key).map(|(id, _)| id));
        }
        Verdict::Admit
    }

    pub(crate) fn insert(
        &mut self,
        connection: ConnectionId,
        addr: SocketAddr,
        role: Role,
        trust: PeerTrust,
    ) {
        let address = address(addr);
        let slot = Slot { address, role, remote: None, trust, is_synced: false, is_stock: false };
        self.slots.insert(connection, slot);
    }

    /// Notes that the key of a peer answered at an address that the user specified.
    pub(crate) fn on_known(&mut self, connection: ConnectionId) {
        if let Some(slot) = self.slots.get_mut(&connection) {
            slot.trust = PeerTrust::KnownKey;
        }
    }

    /// Notes that a sync with a peer is complete.
    pub(crate) fn on_synced(&mut self, connection: ConnectionId) {
        if let Some(slot) = self.slots.get_mut(&connection) {
            slot.is_synced = true;
        }
    }

    /// Returns the accepted connection to close because `opened`, whose peer has just proved to be
    /// a member, exceeds a limit. It may be that one.
    ///
    /// It is one of the network with most connections, one that was never in sync if there is one,
    /// and of those the newest. So an attacker in few networks only replaces itself, and
    /// cannot keep out a peer of another network. Peers that the user knows are the last to close.
    pub(crate) fn excess(&self, opened: ConnectionId) -> Option<ConnectionId> {
        let new = self.slots.get(&opened)?;
        let accepted = || self.established(Role::Responder);
        let same = || {
            let same = accepted().filter(|(_, slot)| slot.address == new.address);
            same.filter(|(_, slot)| slot.trust != PeerTrust::KnownKey)
        };
        if same().count() > self.limits.per_address {
            return same()
                .min_by_key(|(id, slot)| (slot.is_synced, Reverse(*id)))
                .map(|(id, _)| id);
        }
        let count = accepted().count();
        let total = count + self.established(Role::Initiator).count();
        let accepted_max = self.limits.connections.saturating_sub(self.reserved());
        if count <= accepted_max && total <= self.limits.connections {
            return None;
        }
        let sizes = sizes_of_networks(accepted());
        let key = |(id, slot): &(ConnectionId, &Slot)| {
            let size = sizes.get(&network(slot.address)).copied();
            (slot.trust, Reverse(size), slot.is_synced, Reverse(*id))
        };
        accepted().min_by_key(key).map(|(id, _)| id)
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
        let Some(new) = self.slots.get(&connection).copied() else { return false };
        let stock = || self.slots.values().filter(|slot| slot.is_stock);
        let is_same = |slot: &&Slot| (slot.role, slot.address) == (Role::Responder, new.address);
        let same = stock().filter(is_same).count();
        let has_room = new.role == Role::Initiator || same < self.limits.per_address;
        let may_stay = has_room && stock().count() < self.limits.stock;
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

    /// Returns the number of connections that accepted ones cannot use.
    fn reserved(&self) -> usize {
        let ConnectionLimits { connections, discovered, outbound, .. } = self.limits;
        outbound.min(discovered).min(connections / 2)
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
    fn half_open(&self, role: Role) -> impl Iterator<Item = (ConnectionId, &Slot)> {
        let slots = self.slots.iter().map(|(id, slot)| (*id, slot));
        slots.filter(move |(_, slot)| slot.remote.is_none() && !slot.is_stock && slot.role == role)
    }

    /// Returns the connections whose peer has proved to be a member, oldest first.
    fn established(&self, role: Role) -> impl Iterator<Item = (ConnectionId, &Slot)> {
        let slots = self.slots.iter().map(|(id, slot)| (*id, slot));
        slots.filter(move |(_, slot)| slot.remote.is_some() && slot.role == role)
    }
}

/// Counts the connections of each network.
fn sizes_of_networks<'a>(
    slots: impl Iterator<Item = (ConnectionId, &'a Slot)>,
) -> BTreeMap<IpAddr, usize> {
    let mut sizes = BTreeMap::new();
    for (_, slot) in slots {
        *sizes.entry(network(slot.address)).or_default() += 1;
    }
    sizes
}

/// Returns what counts as one address: the IPv4 address, or the /48 network, because a provider
/// assigns that to one site (RFC 6177), which can use any address in it.
fn address(addr: SocketAddr) -> IpAddr {
    match addr.ip().to_canonical() {
        IpAddr::V4(addr) => addr.into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() >> 80 << 80).into(),
    }
}

/// Returns what counts as one network: a /16 of IPv4 or a /32 of IPv6, which one operator usually
/// has as a whole. Bitcoin Core groups addresses the same way (`GetGroup` in netgroup.cpp).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(addr) => Ipv4Addr::from_bits(addr.to_bits() >> 16 << 16).into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() >> 96 << 96).into(),
    }
}
