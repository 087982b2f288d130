//! What a power cut can leave on a disk.
//!
//! Rule: what was synced is there. Of the writes that were not, any may be there, wholly or some of
//! their sectors, in any order: a disk writes from its own queue.

use bytes::Bytes;

use super::{Image, Op};

/// Bytes that a disk writes as one.
pub const SECTOR_BYTES: usize = 512;

/// A disk whose power is cut: what was synced, and what was done since.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// With all that was done before the last sync.
    pub synced: &'a Image,
    /// What was done after it, in order.
    pub pending: &'a [Op],
}

/// What is left of the write that was under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tear {
    /// So many bytes of its front; behind them is what was there before.
    Front(usize),
    /// The same, and zeros behind them.
    Zeroed(usize),
    /// What comes behind so many bytes; before them is what was there before.
    Back(usize),
}

impl Tear {
    /// Every way to tear a write of so many bytes at the borders of its sectors. One that is no
    /// longer than a sector is torn at every byte, between what was there before and what comes,
    /// as some disks do; none of them leaves zeros in a sector.
    pub fn all(bytes: usize) -> impl Iterator<Item = Self> {
        let is_sector = bytes <= SECTOR_BYTES;
        let step = if is_sector { 1 } else { SECTOR_BYTES };
        (step..bytes).step_by(step).flat_map(move |place| {
            let zeroed = (!is_sector).then_some(Self::Zeroed(place));
            [Self::Front(place), Self::Back(place)].into_iter().chain(zeroed)
        })
    }

    fn apply(self, image: &mut Image, offset: u64, bytes: &[u8]) {
        let (Self::Front(place) | Self::Zeroed(place) | Self::Back(place)) = self;
        let (front, back) = bytes.split_at(place.min(bytes.len()));
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

impl Cut<'_> {
    /// Only those of the pending operations are there for which `is_kept` says so, by their place.
    pub fn subset(&self, is_kept: impl Fn(usize) -> bool) -> Image {
        let mut image = self.synced.clone();
        let kept = self.pending.iter().enumerate().filter(|(place, _)| is_kept(*place));
        kept.for_each(|(_, op)| image.apply(op));
        image
    }

    /// The last operation is torn, and those before it are there for which `is_kept` says so.
    /// `None` if it was no write.
    pub fn torn(&self, tear: Tear, is_kept: impl Fn(usize) -> bool) -> Option<Image> {
        let (last, before) = self.pending.split_last()?;
        let Op::Write(offset, bytes) = last else { return None };
        let mut image = Cut { pending: before, ..*self }.subset(is_kept);
        tear.apply(&mut image, *offset, bytes);
        Some(image)
    }

    /// Each sector of each pending write is there or not, as `is_kept` says when it is asked, in
    /// order.
    pub fn scattered(&self, mut is_kept: impl FnMut() -> bool) -> Image {
        let mut image = self.synced.clone();
        for op in self.pending {
            let Op::Write(offset, bytes) = op else {
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
