use alloc::vec::Vec;

use super::*;
use crate::crypto::sign::KeyPair;
use crate::feed::manifest;

mod attacks;
mod budget;

fn feeds(lengths: &[u64]) -> Feeds {
    let mut feeds = Feeds::default();
    for (length, seed) in lengths.iter().zip(0..) {
        let key_pair = KeyPair::from_seed(&[seed; 32]);
        let public_key = key_pair.public_key();
        let id = feeds.insert(manifest::feed_key(&[0; 32], &public_key), public_key);
        let feed = feeds.get_mut(id).unwrap();
        feed.set_writer("x", key_pair);
        for _ in 0..*length {
            let staging = feed.append(id, &[b"x"], None).unwrap();
            feed.on_committed(staging.end);
        }
    }
    feeds
}

fn rest(listing: &mut Listing, feeds: &Feeds) -> Vec<u32> {
    let next = || {
        let feed = listing.peek(feeds)?;
        listing.advance();
        Some(feed.slot)
    };
    core::iter::from_fn(next).collect()
}

#[test]
fn every_feed_with_a_block_is_listed_once() {
    let feeds = feeds(&[1, 0, 2, 0, 3]);
    let mut listing = Listing::default();
    assert_eq!(rest(&mut listing, &feeds), [0, 2, 4]);
    assert!(rest(&mut listing, &feeds).is_empty());
}

#[test]
fn a_feed_is_listed_again_only_after_it_was_announced() {
    let feeds = feeds(&[0, 1, 1]);
    let mut listing = Listing::default();
    assert_eq!(listing.peek(&feeds), Some(FeedId::first(1)));
    assert_eq!(listing.peek(&feeds), Some(FeedId::first(1)));
    listing.advance();
    assert_eq!(rest(&mut listing, &feeds), [2]);
    assert!(!listing.is_done());
    listing.finish();
    assert!(listing.is_done());
}

#[test]
fn feeds_added_while_listing_are_included() {
    let mut listing = Listing::default();
    assert_eq!(rest(&mut listing, &feeds(&[1, 1])), [0, 1]);
    assert_eq!(rest(&mut listing, &feeds(&[1, 1, 1])), [2]);
}
