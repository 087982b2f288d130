//! Which of our addresses to announce, and which addresses of others to dial.
//!
//! Rule: a private address means a different machine in each network. One that a source reports is
//! dialled only if it belongs to a network of this host, or if its owner's user specified it, as in
//! routed private networks. A record on the DHT lists such an address twice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::discovery::report::ADDRESSES_PER_PEER_MAX;

#[cfg(test)]
mod tests;

/// The addresses of this host.
#[derive(Debug)]
pub(super) struct AddressPolicy {
    advertise: Vec<SocketAddr>,
    /// The outside address of a forwarded port.
    pub(super) forwarded: Option<SocketAddr>,
    listen_addrs: Vec<SocketAddr>,
    interfaces: Vec<IpAddr>,
    /// The networks of the interfaces: an address and the length of the prefix.
    links: Vec<(IpAddr, u8)>,
}

impl AddressPolicy {
    /// Asks the system for the addresses of its interfaces. If it reports none, only the specified
    /// addresses are used.
    pub(super) fn new(listen_addrs: &[SocketAddr], advertise: Vec<SocketAddr>) -> Self {
        let listen_addrs = listen_addrs.to_vec();
        let mut policy = Self {
            advertise,
            forwarded: None,
            listen_addrs,
            interfaces: Vec::new(),
            links: Vec::new(),
        };
        policy.update();
        policy
    }

    /// Asks the system again. Returns whether the addresses of this host have changed.
    pub(super) fn update(&mut self) -> bool {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        self.links = interfaces.iter().map(link_of).collect();
        let interfaces: Vec<_> = interfaces.iter().map(if_addrs::Interface::ip).collect();
        let has_changed = interfaces != self.interfaces;
        self.interfaces = interfaces;
        has_changed
    }

    /// Returns the addresses to announce, best first: specified by the user, forwarded by a router,
    /// those of the listeners, and the address that DHT nodes observe, in case its port is
    /// forwarded.
    pub(super) fn announced(&self, observed_ip: Option<IpAddr>) -> Vec<SocketAddr> {
        let mut announced = Vec::new();
        for addr in &self.advertise {
            if !announced.contains(addr) {
                let times = if is_private(*addr) { 2 } else { 1 };
                announced.extend(std::iter::repeat_n(*addr, times));
            }
        }
        let mut own: Vec<_> = self.forwarded.into_iter().collect();
        for addr in &self.listen_addrs {
            if !addr.ip().is_unspecified() {
                own.push(*addr);
                continue;
            }
            let is_reachable = |ip: &&IpAddr| !ip.is_loopback() && !is_link_local(ip);
            let is_same_family = |ip: &&IpAddr| addr.is_ipv6() || ip.is_ipv4();
            let local = self.interfaces.iter().filter(is_reachable).filter(is_same_family);
            own.extend(local.map(|ip| SocketAddr::new(*ip, addr.port())));
            let outside = observed_ip.filter(|ip| is_public(*ip));
            own.extend(outside.map(|ip| SocketAddr::new(ip, addr.port())));
        }
        for addr in own {
            if !announced.contains(&addr) {
                announced.push(addr);
            }
        }
        announced.truncate(ADDRESSES_PER_PEER_MAX);
        announced
    }

    /// Returns the addresses of a record that may be dialled, each once.
    #[cfg(any(feature = "dht", test))]
    pub(super) fn dialled(&self, listed: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut dialled = Vec::new();
        for addr in listed {
            let is_specified = listed.iter().filter(|other| *other == addr).count() > 1;
            let may_dial = self.may_dial(*addr) || (is_specified && is_private(*addr));
            if may_dial && !dialled.contains(addr) {
                dialled.push(*addr);
            }
        }
        dialled
    }

    /// Returns whether an address that a source reports may be dialled.
    pub(super) fn may_dial(&self, addr: SocketAddr) -> bool {
        let ip = addr.ip().to_canonical();
        if addr.port() == 0 || ip.is_unspecified() || ip.is_multicast() || is_link_local(&ip) {
            return false;
        }
        if ip.is_loopback() {
            // A node that listens on loopback is part of a test on one host.
            return self.listen_addrs.iter().any(|own| own.ip().is_loopback());
        }
        is_public(ip)
            || self.interfaces.iter().any(|own| is_same_network(*own, ip))
            || self.links.iter().any(|link| is_on_link(*link, ip))
    }
}

fn link_of(interface: &if_addrs::Interface) -> (IpAddr, u8) {
    match &interface.addr {
        if_addrs::IfAddr::V4(addr) => (addr.ip.into(), addr.prefixlen),
        if_addrs::IfAddr::V6(addr) => (addr.ip.into(), addr.prefixlen),
    }
}

/// Returns whether an address is in the network of an interface. A prefix of less than 8 bits is
/// that of a tunnel to everywhere, and says nothing.
fn is_on_link((own, prefix): (IpAddr, u8), other: IpAddr) -> bool {
    let prefix = u32::from(prefix);
    match (own, other) {
        (IpAddr::V4(own), IpAddr::V4(other)) if (8..=32).contains(&prefix) => {
            (own.to_bits() ^ other.to_bits()).leading_zeros() >= prefix
        }
        (IpAddr::V6(own), IpAddr::V6(other)) if (8..=128).contains(&prefix) => {
            (own.to_bits() ^ other.to_bits()).leading_zeros() >= prefix
        }
        _ => false,
    }
}

/// Returns whether an address belongs to a private network that may be routed: RFC 1918, RFC 6598
/// or RFC 4193.
fn is_private(addr: SocketAddr) -> bool {
    let is_private = match addr.ip().to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    is_private && addr.port() != 0
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Returns whether an address is globally unique: not one of the special-purpose addresses of
/// RFC 6890.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            let is_benchmark = first == 198 && second & 0xfe == 18;
            let is_special = is_shared || is_benchmark || first == 0 || first >= 240;
            !(is_special || ip.is_private() || ip.is_loopback() || ip.is_link_local())
                && !(ip.is_documentation() || ip.is_multicast() || ip.is_broadcast())
        }
        // Global unicast is 2000::/3, without 2001:db8::/32 for documentation.
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
        }
    }
}

/// Returns whether two addresses are in one network of the usual size: a /24 of IPv4 (a judgement:
/// the default of home routers) or a /64 of IPv6 (RFC 4291, section 2.5.4).
fn is_same_network(own: IpAddr, other: IpAddr) -> bool {
    match (own, other) {
        (IpAddr::V4(own), IpAddr::V4(other)) => network4(own) == network4(other),
        (IpAddr::V6(own), IpAddr::V6(other)) => network6(own) == network6(other),
        _ => false,
    }
}

fn network4(ip: Ipv4Addr) -> u32 {
    ip.to_bits() >> 8
}

fn network6(ip: Ipv6Addr) -> u128 {
    ip.to_bits() >> 64
}
