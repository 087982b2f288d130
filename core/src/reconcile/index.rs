//! Feeds by the leading bits of their ids.
//!
//! Rule: 8.3 bytes a feed, where a B-tree takes 15, and a third of its time for one more. Whoever
//! plants ids makes one bucket longer, and all others wait for its bytes to be moved: 8 for each
//! feed that was planted.

use alloc::vec;
use alloc::vec::Vec;

use super::token::ID_BITS;
use crate::id::FeedId;

/// Leading bits of an id that feeds are ordered by. The others are made anew when they are asked
/// for.
const LEAD_BITS: u32 = 32;

/// Feeds in a bucket, on average, at which all buckets are split.
const BUCKET_FEEDS_MAX: usize = 256;

/// Feeds that a full bucket makes room for.
const BUCKET_ROOM: usize = 8;

/// One feed, behind the leading bits of its id.
type Place = (u32, FeedId);

/// Feeds in the order of their ids.
#[derive(Debug)]
pub(crate) struct Index {
    /// Each is sorted, and all of it comes before the next one.
    buckets: Vec<Vec<Place>>,
    /// The leading bits of an id that are its bucket's number.
    bits: u32,
    feeds: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![Vec::new()], bits: 0, feeds: 0 }
    }

    /// Adds a feed by its key's id. Twice is once.
    pub(crate) fn insert(&mut self, id: u64, feed: FeedId) {
        let place = (lead_of(id), feed);
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

    /// Takes a feed off, if it is in.
    pub(crate) fn remove(&mut self, id: u64, feed: FeedId) {
        let place = (lead_of(id), feed);
        let bucket = &mut self.buckets[bucket_of(place.0, self.bits)];
        if let Ok(at) = bucket.binary_search(&place) {
            bucket.remove(at);
            self.feeds -= 1;
        }
    }

    /// The feeds whose id begins with the `width` bits of `prefix`, as far as 32 bits tell.
    pub(crate) fn find(&self, prefix: u64, width: u32) -> impl Iterator<Item = FeedId> {
        let bits = width.min(LEAD_BITS);
        let first = (prefix >> (width - bits) << (LEAD_BITS - bits)) as u32;
        let last = first | ((1u64 << (LEAD_BITS - bits)) - 1) as u32;
        let buckets = bucket_of(first, self.bits)..=bucket_of(last, self.bits);
        self.buckets[buckets].iter().flat_map(move |bucket| {
            let start = bucket.partition_point(|(lead, _)| *lead < first);
            let found = bucket[start..].iter().take_while(move |(lead, _)| *lead <= last);
            found.map(|(_, feed)| *feed)
        })
    }

    /// Makes two buckets of each.
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
