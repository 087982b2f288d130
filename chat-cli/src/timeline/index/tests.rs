use std::path::Path;

use proptest::prelude::*;

use super::tables::TOPICS;
use super::*;
use crate::message::seen::Digest;
use crate::message::seen::{chain, digest};

const OWN: [u8; 32] = [0; 32];

/// A feed that is written block by block, so that its digests are known.
#[derive(Default)]
struct Author {
    feed: [u8; 32],
    blocks: Vec<NewBlock>,
    chains: Vec<Digest>,
}

impl Author {
    fn new(name: u8) -> Self {
        Self { feed: [name; 32], ..Self::default() }
    }

    fn write(&mut self, claimed_ms: Option<i64>, seen: &[Head]) -> NewBlock {
        self.set(claimed_ms, seen, None)
    }

    /// Writes a block that may set the topic of a channel.
    fn set(&mut self, claimed_ms: Option<i64>, seen: &[Head], channel: Option<u8>) -> NewBlock {
        let (tag, sets_topic) = ([channel.unwrap_or(0); 16], channel.is_some());
        let index = self.blocks.len() as u64;
        let own = digest(format!("{index} {seen:?} {claimed_ms:?}").as_bytes());
        self.chains.push(chain(self.chains.last().copied(), &own));
        let block = Block { feed: self.feed, index };
        let seen = seen.to_vec();
        let arrived = NewBlock { block, digest: own, claimed_ms, seen, channel: tag, sets_topic };
        self.blocks.push(arrived.clone());
        arrived
    }

    fn head(&self, index: usize) -> Head {
        Head { feed: self.feed, index: index as u64, digest: self.chains[index] }
    }
}

/// Opens or creates the index in a file.
fn open_at(path: &Path) -> Index {
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    Index::open(file.unwrap()).unwrap()
}

fn order(index: &Index) -> Vec<(u8, u64)> {
    let positions = index.before(None, usize::MAX).unwrap();
    positions.iter().map(|position| (position.block.feed[0], position.block.index)).collect()
}

/// Returns all blocks that set the topic of a channel, in order, except those of a hidden author.
fn topics(index: &Index, channel: u8, hidden: Option<u8>) -> Vec<(u8, u64)> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let is_wanted = |feed: &[u8; 32]| Some(feed[0]) != hidden;
        let positions = index.topics(&[channel; 16], before, is_wanted, 2).unwrap();
        let Some(first) = positions.first() else { break };
        before = Some(*first);
        found.extend(
            positions.iter().rev().map(|position| (position.block.feed[0], position.block.index)),
        );
    }
    found.reverse();
    found
}

/// Returns all blocks of a channel in order, read page by page from one of its ends.
fn channel(index: &Index, channel: u8, is_forward: bool) -> Vec<(u8, u64)> {
    let (tag, mut found) = ([channel; 16], Vec::new());
    let mut at = is_forward.then(|| first_position_at(FIRST));
    loop {
        let mut page = match at {
            Some(from) if is_forward => index.channel_from(&tag, from, 3).unwrap(),
            before => index.channel_before(&tag, before, 2).unwrap(),
        };
        if is_forward {
            page.retain(|position| Some(*position) != at);
        } else {
            page.reverse();
        }
        let Some(last) = page.last() else { break };
        at = Some(*last);
        found.extend(page.iter().map(|position| (position.block.feed[0], position.block.index)));
    }
    if !is_forward {
        found.reverse();
    }
    found
}

fn index_of(blocks: &[NewBlock]) -> Index {
    let index = Index::in_memory().unwrap();
    index.add(blocks, &OWN, Flush::Later).unwrap();
    index
}

#[test]
fn feeds_are_merged_by_claimed_time() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks = [
        b.write(Some(2), &[]),
        b.write(Some(4), &[]),
        a.write(Some(1), &[]),
        a.write(Some(3), &[]),
    ];
    assert_eq!(order(&index_of(&blocks)), [(1, 0), (2, 0), (1, 1), (2, 1)]);
}

#[test]
fn answer_follows_its_question_despite_wrong_clocks() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    // One clock is far ahead, the other far behind.
    let question = a.write(Some(9_000), &[]);
    let answer = b.write(Some(10), &[a.head(0)]);
    let thanks = a.write(Some(9_001), &[b.head(0)]);
    for blocks in [[&question, &answer, &thanks], [&thanks, &answer, &question]] {
        let index = Index::in_memory().unwrap();
        for block in blocks {
            index.add(std::slice::from_ref(block), &OWN, Flush::Later).unwrap();
        }
        assert_eq!(order(&index), [(1, 0), (2, 0), (1, 1)]);
    }
}

#[test]
fn clock_set_back_does_not_reorder_a_feed() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks = [a.write(Some(9), &[]), a.write(Some(1), &[]), b.write(Some(5), &[])];
    assert_eq!(order(&index_of(&blocks)), [(2, 0), (1, 0), (1, 1)]);
}

#[test]
fn message_without_time_follows_its_predecessor() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks =
        [a.write(None, &[]), a.write(Some(7), &[]), a.write(None, &[]), b.write(Some(8), &[])];
    assert_eq!(order(&index_of(&blocks)), [(1, 0), (1, 1), (1, 2), (2, 0)]);
}

#[test]
fn reference_with_a_wrong_digest_moves_nothing() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let question = a.write(Some(9_000), &[]);
    let forged = Head { digest: [0; 16], ..a.head(0) };
    let answer = b.write(Some(10), &[forged]);
    assert_eq!(order(&index_of(&[question, answer])), [(2, 0), (1, 0)]);
}

#[test]
fn gap_in_a_feed_blocks_nothing_and_is_counted() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks: Vec<_> = (0..4).map(|n| a.write(Some(100 + n), &[])).collect();
    let answer = b.write(Some(1), &[a.head(3)]);
    let index = index_of(&[blocks[0].clone(), answer]);
    assert_eq!(order(&index), [(2, 0), (1, 0)]);
    assert_eq!(index.missing().unwrap(), [MissingMessages { feed: [1; 32], count: 3 }]);
    // The last block without the earlier ones: its digest is unknown.
    index.add(&blocks[3..], &OWN, Flush::Later).unwrap();
    assert_eq!(order(&index), [(2, 0), (1, 0), (1, 3)]);
    index.add(&blocks[1..3], &OWN, Flush::Later).unwrap();
    assert_eq!(order(&index), [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]);
    assert_eq!(index.missing().unwrap(), []);
}

#[test]
fn seen_lists_the_latest_new_heads() {
    let mut own = Author::new(0);
    let mut others: Vec<Author> = (1..=10).map(Author::new).collect();
    let blocks: Vec<_> =
        others.iter_mut().zip(1..).map(|(author, at)| author.write(Some(at), &[])).collect();
    let index = index_of(&blocks);
    let seen = index.seen(&OWN).unwrap();
    let named: Vec<u8> = seen.iter().map(|head| head.feed[0]).collect();
    assert_eq!(named, [10, 9, 8, 7, 6, 5, 4, 3]);
    index.add(&[own.write(Some(20), &seen)], &OWN, Flush::Later).unwrap();
    let named: Vec<u8> = index.seen(&OWN).unwrap().iter().map(|head| head.feed[0]).collect();
    assert_eq!(named, [2, 1]);
}

#[test]
fn pages_go_back_from_the_end_and_forward_from_a_time() {
    let mut a = Author::new(1);
    let blocks: Vec<_> = (0..10).map(|n| a.write(Some(n), &[])).collect();
    let index = index_of(&blocks);
    let block_indices = |positions: &[TimelineKey]| {
        positions.iter().map(|position| position.block.index).collect::<Vec<_>>()
    };
    let last = index.before(None, 3).unwrap();
    assert_eq!(block_indices(&last), [7, 8, 9]);
    assert_eq!(block_indices(&index.before(Some(last[0]), 3).unwrap()), [4, 5, 6]);
    let from = first_position_at(Hlc { time_ms: 8, counter: 0 });
    assert_eq!(block_indices(&index.from(from, 100).unwrap()), [8, 9]);
}

#[test]
fn later_topic_wins_despite_wrong_clocks() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    // One clock is far ahead.
    let first = a.set(Some(9_000), &[], Some(7));
    let second = b.set(Some(10), &[a.head(0)], Some(7));
    let replicated = b.set(Some(9_999), &[], Some(8));
    let index = Index::in_memory().unwrap();
    index.add(&[second, replicated], &OWN, Flush::Later).unwrap();
    assert_eq!(topics(&index, 7, None), [(2, 0)]);
    index.add(&[first], &OWN, Flush::Later).unwrap();
    assert_eq!(topics(&index, 7, None), [(1, 0), (2, 0)]);
    assert_eq!(topics(&index, 7, Some(2)), [(1, 0)]);
    assert_eq!((topics(&index, 8, None), topics(&index, 9, None)), (vec![(2, 1)], vec![]));
    index.clear().unwrap();
    assert_eq!(topics(&index, 7, None), []);
}

#[test]
fn old_index_version_is_rebuilt_and_keeps_the_read_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view.redb");
    let open = || open_at(&path);
    let mut a = Author::new(1);
    let index = open();
    index.add(&[a.set(Some(1), &[], Some(7))], &OWN, Flush::Now).unwrap();
    let position = index.before(None, 1).unwrap()[0];
    index.mark_read(position).unwrap();
    index.mark_replicated(5).unwrap();
    let write = index.database.begin_write().unwrap();
    write.open_table(ABOUT).unwrap().insert("version", VERSION - 1).unwrap();
    write.delete_table(TOPICS).unwrap();
    write.commit().unwrap();
    drop(index);
    let index = open();
    assert_eq!((order(&index), topics(&index, 7, None)), (vec![], vec![]));
    assert_eq!(index.local_state().unwrap(), LocalState { read: Some(position), replicated: 5 });
    drop(index);
    open().add(&[a.set(Some(2), &[], Some(7))], &OWN, Flush::Now).unwrap();
    assert_eq!(topics(&open(), 7, None), [(1, 1)]);
}

#[test]
fn invalid_index_file_is_replaced_and_a_valid_one_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view.redb");
    let open = || open_at(&path);
    std::fs::write(&path, vec![0x5a; 10_000]).unwrap();
    let mut a = Author::new(1);
    open().add(&[a.write(Some(1), &[])], &OWN, Flush::Now).unwrap();
    assert_eq!(order(&open()), [(1, 0)]);
    let index = open();
    let write = index.database.begin_write().unwrap();
    write.open_table(ABOUT).unwrap().insert("version", VERSION + 1).unwrap();
    write.commit().unwrap();
    drop(index);
    assert_eq!(order(&open()), []);
}

/// Generates a room: authors, clocks, and what each author had seen.
fn room() -> impl Strategy<Value = Vec<NewBlock>> {
    let step = (
        0usize..4,
        0i64..50,
        prop::collection::vec((0usize..4, any::<prop::sample::Index>()), 0..3),
        prop::option::of(7u8..9),
    );
    prop::collection::vec(step, 1..40).prop_map(|steps| {
        let mut authors: Vec<Author> = (1..=4).map(Author::new).collect();
        let mut blocks = Vec::new();
        for (who, claimed, sights, channel) in steps {
            let seen: Vec<Head> = sights
                .iter()
                .filter(|(whom, _)| *whom != who && !authors[*whom].blocks.is_empty())
                .map(|(whom, at)| authors[*whom].head(at.index(authors[*whom].blocks.len())))
                .collect();
            blocks.push(authors[who].set(Some(claimed), &seen, channel));
        }
        blocks
    })
}

proptest! {
    #[test]
    fn order_does_not_depend_on_arrival(
        blocks in room(),
        order_of_arrival in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(),
        batch in 1usize..9,
    ) {
        let at_once = index_of(&blocks);
        let shuffled: Vec<NewBlock> = order_of_arrival
            .iter().filter_map(|at| blocks.get(*at).cloned()).collect();
        let index = Index::in_memory().unwrap();
        for some in shuffled.chunks(batch) {
            index.add(some, &OWN, Flush::Later).unwrap();
            // Adding known blocks changes nothing.
            index.add(some, &OWN, Flush::Later).unwrap();
        }
        prop_assert_eq!(order(&at_once), order(&index));
        // The topics are in the order of their blocks.
        for channel in 7..9 {
            let sets = |name: &(u8, u64)| blocks.iter().any(|block| {
                let is_it = (block.block.feed[0], block.block.index) == *name;
                is_it && block.sets_topic && block.channel == [channel; 16]
            });
            let expected: Vec<_> = order(&index).into_iter().filter(sets).collect();
            prop_assert_eq!(topics(&index, channel, None), expected);
        }
        // So are the blocks of each channel.
        let mut ends = Vec::new();
        for tag in [0, 7, 8] {
            let is_in = |name: &(u8, u64)| blocks.iter().any(|block| {
                let is_it = (block.block.feed[0], block.block.index) == *name;
                is_it && block.channel == [tag; 16]
            });
            let expected: Vec<_> = order(&index).into_iter().filter(is_in).collect();
            prop_assert_eq!(&channel(&index, tag, true), &expected);
            prop_assert_eq!(&channel(&index, tag, false), &expected);
            ends.extend(expected.last().copied());
        }
        let found = index.channel_ends(2).unwrap();
        prop_assert!(found.is_sorted_by(|a, b| a > b) && found.len() == ends.len().min(2));
        for end in found {
            prop_assert!(ends.contains(&(end.block.feed[0], end.block.index)));
        }
        // No block comes before one that its author had seen.
        for block in &blocks {
            let hlc = index.hlc(block.block).unwrap().unwrap();
            for head in &block.seen {
                let seen = Block { feed: head.feed, index: head.index };
                prop_assert!(index.hlc(seen).unwrap().unwrap() < hlc);
            }
        }
        prop_assert_eq!(index.count().unwrap(), blocks.len() as u64);
    }
}
