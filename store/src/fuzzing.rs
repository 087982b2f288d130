//! The body of the fuzz target for the file of a store.
//!
//! Rule: as in the core's `fuzzing`, it takes any bytes, and fails by a fault of the code alone.

use std::sync::OnceLock;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};

use crate::{Check, DiskStore, Image, Platter, Scan, Store};

/// What failures call the file.
const PATH: &str = "fuzzed";

/// What is in the file that is damaged.
fn entries() -> [(StoreKey, Bytes); 8] {
    [0, 1, 2, 3, 4, 5, 6, 7].map(|at: u8| {
        let value = vec![at; 1 + 40 * usize::from(at)];
        (StoreKey::from_bytes([at; 13]), Bytes::from(value))
    })
}

/// A file that was closed as it should be.
fn genuine() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let platter = Platter::new(Image::default());
        let mut store = DiskStore::create_on(platter.clone(), PATH).expect("memory does not fail");
        for (key, value) in entries() {
            store.commit(&[&[Write::Put(key, value)]]).expect("memory does not fail");
        }
        drop(store);
        platter.image().to_bytes()
    })
}

/// Changes of a store's file, then opens it: steps of `place, byte`, a place being 3 bytes,
/// little-endian, modulo the length of the file. Of an odd first byte the file ends at the first
/// place; of one with the second bit, all pages are checked.
///
/// Claims: it opens or says why not; a value that is read is the one that was written, or empty;
/// and it takes what is written then, or refuses and is closed.
#[doc(hidden)]
pub fn store_file(data: &[u8]) {
    let Some((how, steps)) = data.split_first() else { return };
    let mut bytes = genuine().to_vec();
    let places = steps.chunks_exact(4).map(|step| {
        let place = usize::from(step[0]) | usize::from(step[1]) << 8 | usize::from(step[2]) << 16;
        (place, step[3])
    });
    for (number, (place, byte)) in places.enumerate() {
        let place = place % bytes.len().max(1);
        if number == 0 && how & 1 == 1 {
            bytes.truncate(place);
        } else if let Some(there) = bytes.get_mut(place) {
            *there ^= byte;
        }
    }
    let check = if how & 2 == 0 { Check::Quick } else { Check::Whole };
    let platter = Platter::new(Image::from(bytes.as_slice()));
    let Ok(mut store) = DiskStore::open_on(platter, PATH, check) else { return };
    let written = entries();
    for (key, value) in &written {
        if let Ok(found) = store.read(&[*key]) {
            let is_sound = |found: &Bytes| found.is_empty() || found == value;
            assert!(found[0].as_ref().is_none_or(is_sound), "{key:?}: {found:?}");
        }
    }
    let [from, until] = [0, 0xff].map(|byte| StoreKey::from_bytes([byte; 13]));
    let all = Scan { from, until, entries_max: 100, bytes_max: 1 << 20 };
    if let Ok(found) = store.scan(&all) {
        let is_sound = |entry| written.contains(entry) || entry.1.is_empty();
        assert!(found.iter().all(is_sound), "{found:?}");
    }
    let write = Write::Put(until, Bytes::from_static(b"more"));
    if store.commit(&[&[write]]).is_err() {
        assert!(store.read(&[until]).is_err(), "after a failure it is closed");
    }
}

#[cfg(test)]
mod tests;
