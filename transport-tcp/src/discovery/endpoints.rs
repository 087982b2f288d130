//! What a member tells other members about itself: its key and where it listens, sealed.
//!
//! Rule: the seal's key comes from the group's key, so that a local network or a DHT that carries
//! a record reads nothing in it. Who wrote it is proved by the handshake at that address, and on a
//! DHT by the record's signature before that.
//!
//! ```text
//! sealed   header (24) ‖ secretstream(plain)         at most 225 bytes
//! plain    key (32) ‖ { 4 ‖ IPv4 (4) ‖ port (2, big-endian)  }*
//!                     { 6 ‖ IPv6 (16) ‖ port (2, big-endian) }
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BytesMut;
use multifeed_core::crypto::cipher::{HEADER_SIZE, OVERHEAD, Pull, Push};
use multifeed_core::crypto::hash::keyed;
use multifeed_core::rng::Rng;
use multifeed_core::{Group, PublicKey};

use crate::dialer::ADDRESSES_PER_PEER_MAX;

#[cfg(test)]
mod tests;

/// A record of [`ADDRESSES_PER_PEER_MAX`] addresses of IPv6 is as long as this.
pub(super) const SEALED_BYTES_MAX: usize =
    HEADER_SIZE + OVERHEAD + 32 + ADDRESSES_PER_PEER_MAX * (1 + 16 + 2);

/// Where one member can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub(super) key: PublicKey,
    pub(super) addrs: Vec<SocketAddr>,
}

/// What a record can be wrong in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadRecord {
    /// Longer than any.
    TooLong,
    /// Not sealed by a member of this group.
    Forged,
    /// Sealed by a member, and no endpoints.
    Malformed,
}

impl Endpoints {
    /// Seals a record of the first [`ADDRESSES_PER_PEER_MAX`] addresses.
    pub(super) fn seal(&self, group: &Group, seed: [u8; 32]) -> Vec<u8> {
        let mut plain = self.key.0.to_vec();
        for addr in self.addrs.iter().take(ADDRESSES_PER_PEER_MAX) {
            match addr.ip() {
                IpAddr::V4(ip) => {
                    plain.push(4);
                    plain.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    plain.push(6);
                    plain.extend_from_slice(&ip.octets());
                }
            }
            plain.extend_from_slice(&addr.port().to_be_bytes());
        }
        let (mut push, header) = Push::new(&seal_key(group), &mut Rng::new(seed));
        let mut sealed = BytesMut::from(&header[..]);
        push.seal(&plain, &mut sealed).expect("a record is shorter than 256 GiB");
        sealed.to_vec()
    }

    /// Opens a record that anybody may have made.
    pub(super) fn open(group: &Group, sealed: &[u8]) -> Result<Self, BadRecord> {
        if sealed.len() > SEALED_BYTES_MAX {
            return Err(BadRecord::TooLong);
        }
        let (header, sealed) = sealed.split_first_chunk().ok_or(BadRecord::Forged)?;
        let mut plain = BytesMut::from(sealed);
        let mut pull = Pull::new(&seal_key(group), *header);
        pull.open(&mut plain).map_err(|_| BadRecord::Forged)?;
        Self::decode(&plain).ok_or(BadRecord::Malformed)
    }

    fn decode(plain: &[u8]) -> Option<Self> {
        let (key, mut rest) = plain.split_first_chunk()?;
        let mut addrs = Vec::new();
        while let Some((family, after)) = rest.split_first() {
            let (ip, after) = match family {
                4 => take(after, |octets: [u8; 4]| IpAddr::from(Ipv4Addr::from(octets)))?,
                6 => take(after, |octets: [u8; 16]| IpAddr::from(Ipv6Addr::from(octets)))?,
                _ => return None,
            };
            let (port, after) = take(after, u16::from_be_bytes)?;
            addrs.push(SocketAddr::new(ip, port));
            rest = after;
        }
        (addrs.len() <= ADDRESSES_PER_PEER_MAX).then_some(Self { key: PublicKey(*key), addrs })
    }
}

fn seal_key(group: &Group) -> [u8; 32] {
    keyed(group.key(), &[b"multifeed/1 endpoints"])
}

fn take<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Option<(T, &[u8])> {
    let (field, rest) = bytes.split_first_chunk()?;
    Some((read(*field), rest))
}
