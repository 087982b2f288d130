//! Which addresses are told to others, and which of theirs are dialled.
//!
//! Rule: an address of a private network means another machine in each of them. One that comes
//! from afar is dialled only where it is in a network of ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::dialer::ADDRESSES_PER_PEER_MAX;

#[cfg(test)]
mod tests;

/// Where this host is.
#[derive(Debug)]
pub(super) struct Reach {
    advertise: Vec<SocketAddr>,
    /// Where a router lets others in.
    pub(super) forwarded: Option<SocketAddr>,
    listening: Vec<SocketAddr>,
    interfaces: Vec<IpAddr>,
}

impl Reach {
    /// As the system says; a system that says nothing leaves what we were told.
    pub(super) fn find(listening: &[SocketAddr], advertise: Vec<SocketAddr>) -> Self {
        let listening = listening.to_vec();
        let mut reach = Self { advertise, forwarded: None, listening, interfaces: Vec::new() };
        reach.look_again();
        reach
    }

    /// Takes note of where this host is by now; whether it has moved.
    pub(super) fn look_again(&mut self) -> bool {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let interfaces: Vec<_> = interfaces.iter().map(if_addrs::Interface::ip).collect();
        let has_moved = interfaces != self.interfaces;
        self.interfaces = interfaces;
        has_moved
    }

    /// Where others may dial us, the best first: what the user says, where a router lets them in,
    /// what we listen on, and where nodes see us come from, in case a port is forwarded there.
    pub(super) fn own(&self, seen_as: Option<IpAddr>) -> Vec<SocketAddr> {
        let mut own = self.advertise.clone();
        own.extend(self.forwarded);
        for addr in &self.listening {
            if !addr.ip().is_unspecified() {
                own.push(*addr);
                continue;
            }
            let is_reached = |ip: &&IpAddr| !ip.is_loopback() && !is_of_a_link(ip);
            let same = |ip: &&IpAddr| addr.is_ipv6() || ip.is_ipv4();
            let here = self.interfaces.iter().filter(is_reached).filter(same);
            own.extend(here.map(|ip| SocketAddr::new(*ip, addr.port())));
            let outside = seen_as.filter(|ip| is_public(*ip));
            own.extend(outside.map(|ip| SocketAddr::new(ip, addr.port())));
        }
        let mut told = Vec::new();
        for addr in own {
            if !told.contains(&addr) && told.len() < ADDRESSES_PER_PEER_MAX {
                told.push(addr);
            }
        }
        told
    }

    /// Whether an address from afar may be dialled.
    pub(super) fn may_dial(&self, addr: SocketAddr) -> bool {
        let ip = addr.ip().to_canonical();
        if addr.port() == 0 || ip.is_unspecified() || ip.is_multicast() || is_of_a_link(&ip) {
            return false;
        }
        if ip.is_loopback() {
            // Only who meets on one host says so.
            return self.listening.iter().any(|own| own.ip().is_loopback());
        }
        is_public(ip) || self.interfaces.iter().any(|own| is_near(*own, ip))
    }
}

fn is_of_a_link(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether an address means one machine for everybody: none of those that RFC 6890 sets apart.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && second & 0xc0 == 64;
            let benchmark = first == 198 && second & 0xfe == 18;
            let apart = shared || benchmark || first == 0 || first >= 240;
            !(apart || ip.is_private() || ip.is_loopback() || ip.is_link_local())
                && !(ip.is_documentation() || ip.is_multicast() || ip.is_broadcast())
        }
        // Global unicast is 2000::/3; 2001:db8::/32 of it is for texts.
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
        }
    }
}

/// Whether two addresses are in one network of the usual size: a /24, or a /64 of IPv6.
fn is_near(own: IpAddr, other: IpAddr) -> bool {
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
