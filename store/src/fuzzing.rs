//! The body of the fuzz target for the file of a store.
//!
//! Rule: as in the core's `fuzzing`, it takes any bytes, and fails by a fault of the code alone.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use redb::{BackendError, StorageBackend};

use crate::{Check, DiskStore, Scan, Store};

/// A longer file than this is not grown: an engine that believes a length would fill memory.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A file in memory; clones are the same file.
#[derive(Clone, Debug, Default)]
struct Platter(Arc<Mutex<Vec<u8>>>);

impl Platter {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
    let end = usize::try_from(offset).ok().and_then(|start| start.checked_add(length));
    let end = end.filter(|end| *end <= FILE_BYTES_MAX).ok_or(io::ErrorKind::StorageFull)?;
    Ok(end - length..end)
}

impl StorageBackend for Platter {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes();
        let found = bytes.get(place(offset, out.len())?).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let range = place(0, usize::try_from(len).map_err(|_| io::ErrorKind::StorageFull)?)?;
        self.bytes().resize(range.end, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let range = place(offset, data.len())?;
        let mut bytes = self.bytes();
        bytes.get_mut(range).ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}

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
        let file = Platter::default();
        let mut store = DiskStore::fresh(file.clone()).expect("memory does not fail");
        for (key, value) in entries() {
            store.commit(&[&[Write::Put(key, value)]]).expect("memory does not fail");
        }
        drop(store);
        file.bytes().clone()
    })
}

/// Changes of a store's file, then opens it: steps of `place, byte`, a place being 3 bytes,
/// little-endian, modulo the length of the file. Of an odd first byte the file ends at the first
/// place; of one with the second bit, all pages are checked.
///
/// Claims: it opens or says why not; what is read is what was written, or said to be damaged; and
/// it takes what is written then, or refuses.
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
    let file = Platter(Arc::new(Mutex::new(bytes)));
    let Ok(mut store) = DiskStore::existing(file, check) else { return };
    let written = entries();
    for (key, value) in &written {
        if let Ok(found) = store.read(&[*key]) {
            assert!(found[0].as_ref().is_none_or(|found| found == value), "{key:?}: {found:?}");
        }
    }
    let [from, until] = [0, 0xff].map(|byte| StoreKey::from_bytes([byte; 13]));
    let all = Scan { from, until, entries_max: 100, bytes_max: 1 << 20 };
    if let Ok(found) = store.scan(&all) {
        assert!(found.iter().all(|entry| written.contains(entry)), "{found:?}");
    }
    let write = Write::Put(until, Bytes::from_static(b"more"));
    if store.commit(&[&[write]]).is_err() {
        assert!(store.read(&[until]).is_err(), "after a failure it is closed");
    }
}

#[cfg(test)]
mod tests;
