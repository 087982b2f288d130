//! The contents of a disk.
//!
//! Rule: images share equal pages, so a test can derive a million images from one another.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// The unit of sharing between images: the page size of `redb`, so one change of the engine copies
/// one page.
const PAGE_BYTES: usize = 4096;

type Page = [u8; PAGE_BYTES];

/// A change of a disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskOp {
    /// Bytes were written at an offset.
    Write(u64, Bytes),
    /// The length was set.
    SetLength(u64),
    /// All earlier changes were made durable.
    Sync,
}

/// The bytes of a disk. A clone is cheap and independent of the original.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct DiskImage {
    /// `None`: all zeros.
    pages: Vec<Option<Arc<Page>>>,
    length: u64,
}

/// The part of a byte range that lies within one page.
struct PagePart {
    /// The index of the page.
    page: usize,
    /// Where the part begins in the page.
    within: usize,
    /// Which bytes of the range it covers.
    range: Range<usize>,
}

/// Splits `count` bytes from `offset` on at the page boundaries.
fn page_parts(offset: u64, count: usize) -> impl Iterator<Item = PagePart> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let position = usize::try_from(offset).ok()?.checked_add(done)?;
        let (page, within) = (position / PAGE_BYTES, position % PAGE_BYTES);
        let range = done..count.min(done + PAGE_BYTES - within);
        done = range.end;
        (!range.is_empty()).then_some(PagePart { page, within, range })
    })
}

impl DiskImage {
    /// Returns the length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns all bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let pages = self.pages.iter();
        let mut bytes: Vec<u8> =
            pages.flat_map(|page| page.as_ref().map_or([0; PAGE_BYTES], |page| **page)).collect();
        bytes.resize(usize::try_from(self.length).unwrap_or(usize::MAX), 0);
        bytes
    }

    /// Returns the byte ranges of the pages that are not all zero.
    pub fn used_ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let used = self.pages.iter().enumerate().filter(|(_, page)| page.is_some());
        used.map(|(number, _)| (number * PAGE_BYTES) as u64)
            .map(|start| start..self.length.min(start + PAGE_BYTES as u64))
    }

    /// Returns a hash of the difference from another image. Images with equal hashes are equal,
    /// except with probability 2^-64.
    pub fn difference_hash(&self, other: &Self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.length.hash(&mut hasher);
        let others = other.pages.iter().map(Some).chain(std::iter::repeat(None));
        for ((page, other), number) in self.pages.iter().zip(others).zip(0u64..) {
            if other.is_some_and(|other| page == other) {
                continue;
            }
            number.hash(&mut hasher);
            page.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Flips the bits of `mask` in one byte. Does nothing past the end.
    pub fn flip_bits(&mut self, offset: u64, mask: u8) {
        let mut byte = [0];
        if self.read(offset, &mut byte).is_ok() {
            self.write(offset, &[byte[0] ^ mask]);
        }
    }

    /// Applies a change.
    pub fn apply(&mut self, op: &DiskOp) {
        match op {
            DiskOp::Write(offset, bytes) => self.write(*offset, bytes),
            DiskOp::SetLength(length) => self.set_length(*length),
            DiskOp::Sync => {}
        }
    }

    /// Truncates the image, or extends it with zeros.
    pub fn set_length(&mut self, length: u64) {
        if length < self.length {
            // Bytes past the end must be zero if the image grows again.
            let last = usize::try_from(length).unwrap_or(usize::MAX) % PAGE_BYTES;
            let rest = vec![0; if last == 0 { 0 } else { PAGE_BYTES - last }];
            self.put(length, &rest);
        }
        self.length = length;
        self.pages.resize(self.length.div_ceil(PAGE_BYTES as u64) as usize, None);
    }

    /// Writes bytes, and extends the image if they exceed its length.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > self.length {
            self.set_length(end);
        }
        self.put(offset, bytes);
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        for PagePart { page, within, range } in page_parts(offset, bytes.len()) {
            let Some(page) = self.pages.get_mut(page) else { return };
            let bytes = &bytes[range];
            if page.is_none() && bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            let page = page.get_or_insert_with(|| Arc::new([0; PAGE_BYTES]));
            Arc::make_mut(page)[within..within + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Fills `out` from an offset on; fails if the range exceeds the length.
    pub fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(out.len() as u64).filter(|end| *end <= self.length);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        for PagePart { page, within, range } in page_parts(offset, out.len()) {
            let out = &mut out[range];
            match self.pages.get(page) {
                Some(Some(page)) => out.copy_from_slice(&page[within..within + out.len()]),
                _ => out.fill(0),
            }
        }
        Ok(())
    }
}

impl From<&[u8]> for DiskImage {
    fn from(bytes: &[u8]) -> Self {
        let mut image = Self::default();
        image.write(0, bytes);
        image
    }
}
