//! The encrypted record in which a member tells other members its key and its addresses.
//!
//! Rule: the encryption key is derived from the group's key, so a local network or a DHT that
//! carries a record cannot read it. The handshake at the address proves the author; on a DHT the
//! signature of the record proves it before that.
//!
//! ```text
//! sealed   header (24) ‖ secretstream(plain)         at most 225 bytes
//! plain    key (32) ‖ { 4 ‖ IPv4 (4) ‖ port (2, big-endian)  }*
//!                     { 6 ‖ IPv6 (16) ‖ port (2, big-endian) }
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BytesMut;
#[cfg(any(feature = "dht", test))]
use multifeed_core::Group;
use multifeed_core::PublicKey;
use multifeed_core::crypto::cipher::{HEADER_SIZE, OVERHEAD, Pull, Push};
use multifeed_core::rng::Rng;

use super::report::ADDRESSES_PER_PEER_MAX;

#[cfg(test)]
mod tests;

/// The length of a record of [`ADDRESSES_PER_PEER_MAX`] addresses of IPv6.
pub(super) const SEALED_BYTES_MAX: usize =
    HEADER_SIZE + OVERHEAD + 32 + ADDRESSES_PER_PEER_MAX * (1 + 16 + 2);

/// The addresses of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub(super) key: PublicKey,
    pub(super) addrs: Vec<SocketAddr>,
}

/// Why a record is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadRecord {
    /// It is longer than any valid record.
    TooLong,
    /// No member of this group encrypted it.
    Forged,
    /// A member encrypted it, but it does not contain endpoints.
    Malformed,
}

impl Endpoints {
    /// Encrypts a record of the first [`ADDRESSES_PER_PEER_MAX`] addresses.
    #[cfg(any(feature = "dht", test))]
    pub(super) fn seal(&self, group: &Group, seed: [u8; 32]) -> Vec<u8> {
        seal(&seal_key(group), &self.encode(), seed)
    }

    /// Decrypts a record from an untrusted source.
    #[cfg(any(feature = "dht", test))]
    pub(super) fn open(group: &Group, sealed: &[u8]) -> Result<Self, BadRecord> {
        if sealed.len() > SEALED_BYTES_MAX {
            return Err(BadRecord::TooLong);
        }
        Self::decode(&open(&seal_key(group), sealed)?).ok_or(BadRecord::Malformed)
    }

    /// Encodes the first [`ADDRESSES_PER_PEER_MAX`] addresses.
    pub(super) fn encode(&self) -> Vec<u8> {
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
        plain
    }

    pub(super) fn decode(plain: &[u8]) -> Option<Self> {
        let (key, mut rest) = plain.split_first_chunk()?;
        let mut addrs = Vec::new();
        while let Some((family, after)) = rest.split_first() {
            let (ip, after) = match family {
                4 => split_field(after, |octets: [u8; 4]| IpAddr::from(Ipv4Addr::from(octets)))?,
                6 => split_field(after, |octets: [u8; 16]| IpAddr::from(Ipv6Addr::from(octets)))?,
                _ => return None,
            };
            let (port, after) = split_field(after, u16::from_be_bytes)?;
            addrs.push(SocketAddr::new(ip, port));
            rest = after;
        }
        (addrs.len() <= ADDRESSES_PER_PEER_MAX).then_some(Self { key: PublicKey(*key), addrs })
    }
}

/// Encrypts a record.
pub(super) fn seal(key: &[u8; 32], plain: &[u8], seed: [u8; 32]) -> Vec<u8> {
    let (mut push, header) = Push::new(key, &mut Rng::new(seed));
    let mut sealed = BytesMut::from(&header[..]);
    push.seal(plain, &mut sealed).expect("a record is shorter than 256 GiB");
    sealed.to_vec()
}

/// Decrypts a record, whose length the caller has checked.
pub(super) fn open(key: &[u8; 32], sealed: &[u8]) -> Result<BytesMut, BadRecord> {
    let (header, sealed) = sealed.split_first_chunk().ok_or(BadRecord::Forged)?;
    let mut plain = BytesMut::from(sealed);
    Pull::new(key, *header).open(&mut plain).map_err(|_| BadRecord::Forged)?;
    Ok(plain)
}

/// The encryption key of records.
#[cfg(any(feature = "dht", test))]
fn seal_key(group: &Group) -> [u8; 32] {
    multifeed_core::crypto::hash::keyed(group.key(), &[b"multifeed/1 endpoints"])
}

/// Splits a field off the front, and decodes it.
pub(super) fn split_field<const N: usize, T>(
    bytes: &[u8],
    decode: impl Fn([u8; N]) -> T,
) -> Option<(T, &[u8])> {
    let (field, rest) = bytes.split_first_chunk()?;
    Some((decode(*field), rest))
}
