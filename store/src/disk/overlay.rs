//! A medium that is only read: changes stay in memory.
//!
//! Rule: the medium below is never written, so a store on a read-only file system opens, even after
//! a crash, when the engine repairs it.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};

use crate::medium::Medium;

/// The unit in which changes are kept: the engine's page size.
const PAGE_BYTES: usize = 4096;
/// The most changed pages: 64 MiB. Chosen: a repair writes a bitmap of the pages of the file, so
/// this is enough for files of more than 100 GiB.
const PAGES_MAX: usize = 16 * 1024;

/// Reads a medium and keeps changes in memory.
#[derive(Debug)]
pub(super) struct Overlay<M> {
    below: M,
    changed: Mutex<Changed>,
}

#[derive(Debug)]
struct Changed {
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES]>>,
    length: u64,
    /// The bytes of the medium below that are still visible.
    length_below: u64,
}

impl<M: Medium> Overlay<M> {
    /// Puts an empty overlay on a medium.
    pub(super) fn new(below: M) -> io::Result<Self> {
        let length = below.length()?;
        let changed = Changed { pages: BTreeMap::new(), length, length_below: length };
        Ok(Self { below, changed: Mutex::new(changed) })
    }

    fn changed(&self) -> std::sync::MutexGuard<'_, Changed> {
        // A panic elsewhere leaves complete pages only.
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a page as it is now; zeros behind the end of the medium.
    fn page(&self, changed: &Changed, number: u64) -> io::Result<Box<[u8; PAGE_BYTES]>> {
        if let Some(page) = changed.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = Box::new([0; PAGE_BYTES]);
        let start = number * PAGE_BYTES as u64;
        let held = changed.length_below.saturating_sub(start).min(PAGE_BYTES as u64) as usize;
        if held > 0 {
            self.below.read(start, &mut page[..held])?;
        }
        Ok(page)
    }
}

impl<M: Medium> Medium for Overlay<M> {
    fn length(&self) -> io::Result<u64> {
        Ok(self.changed().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changed = self.changed();
        let end = offset.checked_add(out.len() as u64).filter(|end| *end <= changed.length);
        end.ok_or(ErrorKind::UnexpectedEof)?;
        if changed.pages.is_empty() && offset + out.len() as u64 <= changed.length_below {
            return self.below.read(offset, out);
        }
        for (number, from, range) in parts(offset, out.len()) {
            let page = self.page(&changed, number)?;
            let length = range.len();
            out[range].copy_from_slice(&page[from..from + length]);
        }
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut changed = self.changed();
        for (number, from, range) in parts(offset, bytes.len()) {
            let mut page = self.page(&changed, number)?;
            let length = range.len();
            page[from..from + length].copy_from_slice(&bytes[range]);
            if changed.pages.len() >= PAGES_MAX && !changed.pages.contains_key(&number) {
                return Err(ErrorKind::ReadOnlyFilesystem.into());
            }
            changed.pages.insert(number, page);
        }
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut changed = self.changed();
        let first_cut = length / PAGE_BYTES as u64;
        if length < changed.length {
            // The rest of the page in which the medium ends reads as zeros if it grows again.
            let mut page = self.page(&changed, first_cut)?;
            page[(length % PAGE_BYTES as u64) as usize..].fill(0);
            changed.pages.split_off(&first_cut);
            changed.pages.insert(first_cut, page);
        }
        changed.length = length;
        changed.length_below = changed.length_below.min(length);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }
}

/// Splits a range of bytes at the ends of pages: the page, the offset in it, the range of the
/// buffer.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let from = (at % PAGE_BYTES as u64) as usize;
        let range = done..length.min(done + PAGE_BYTES - from);
        done = range.end;
        Some((at / PAGE_BYTES as u64, from, range))
    })
}

#[cfg(test)]
mod tests;
