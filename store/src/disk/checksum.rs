//! The stored form of a value: the value, then a checksum of key and value.
//!
//! Rule: a value leaves the store as it was written, or empty. The engine verifies its own
//! checksums when it opens a file, but not when it reads a page.

use bytes::Bytes;
use multifeed_core::StoreKey;

const CHECKSUM_BYTES: usize = 4;

/// Writes the stored form of a value into `stored`.
pub(super) fn encode(key: &StoreKey, value: &[u8], stored: &mut Vec<u8>) {
    stored.clear();
    stored.extend_from_slice(value);
    stored.extend_from_slice(&checksum(key, value));
}

/// Returns the value of a stored form, or an empty value if the checksum does not match.
pub(super) fn decode(key: &StoreKey, stored: &[u8]) -> Bytes {
    match stored.split_last_chunk::<CHECKSUM_BYTES>() {
        Some((value, found)) if *found == checksum(key, value) => Bytes::copy_from_slice(value),
        _ => Bytes::new(),
    }
}

/// CRC-32. It covers the key too, so a value stored under another key is detected.
fn checksum(key: &StoreKey, value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(key.as_bytes());
    checksum.update(value);
    checksum.finalize().to_le_bytes()
}
