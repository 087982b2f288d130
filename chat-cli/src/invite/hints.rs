//! Encodes the hints of an invite: the room's name, addresses, and the inviter.
//!
//! Each hint has a byte of type (three high bits) and length (five low bits), then its value. A
//! second header byte would add two characters to a text that people copy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The most addresses in an invite. Chosen: keeps the invite short and its QR code small.
pub const ADDRESSES_MAX: usize = 2;
/// The longest room name in an invite, in bytes of UTF-8. Chosen: short; the format allows 31.
pub const NAME_BYTES_MAX: usize = 24;

const TYPE_NAME: u8 = 1;
const TYPE_IPV4: u8 = 2;
const TYPE_IPV6: u8 = 3;
const TYPE_INVITER: u8 = 4;
const LENGTH_MASK: u8 = 0x1f;

/// The hints of an invite. They are unverified claims of the inviter; if wrong, nothing fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    name: Option<String>,
    addresses: Vec<SocketAddr>,
    inviter: Option<[u8; 8]>,
}

impl Hints {
    /// Adds the room's name, cut to [`NAME_BYTES_MAX`] at a character boundary.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
        self.name = (!name.is_empty()).then(|| name.to_string());
        self
    }

    /// Adds an address to dial; addresses after [`ADDRESSES_MAX`] are left out.
    #[must_use]
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        // Scope and flow are valid on the inviter's machine only.
        let address = SocketAddr::new(address.ip(), address.port());
        if self.addresses.len() < ADDRESSES_MAX && !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
        self
    }

    /// Adds the first bytes of the inviter's key.
    #[must_use]
    pub fn with_inviter(mut self, fingerprint: [u8; 8]) -> Self {
        self.inviter = Some(fingerprint);
        self
    }

    /// Returns the room's name by the inviter. Peer text: sanitise it before showing it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the addresses of members when the invite was created.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the first bytes of the inviter's key.
    pub fn inviter(&self) -> Option<[u8; 8]> {
        self.inviter
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if let Some(name) = &self.name {
            put(out, TYPE_NAME, name.as_bytes());
        }
        for address in &self.addresses {
            let port = address.port().to_be_bytes();
            match address.ip() {
                IpAddr::V4(ip) => put(out, TYPE_IPV4, &[&ip.octets()[..], &port].concat()),
                IpAddr::V6(ip) => put(out, TYPE_IPV6, &[&ip.octets()[..], &port].concat()),
            }
        }
        if let Some(inviter) = &self.inviter {
            put(out, TYPE_INVITER, inviter);
        }
    }

    /// Decodes hints. Unknown types and surplus hints are ignored.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut hints = Self::default();
        while let Some((&header, rest)) = bytes.split_first() {
            let (value, rest) = rest.split_at_checked((header & LENGTH_MASK).into())?;
            bytes = rest;
            match header >> 5 {
                TYPE_NAME if hints.name.is_none() => {
                    hints = hints.with_name(std::str::from_utf8(value).ok()?);
                }
                TYPE_IPV4 => {
                    let (ip, port) = split_port::<4>(value)?;
                    hints = hints.with_address((Ipv4Addr::from(ip), port).into());
                }
                TYPE_IPV6 => {
                    let (ip, port) = split_port::<16>(value)?;
                    hints = hints.with_address((Ipv6Addr::from(ip), port).into());
                }
                TYPE_INVITER if hints.inviter.is_none() => {
                    hints.inviter = Some(value.try_into().ok()?);
                }
                _ => {}
            }
        }
        Some(hints)
    }
}

/// Appends a hint. Values are shorter than 32 bytes.
fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let length = u8::try_from(value.len()).expect("values are bounded where they are set");
    debug_assert!(length <= LENGTH_MASK);
    out.push(kind << 5 | length);
    out.extend_from_slice(value);
}

/// Splits an address into octets and port, with nothing after them.
fn split_port<const N: usize>(value: &[u8]) -> Option<([u8; N], u16)> {
    let (ip, port) = value.split_first_chunk::<N>()?;
    Some((*ip, u16::from_be_bytes(port.try_into().ok()?)))
}
