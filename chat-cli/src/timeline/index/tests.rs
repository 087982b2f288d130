use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::message::seen::{chain, digest};

const OWN: [u8; 32] = [0; 32];

/// A feed that is written block by block, so that its digests are known.
#[derive(Default)]
struct Author {
    feed: [u8; 32],
    blocks: Vec<Arrived>,
    chains: Vec<Digest>,
}

impl Author {
    fn new(name: u8) -> Self {
        Self { feed: [name; 32], ..Self::default() }
    }

    fn write(&mut self, claimed_ms: Option<i64>, seen: &[Head]) -> Arrived {
        self.set(claimed_ms, seen, None)
    }

    /// Writes a block that may set the topic of a channel.
    fn set(&mut self, claimed_ms: Option<i64>, seen: &[Head], channel: Option<u8>) -> Arrived {
        let topic_of = channel.map(|channel| [channel; 16]);
        let index = self.blocks.len() as u64;
        let own = digest(format!("{index} {seen:?} {claimed_ms:?}").as_bytes());
        self.chains.push(chain(self.chains.last().copied(), &own));
        let block = Block { feed: self.feed, index };
        let arrived = Arrived { block, digest: own, claimed_ms, seen: seen.to_vec(), topic_of };
        self.blocks.push(arrived.clone());
        arrived
    }

    fn head(&self, index: usize) -> Head {
        Head { feed: self.feed, index: index as u64, digest: self.chains[index] }
    }
}

/// Opens or creates the index in a file.
fn open_at(path: &Path) -> View {
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    View::open(file.unwrap()).unwrap()
}

fn order(view: &View) -> Vec<(u8, u64)> {
    let spots = view.before(None, usize::MAX).unwrap();
    spots.iter().map(|spot| (spot.block.feed[0], spot.block.index)).collect()
}

/// Returns all blocks that set the topic of a channel, in order, except those of a hidden author.
fn topics(view: &View, channel: u8, hidden: Option<u8>) -> Vec<(u8, u64)> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let is_wanted = |feed: &[u8; 32]| Some(feed[0]) != hidden;
        let spots = view.topics(&[channel; 16], before, is_wanted, 2).unwrap();
        let Some(first) = spots.first() else { break };
        before = Some(*first);
        found.extend(spots.iter().rev().map(|spot| (spot.block.feed[0], spot.block.index)));
    }
    found.reverse();
    found
}

fn view_of(blocks: &[Arrived]) -> View {
    let view = View::in_memory().unwrap();
    view.add(blocks, &OWN, Sync::Later).unwrap();
    view
}

#[test]
fn feeds_are_one_conversation_by_the_claimed_times() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks = [
        b.write(Some(2), &[]),
        b.write(Some(4), &[]),
        a.write(Some(1), &[]),
        a.write(Some(3), &[]),
    ];
    assert_eq!(order(&view_of(&blocks)), [(1, 0), (2, 0), (1, 1), (2, 1)]);
}

#[test]
fn an_answer_stands_behind_its_question_whatever_the_clocks_say() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    // One clock is far ahead, the other far behind.
    let question = a.write(Some(9_000), &[]);
    let answer = b.write(Some(10), &[a.head(0)]);
    let thanks = a.write(Some(9_001), &[b.head(0)]);
    for blocks in [[&question, &answer, &thanks], [&thanks, &answer, &question]] {
        let view = View::in_memory().unwrap();
        for block in blocks {
            view.add(std::slice::from_ref(block), &OWN, Sync::Later).unwrap();
        }
        assert_eq!(order(&view), [(1, 0), (2, 0), (1, 1)]);
    }
}

#[test]
fn a_clock_that_is_put_back_does_not_turn_a_feed_round() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks = [a.write(Some(9), &[]), a.write(Some(1), &[]), b.write(Some(5), &[])];
    assert_eq!(order(&view_of(&blocks)), [(2, 0), (1, 0), (1, 1)]);
}

#[test]
fn what_has_no_time_stands_behind_the_one_before_it() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks =
        [a.write(None, &[]), a.write(Some(7), &[]), a.write(None, &[]), b.write(Some(8), &[])];
    assert_eq!(order(&view_of(&blocks)), [(1, 0), (1, 1), (1, 2), (2, 0)]);
}

#[test]
fn a_name_with_another_digest_moves_nothing() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let question = a.write(Some(9_000), &[]);
    let forged = Head { digest: [0; 16], ..a.head(0) };
    let answer = b.write(Some(10), &[forged]);
    assert_eq!(order(&view_of(&[question, answer])), [(2, 0), (1, 0)]);
}

#[test]
fn what_is_missing_in_a_feed_holds_up_nothing_and_is_counted() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    let blocks: Vec<_> = (0..4).map(|n| a.write(Some(100 + n), &[])).collect();
    let answer = b.write(Some(1), &[a.head(3)]);
    let view = view_of(&[blocks[0].clone(), answer]);
    assert_eq!(order(&view), [(2, 0), (1, 0)]);
    assert_eq!(view.missing().unwrap(), [([1; 32], 3)]);
    // The last block without the earlier ones: its digest is unknown.
    view.add(&blocks[3..], &OWN, Sync::Later).unwrap();
    assert_eq!(order(&view), [(2, 0), (1, 0), (1, 3)]);
    view.add(&blocks[1..3], &OWN, Sync::Later).unwrap();
    assert_eq!(order(&view), [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]);
    assert_eq!(view.missing().unwrap(), []);
}

#[test]
fn we_name_what_came_since_we_last_did_and_the_latest_of_many() {
    let mut own = Author::new(0);
    let mut others: Vec<Author> = (1..=10).map(Author::new).collect();
    let blocks: Vec<_> =
        others.iter_mut().zip(1..).map(|(author, at)| author.write(Some(at), &[])).collect();
    let view = view_of(&blocks);
    let seen = view.seen(&OWN).unwrap();
    let named: Vec<u8> = seen.iter().map(|head| head.feed[0]).collect();
    assert_eq!(named, [10, 9, 8, 7, 6, 5, 4, 3]);
    view.add(&[own.write(Some(20), &seen)], &OWN, Sync::Later).unwrap();
    let named: Vec<u8> = view.seen(&OWN).unwrap().iter().map(|head| head.feed[0]).collect();
    assert_eq!(named, [2, 1]);
}

#[test]
fn pages_go_back_from_the_end_and_forth_from_a_time() {
    let mut a = Author::new(1);
    let blocks: Vec<_> = (0..10).map(|n| a.write(Some(n), &[])).collect();
    let view = view_of(&blocks);
    let index = |spots: &[Spot]| spots.iter().map(|spot| spot.block.index).collect::<Vec<_>>();
    let last = view.before(None, 3).unwrap();
    assert_eq!(index(&last), [7, 8, 9]);
    assert_eq!(index(&view.before(Some(last[0]), 3).unwrap()), [4, 5, 6]);
    let from = spot_at(Place { time_ms: 8, turn: 0 });
    assert_eq!(index(&view.from(from, 100).unwrap()), [8, 9]);
}

#[test]
fn the_topic_that_was_set_having_seen_the_other_holds_whatever_the_clocks_say() {
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    // One clock is far ahead.
    let first = a.set(Some(9_000), &[], Some(7));
    let second = b.set(Some(10), &[a.head(0)], Some(7));
    let elsewhere = b.set(Some(9_999), &[], Some(8));
    let view = View::in_memory().unwrap();
    view.add(&[second, elsewhere], &OWN, Sync::Later).unwrap();
    assert_eq!(topics(&view, 7, None), [(2, 0)]);
    view.add(&[first], &OWN, Sync::Later).unwrap();
    assert_eq!(topics(&view, 7, None), [(1, 0), (2, 0)]);
    assert_eq!(topics(&view, 7, Some(2)), [(1, 0)]);
    assert_eq!((topics(&view, 8, None), topics(&view, 9, None)), (vec![(2, 1)], vec![]));
    view.clear().unwrap();
    assert_eq!(topics(&view, 7, None), []);
}

#[test]
fn an_index_of_an_older_version_is_made_anew_and_keeps_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view.redb");
    let open = || open_at(&path);
    let mut a = Author::new(1);
    let view = open();
    view.add(&[a.set(Some(1), &[], Some(7))], &OWN, Sync::Now).unwrap();
    let spot = view.before(None, 1).unwrap()[0];
    view.mark_read(spot).unwrap();
    view.mark_elsewhere(5).unwrap();
    let write = view.database.begin_write().unwrap();
    write.open_table(ABOUT).unwrap().insert("version", VERSION - 1).unwrap();
    write.delete_table(topics::TOPICS).unwrap();
    write.commit().unwrap();
    drop(view);
    let view = open();
    assert_eq!((order(&view), topics(&view, 7, None)), (vec![], vec![]));
    assert_eq!(view.marks().unwrap(), Marks { read: Some(spot), elsewhere: 5 });
    drop(view);
    open().add(&[a.set(Some(2), &[], Some(7))], &OWN, Sync::Now).unwrap();
    assert_eq!(topics(&open(), 7, None), [(1, 1)]);
}

#[test]
fn a_file_that_is_no_index_is_made_one_and_a_good_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view.redb");
    let open = || open_at(&path);
    std::fs::write(&path, vec![0x5a; 10_000]).unwrap();
    let mut a = Author::new(1);
    open().add(&[a.write(Some(1), &[])], &OWN, Sync::Now).unwrap();
    assert_eq!(order(&open()), [(1, 0)]);
    let view = open();
    let write = view.database.begin_write().unwrap();
    write.open_table(ABOUT).unwrap().insert("version", VERSION + 1).unwrap();
    write.commit().unwrap();
    drop(view);
    assert_eq!(order(&open()), []);
}

/// Generates a room: authors, clocks, and what each author had seen.
fn room() -> impl Strategy<Value = Vec<Arrived>> {
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
    fn the_order_is_the_same_however_the_blocks_come(
        blocks in room(),
        order_of_arrival in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(),
        batch in 1usize..9,
    ) {
        let at_once = view_of(&blocks);
        let shuffled: Vec<Arrived> = order_of_arrival
            .iter().filter_map(|at| blocks.get(*at).cloned()).collect();
        let view = View::in_memory().unwrap();
        for some in shuffled.chunks(batch) {
            view.add(some, &OWN, Sync::Later).unwrap();
            // Adding known blocks changes nothing.
            view.add(some, &OWN, Sync::Later).unwrap();
        }
        prop_assert_eq!(order(&at_once), order(&view));
        // The topics are in the order of their blocks.
        for channel in 7..9 {
            let sets = |name: &(u8, u64)| blocks.iter().any(|block| {
                let is_it = (block.block.feed[0], block.block.index) == *name;
                is_it && block.topic_of == Some([channel; 16])
            });
            let expected: Vec<_> = order(&view).into_iter().filter(sets).collect();
            prop_assert_eq!(topics(&view, channel, None), expected);
        }
        // No block comes before one that its author had seen.
        for block in &blocks {
            let place = view.place(block.block).unwrap().unwrap();
            for head in &block.seen {
                let seen = Block { feed: head.feed, index: head.index };
                prop_assert!(view.place(seen).unwrap().unwrap() < place);
            }
        }
        prop_assert_eq!(view.count().unwrap(), blocks.len() as u64);
    }
}
