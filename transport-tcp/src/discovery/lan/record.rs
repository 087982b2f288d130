//! The encrypted record of a service on the local network.
//!
//! Rule: it has a key of its own, so a record from the DHT is none for the local network.
//!
//! ```text
//! sealed   header (24) ‖ secretstream(plain)         at most 237 bytes
//! plain    instance (4) ‖ seconds since 1970 (8, big-endian) ‖ endpoints, see endpoints.rs
//! ```

use multifeed_core::Group;
use multifeed_core::crypto::hash::keyed;

use crate::discovery::endpoints::{
    BadRecord, Endpoints, SEALED_BYTES_MAX, open, seal, split_field,
};

/// Bytes of the random part of a service's name.
pub(super) const INSTANCE_SIZE: usize = 4;

/// What a member announces on the local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The name of the service that the record belongs to.
    pub(super) instance: [u8; INSTANCE_SIZE],
    /// When it was made, on the clock of its author.
    pub(super) time_s: u64,
    pub(super) endpoints: Endpoints,
}

/// The most bytes of a sealed record. A TXT property has 255 at most, with its name.
pub(super) const RECORD_BYTES_MAX: usize = SEALED_BYTES_MAX + INSTANCE_SIZE + size_of::<u64>();

impl Record {
    /// Encrypts the record.
    pub(super) fn seal(&self, group: &Group, seed: [u8; 32]) -> Vec<u8> {
        let mut plain = self.instance.to_vec();
        plain.extend_from_slice(&self.time_s.to_be_bytes());
        plain.extend_from_slice(&self.endpoints.encode());
        seal(&key(group), &plain, seed)
    }

    /// Decrypts a record from the network.
    pub(super) fn open(group: &Group, sealed: &[u8]) -> Result<Self, BadRecord> {
        if sealed.len() > RECORD_BYTES_MAX {
            return Err(BadRecord::TooLong);
        }
        Self::decode(&open(&key(group), sealed)?).ok_or(BadRecord::Malformed)
    }

    fn decode(plain: &[u8]) -> Option<Self> {
        let (instance, rest) = split_field(plain, |instance| instance)?;
        let (time_s, rest) = split_field(rest, u64::from_be_bytes)?;
        Some(Self { instance, time_s, endpoints: Endpoints::decode(rest)? })
    }
}

fn key(group: &Group) -> [u8; 32] {
    keyed(group.key(), &[b"multifeed/1 lan record"])
}
