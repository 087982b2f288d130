//! An index of feeds by the leading bits of their ids.
//!
//! Rule: 8.3 bytes per feed (a B-tree: 15), and a third of its insertion time. A member who chooses
//! colliding ids lengthens one bucket; each insertion into it then moves 8 bytes per such feed.

use alloc::vec;
use alloc::vec::Vec;

use super::token::ID_BITS;

/// Leading bits of an id that the index stores. The caller recomputes the rest.
const LEAD_BITS: u32 = 32;

/// Mean number of feeds per bucket at which all buckets are split: large enough that buckets of 8
/// bytes per feed add little, small enough that an insertion moves 1 KiB on average.
const BUCKET_FEEDS_MAX: usize = 256;

/// Number of feeds by which a full bucket grows: 1.6 % spare room on average.
const BUCKET_ROOM: usize = 8;

/// The leading bits of an id and the feed's slot.
type Place = (u32, u32);

/// Feeds ordered by id.
#[derive(Debug)]
pub(crate) struct Index {
    /// Sorted buckets in ascending order.
    buckets: Vec<Vec<Place>>,
    /// Number of leading bits that select a bucket.
    bits: u32,
    feeds: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![Vec::new()], bits: 0, feeds: 0 }
    }

    /// Adds the feed in a slot under its key's id. Adding it twice has no effect.
    pub(crate) fn insert(&mut self, id: u64, slot: u32) {
        let place = (lead_of(id), slot);
        let bucket = &mut self.buckets[bucket_of(place.0, self.bits)];
        let Err(at) = bucket.binary_search(&place) else { return };
        if bucket.len() == bucket.capacity() {
            bucket.reserve_exact(BUCKET_ROOM);
        }
        bucket.insert(at, place);
        self.feeds += 1;
        if self.feeds > BUCKET_FEEDS_MAX * self.buckets.len() && self.bits < LEAD_BITS {
            self.split();
        }
    }

    /// Removes a feed, if present.
    pub(crate) fn remove(&mut self, id: u64, slot: u32) {
        let place = (lead_of(id), slot);
        let bucket = &mut self.buckets[bucket_of(place.0, self.bits)];
        if let Ok(at) = bucket.binary_search(&place) {
            bucket.remove(at);
            self.feeds -= 1;
        }
    }

    /// The slots of the feeds whose id begins with the `width` bits of `prefix`; only the first 32
    /// bits are compared.
    pub(crate) fn find(&self, prefix: u64, width: u32) -> impl Iterator<Item = u32> {
        let bits = width.min(LEAD_BITS);
        let first = (prefix >> (width - bits) << (LEAD_BITS - bits)) as u32;
        let last = first | ((1u64 << (LEAD_BITS - bits)) - 1) as u32;
        let buckets = bucket_of(first, self.bits)..=bucket_of(last, self.bits);
        self.buckets[buckets].iter().flat_map(move |bucket| {
            let start = bucket.partition_point(|(lead, _)| *lead < first);
            let found = bucket[start..].iter().take_while(move |(lead, _)| *lead <= last);
            found.map(|(_, slot)| *slot)
        })
    }

    /// Splits each bucket in two.
    fn split(&mut self) {
        let bits = self.bits + 1;
        let halves = self.buckets.iter().enumerate().flat_map(|(number, bucket)| {
            let upper = bucket.partition_point(|(lead, _)| bucket_of(*lead, bits) == 2 * number);
            [bucket[..upper].to_vec(), bucket[upper..].to_vec()]
        });
        self.buckets = halves.collect();
        self.bits = bits;
    }
}

fn lead_of(id: u64) -> u32 {
    (id >> (ID_BITS - LEAD_BITS)) as u32
}

fn bucket_of(lead: u32, bits: u32) -> usize {
    (u64::from(lead) >> (LEAD_BITS - bits)) as usize
}

#[cfg(test)]
mod tests;
