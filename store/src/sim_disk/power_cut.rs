//! What a power cut can leave on a disk.
//!
//! Rule: everything synced survives. Of the later writes any subset may survive, each completely or
//! in some of its sectors, because a disk reorders its own write queue.

use bytes::Bytes;

use super::image::{DiskImage, DiskOp};

/// The unit that a disk writes atomically: the logical block of most drives (Linux reports it in
/// `/sys/block/*/queue/logical_block_size`). Drives with 4,096-byte sectors tear less often.
pub const SECTOR_BYTES: usize = 512;

/// A disk at the moment of a power cut: the synced contents, and the operations since.
#[derive(Clone, Copy, Debug)]
pub struct PowerCut<'a> {
    /// The contents at the last sync.
    pub synced: &'a DiskImage,
    /// The operations after it, in order.
    pub pending: &'a [DiskOp],
}

/// How the write in progress is torn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tear {
    /// The first bytes, this many, are new; the rest is old.
    Front(usize),
    /// The first bytes, this many, are new; the rest is zero.
    Zeroed(usize),
    /// The first bytes, this many, are old; the rest is new.
    Back(usize),
}

impl Tear {
    /// Returns every way to tear a write of this length at its sector boundaries. A write within
    /// one sector is torn at every byte between old and new contents, as some disks do; no disk
    /// leaves zeros within a sector.
    pub fn all(bytes: usize) -> impl Iterator<Item = Self> {
        let is_sector = bytes <= SECTOR_BYTES;
        let step = if is_sector { 1 } else { SECTOR_BYTES };
        (step..bytes).step_by(step).flat_map(move |at| {
            let zeroed = (!is_sector).then_some(Self::Zeroed(at));
            [Self::Front(at), Self::Back(at)].into_iter().chain(zeroed)
        })
    }

    fn apply(self, image: &mut DiskImage, offset: u64, bytes: &[u8]) {
        let (Self::Front(at) | Self::Zeroed(at) | Self::Back(at)) = self;
        let (front, back) = bytes.split_at(at.min(bytes.len()));
        match self {
            Self::Front(_) => image.write(offset, front),
            Self::Zeroed(_) => {
                image.write(offset, front);
                image.write(offset + front.len() as u64, &vec![0; back.len()]);
            }
            Self::Back(_) => image.write(offset + front.len() as u64, back),
        }
    }
}

impl PowerCut<'_> {
    /// Returns the image in which those pending operations survive whose index `is_kept` accepts.
    pub fn subset(&self, is_kept: impl Fn(usize) -> bool) -> DiskImage {
        let mut image = self.synced.clone();
        let kept = self.pending.iter().enumerate().filter(|(index, _)| is_kept(*index));
        kept.for_each(|(_, op)| image.apply(op));
        image
    }

    /// Returns the image in which the last operation is torn and the earlier ones survive if
    /// `is_kept` accepts their index. `None` if the last operation is not a write.
    pub fn torn(&self, tear: Tear, is_kept: impl Fn(usize) -> bool) -> Option<DiskImage> {
        let (last, before) = self.pending.split_last()?;
        let DiskOp::Write(offset, bytes) = last else { return None };
        let mut image = PowerCut { pending: before, ..*self }.subset(is_kept);
        tear.apply(&mut image, *offset, bytes);
        Some(image)
    }

    /// Returns the image in which each sector of each pending write survives if `is_kept` returns
    /// true. It is called once per sector and once per other operation, in order.
    pub fn scattered(&self, mut is_kept: impl FnMut() -> bool) -> DiskImage {
        let mut image = self.synced.clone();
        for op in self.pending {
            let DiskOp::Write(offset, bytes) = op else {
                if is_kept() {
                    image.apply(op);
                }
                continue;
            };
            for (sector, number) in sectors(bytes).zip(0..) {
                if is_kept() {
                    image.write(offset + number * SECTOR_BYTES as u64, &sector);
                }
            }
        }
        image
    }
}

fn sectors(bytes: &Bytes) -> impl Iterator<Item = Bytes> {
    let starts = (0..bytes.len()).step_by(SECTOR_BYTES);
    starts.map(|start| bytes.slice(start..bytes.len().min(start + SECTOR_BYTES)))
}
