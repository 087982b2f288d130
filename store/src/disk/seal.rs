//! How a value lies in the file: followed by a checksum of key and value.
//!
//! Rule: a value leaves the store as it came in, or empty. The engine checks its own checksums when
//! a file is opened, and not when a page is read.

use bytes::Bytes;
use multifeed_core::StoreKey;

const CHECKSUM_BYTES: usize = 4;

/// Writes the stored form of a value into `sealed`.
pub(super) fn close(key: &StoreKey, value: &[u8], sealed: &mut Vec<u8>) {
    sealed.clear();
    sealed.extend_from_slice(value);
    sealed.extend_from_slice(&checksum(key, value));
}

/// The value of a stored form; empty if it is not what was written under this key.
pub(super) fn open(key: &StoreKey, sealed: &[u8]) -> Bytes {
    match sealed.split_last_chunk::<CHECKSUM_BYTES>() {
        Some((value, found)) if *found == checksum(key, value) => Bytes::copy_from_slice(value),
        _ => Bytes::new(),
    }
}

/// CRC-32. The key goes in too, so that a value in another's place is found.
fn checksum(key: &StoreKey, value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(key.as_bytes());
    checksum.update(value);
    checksum.finalize().to_le_bytes()
}
