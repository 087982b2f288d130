//! The body of the fuzz target for a store's file.
//!
//! Rule: the body accepts any input, and fails only on a bug, as in the core's `fuzzing`.

use std::sync::OnceLock;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

use crate::disk::{Check, DiskStore};
use crate::scan::Scan;
use crate::sim_disk::SimDisk;
use crate::sim_disk::image::DiskImage;
use crate::store::Store;

/// The path that failures name.
const PATH: &str = "fuzzed";

/// The entries of the file before it is corrupted.
fn entries() -> [(StoreKey, Bytes); 8] {
    [0, 1, 2, 3, 4, 5, 6, 7].map(|at: u8| {
        let value = vec![at; 1 + 40 * usize::from(at)];
        (StoreKey::from_bytes([at; 13]), Bytes::from(value))
    })
}

/// Returns a file that was closed properly.
fn intact_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let disk = SimDisk::new(DiskImage::default());
        let mut store = DiskStore::create_on(disk.clone(), PATH).expect("memory does not fail");
        for (key, value) in entries() {
            store.commit(&[&[Write::Put(key, value)]]).expect("memory does not fail");
        }
        drop(store);
        disk.image().to_bytes()
    })
}

/// Corrupts a store's file, then opens it.
///
/// Input: a byte of flags, then steps of an offset (3 bytes, little-endian, modulo the length of
/// the file) and a byte to XOR there. If bit 0 of the flags is set, the file is truncated at the
/// first offset instead. If bit 1 is set, every page is verified.
///
/// Claims: the store opens or fails with a reason; a value is read as written or empty; and a
/// commit succeeds, or fails and closes the store.
#[doc(hidden)]
pub fn store_file(data: &[u8]) {
    let Some((flags, steps)) = data.split_first() else { return };
    let mut bytes = intact_file().to_vec();
    let changes = steps.chunks_exact(4).map(|step| {
        let offset = usize::from(step[0]) | usize::from(step[1]) << 8 | usize::from(step[2]) << 16;
        (offset, step[3])
    });
    for (index, (offset, byte)) in changes.enumerate() {
        let offset = offset % bytes.len().max(1);
        if index == 0 && flags & 1 == 1 {
            bytes.truncate(offset);
        } else if let Some(target) = bytes.get_mut(offset) {
            *target ^= byte;
        }
    }
    let check = if flags & 2 == 0 { Check::Quick } else { Check::Full };
    let disk = SimDisk::new(DiskImage::from(bytes.as_slice()));
    let Ok(mut store) = DiskStore::open_on(disk, PATH, check) else { return };
    let written = entries();
    for (key, value) in &written {
        if let Ok(found) = store.read(&[*key]) {
            let is_valid = |found: &Bytes| found.is_empty() || found == value;
            assert!(found[0].as_ref().is_none_or(is_valid), "{key:?}: {found:?}");
        }
    }
    let [from, until] = [0, 0xff].map(|byte| StoreKey::from_bytes([byte; 13]));
    let all = Scan { from, until, entries_max: 100, bytes_max: 1 << 20 };
    if let Ok(found) = store.scan(&all) {
        let is_valid = |entry| written.contains(entry) || entry.1.is_empty();
        assert!(found.iter().all(is_valid), "{found:?}");
    }
    let write = Write::Put(until, Bytes::from_static(b"more"));
    if store.commit(&[&[write]]).is_err() {
        assert!(store.read(&[until]).is_err(), "a failed commit closes the store");
    }
}

#[cfg(test)]
mod tests;
