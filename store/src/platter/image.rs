//! What lies on a disk.
//!
//! Rule: images share the pages in which they do not differ, so that a million of them can be made
//! from one another.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;

use super::Op;

const PAGE_BYTES: usize = 4096;

type Page = [u8; PAGE_BYTES];

/// The bytes of a disk. Clones are cheap, and differ from then on.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Image {
    /// `None`: all zeros.
    pages: Vec<Option<Arc<Page>>>,
    length: u64,
}

/// Parts of a run of bytes, none of which crosses the border of a page: the page, where in it, and
/// which of the bytes.
fn parts(
    offset: u64,
    count: usize,
) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let place = usize::try_from(offset).ok()?.checked_add(done)?;
        let (page, within) = (place / PAGE_BYTES, place % PAGE_BYTES);
        let part = done..count.min(done + PAGE_BYTES - within);
        done = part.end;
        (!part.is_empty()).then_some((page, within, part))
    })
}

impl Image {
    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// All of the bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let pages = self.pages.iter();
        let mut bytes: Vec<u8> =
            pages.flat_map(|page| page.as_ref().map_or([0; PAGE_BYTES], |page| **page)).collect();
        bytes.resize(usize::try_from(self.length).unwrap_or(usize::MAX), 0);
        bytes
    }

    /// Where the pages begin that are not all zeros, and how long they are.
    pub fn used(&self) -> impl Iterator<Item = std::ops::Range<u64>> {
        let used = self.pages.iter().enumerate().filter(|(_, page)| page.is_some());
        used.map(|(number, _)| (number * PAGE_BYTES) as u64)
            .map(|start| start..self.length.min(start + PAGE_BYTES as u64))
    }

    /// A digest of how it differs from another: equal ones are the same image, but for one chance
    /// in 2^64 that they are not.
    pub fn difference(&self, other: &Self) -> u64 {
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

    /// Changes the bits of one byte that are set in `mask`. Behind the end there is none.
    pub fn flip(&mut self, offset: u64, mask: u8) {
        let mut byte = [0];
        if self.read(offset, &mut byte).is_ok() {
            self.write(offset, &[byte[0] ^ mask]);
        }
    }

    /// Does what was done to another.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Write(offset, bytes) => self.write(*offset, bytes),
            Op::Length(length) => self.set_length(*length),
            Op::Sync => {}
        }
    }

    /// Cuts it, or fills it up with zeros.
    pub fn set_length(&mut self, length: u64) {
        if length < self.length {
            // What lies behind the end is zero when it comes back.
            let last = usize::try_from(length).unwrap_or(usize::MAX) % PAGE_BYTES;
            let rest = vec![0; if last == 0 { 0 } else { PAGE_BYTES - last }];
            self.put(length, &rest);
        }
        self.length = length;
        self.pages.resize(self.length.div_ceil(PAGE_BYTES as u64) as usize, None);
    }

    /// Writes these bytes, and grows where they end behind the end.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > self.length {
            self.set_length(end);
        }
        self.put(offset, bytes);
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        for (page, within, part) in parts(offset, bytes.len()) {
            let Some(page) = self.pages.get_mut(page) else { return };
            let bytes = &bytes[part];
            if page.is_none() && bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            let page = page.get_or_insert_with(|| Arc::new([0; PAGE_BYTES]));
            Arc::make_mut(page)[within..within + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Fills `out` from an offset on; fails behind the end.
    pub fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(out.len() as u64).filter(|end| *end <= self.length);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        for (page, within, part) in parts(offset, out.len()) {
            let out = &mut out[part];
            match self.pages.get(page) {
                Some(Some(page)) => out.copy_from_slice(&page[within..within + out.len()]),
                _ => out.fill(0),
            }
        }
        Ok(())
    }
}

impl From<&[u8]> for Image {
    fn from(bytes: &[u8]) -> Self {
        let mut image = Self::default();
        image.write(0, bytes);
        image
    }
}
