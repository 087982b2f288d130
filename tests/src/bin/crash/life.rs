//! The life of a disk: a multifeed writes, downloads, clears, removes and rules on feeds, with a
//! peer.
//!
//! Rule: a seed decides everything. The correct blocks and trees are recorded when they are made,
//! and acknowledgements when they arrive.

use std::collections::BTreeMap;

use bytes::Bytes;
use multifeed_core::rng::Rng;
use multifeed_core::{Event, FeedId, FeedKey, KeyPair, Mode, Role, Secure};
use multifeed_store::{Failure, MemoryStore, SimDisk, Store};
use multifeed_tests::{Node, run_between};

use crate::report::Wrong;
use crate::view::{View, complaint, config};
use crate::watched::Watched;

/// Steps of a life: about 60 groups of commits.
pub(crate) const STEPS: usize = 40;

/// A larger block takes more than a page.
const BLOCK_BYTES_MAX: u64 = 6_000;

/// The correct contents of all feeds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    blocks: BTreeMap<(FeedKey, u64), Bytes>,
    trees: BTreeMap<(FeedKey, u64), [u8; 32]>,
}

/// What was acknowledged once this many groups were durable.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) groups: usize,
    /// The held length of each feed.
    lengths: BTreeMap<FeedKey, u64>,
    /// The feed that the next step removes, if any.
    leaving: Option<FeedKey>,
    /// What the peer's disk holds then.
    pub(crate) peer: MemoryStore,
}

/// A multifeed on a watched disk, and its peer.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) author: Node<Watched>,
    pub(crate) peer: Node,
    pub(crate) truth: Truth,
    pub(crate) known: Vec<Known>,
    own: Vec<FeedId>,
    theirs: Vec<FeedId>,
    rng: Rng,
}

/// Names of the author's feeds, with the seeds of their key pairs.
pub(crate) const OWN: [(&str, u8); 2] = [("one", 1), ("two", 2)];

const THEIRS: [(&str, u8); 2] = [("three", 3), ("four", 4)];

/// Creates the feeds of a list, as far as the store permits.
pub(crate) fn writers<S: Store>(node: &mut Node<S>, names: &[(&str, u8)]) -> Vec<FeedId> {
    let pair = |seed: u8| KeyPair::from_seed(&[seed; 32]);
    let feeds = names.iter().map(|(name, seed)| node.multifeed.writer(name, pair(*seed)));
    feeds.filter_map(Result::ok).collect()
}

/// Connects two nodes in memory.
pub(crate) fn connect<A: Store, B: Store>(one: &mut Node<A>, other: &mut Node<B>) {
    let remote = other.multifeed.public_key();
    one.connect(Role::Initiator, Secure::Plain { remote }, Mode::Live);
    let remote = one.multifeed.public_key();
    other.connect(Role::Responder, Secure::Plain { remote }, Mode::Live);
    run_between(one, other, |_, _| ());
}

impl Life {
    /// A new disk with a new, connected multifeed.
    pub(crate) fn begin(seed: u64, disk: &SimDisk) -> Result<Self, Failure> {
        let store = Watched::create(disk)?;
        let author = Node::open_on(config(1), store);
        let mut life = Self {
            author,
            peer: Node::open(config(2)),
            truth: Truth::default(),
            known: Vec::new(),
            own: Vec::new(),
            theirs: Vec::new(),
            rng: Rng::new(std::array::from_fn(|at| (seed >> (at % 8 * 8)) as u8)),
        };
        life.own = writers(&mut life.author, &OWN);
        life.theirs = writers(&mut life.peer, &THEIRS);
        connect(&mut life.author, &mut life.peer);
        life.know(None);
        Ok(life)
    }

    /// A whole life, or until the disk fails.
    pub(crate) fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
            if self.has_failed() {
                return;
            }
            self.know(None);
        }
    }

    /// Whether the author's store has failed.
    pub(crate) fn has_failed(&self) -> bool {
        complaint(&self.author).is_some()
    }

    fn step(&mut self) {
        match self.rng.below(12) {
            0..6 => self.append_own(),
            6..8 => self.append_theirs(),
            8 => self.clear(),
            9 => self.download(),
            10 => self.remove(),
            _ => self.rule(),
        }
        self.author.drain();
        run_between(&mut self.author, &mut self.peer, |_, _| ());
    }

    fn block(&mut self) -> Vec<u8> {
        let most = [40, 400, BLOCK_BYTES_MAX][self.rng.below(3) as usize];
        let mut block = vec![0; self.rng.below(most) as usize];
        self.rng.fill(&mut block);
        block
    }

    fn blocks(&mut self) -> Vec<Vec<u8>> {
        (0..1 + self.rng.below(3)).map(|_| self.block()).collect()
    }

    /// One to three appends that become durable as one group.
    fn append_own(&mut self) {
        for _ in 0..1 + self.rng.below(3) {
            let feed = self.own.get(self.rng.below(2) as usize).copied();
            let blocks = self.blocks();
            if let Some(feed) = feed {
                append(&mut self.author, feed, &blocks, &mut self.truth);
            }
        }
    }

    fn append_theirs(&mut self) {
        let feed = self.theirs[self.rng.below(2) as usize];
        let blocks = self.blocks();
        append(&mut self.peer, feed, &blocks, &mut self.truth);
        self.peer.drain();
    }

    /// An existing feed and a run of its blocks.
    fn some_run(&mut self) -> Option<(FeedId, std::ops::Range<u64>)> {
        let feeds: Vec<_> = self.author.multifeed.feeds().filter(|feed| feed.length > 0).collect();
        let which = self.rng.below(feeds.len().max(1) as u64) as usize;
        let (id, length) = feeds.get(which).map(|feed| (feed.id, feed.length))?;
        let start = self.rng.below(length);
        Some((id, start..(start + 1 + self.rng.below(5)).min(length)))
    }

    // A refused call was not possible at this moment; another step follows.
    fn clear(&mut self) {
        if let Some((feed, run)) = self.some_run() {
            let _ = self.author.multifeed.clear(feed, run);
        }
    }

    fn download(&mut self) {
        if let Some((feed, run)) = self.some_run() {
            let _ = self.author.multifeed.download(feed, run);
        }
    }

    /// A feed of the peer is removed; the next step may accept it again.
    fn remove(&mut self) {
        let key = self.key_of_theirs();
        let feed = self.author.multifeed.find(&key).map(|feed| feed.id);
        let Some(feed) = feed else { return };
        self.know(Some(key));
        let _ = self.author.multifeed.remove(feed);
    }

    fn rule(&mut self) {
        let key = self.key_of_theirs();
        if self.author.multifeed.is_refused(key) {
            let _ = self.author.multifeed.accept(key);
        } else {
            let _ = self.author.multifeed.refuse(key);
        }
    }

    fn key_of_theirs(&mut self) -> FeedKey {
        let feed = self.theirs[self.rng.below(2) as usize];
        self.peer.multifeed.feed(feed).expect("a writer's feed").key
    }

    /// Records what is acknowledged by now.
    fn know(&mut self, leaving: Option<FeedKey>) {
        let groups = self.author.store.groups.len();
        let feeds = self.author.multifeed.feeds();
        let lengths = feeds.map(|feed| (feed.key, feed.length)).collect();
        let peer = self.peer.store.clone();
        self.truth.learn_trees(&self.author);
        self.truth.learn_trees(&self.peer);
        self.known.push(Known { groups, lengths, leaving, peer });
    }

    /// What was known last when this many groups were durable.
    pub(crate) fn known_at(&self, groups: usize) -> Option<&Known> {
        self.known.iter().rfind(|known| known.groups <= groups)
    }

    /// Compares what a multifeed shows of the disk after this many groups with the correct contents
    /// and the acknowledgements.
    pub(crate) fn judge(&self, groups: usize, view: &View) -> Result<(), Wrong> {
        self.truth.judge(view)?;
        let Some(known) = self.known_at(groups) else { return Ok(()) };
        for (key, length) in &known.lengths {
            let found = view.0.get(key).map_or(0, |seen| seen.length);
            if found < *length && known.leaving != Some(*key) {
                let words = format!("{key:?} has {found} blocks, {length} were acknowledged");
                return Err(Wrong::Lost(words));
            }
        }
        match view.0.values().find(|seen| !seen.damaged.is_empty()) {
            Some(seen) => Err(Wrong::Lost(format!("blocks {:?} cannot be read", seen.damaged))),
            None => Ok(()),
        }
    }
}

/// Appends to an own feed and records it.
fn append<S: Store>(node: &mut Node<S>, feed: FeedId, blocks: &[Vec<u8>], truth: &mut Truth) {
    let Some(key) = node.multifeed.feed(feed).map(|feed| feed.key) else { return };
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    if node.multifeed.append(feed, &slices).is_ok() {
        truth.append(key, blocks);
    }
}

impl Truth {
    /// Blocks are appended after the known ones.
    pub(crate) fn append(&mut self, key: FeedKey, blocks: &[Vec<u8>]) {
        let next = self.blocks.range((key, 0)..=(key, u64::MAX)).next_back();
        let next = next.map_or(0, |((_, index), _)| index + 1);
        for (index, block) in (next..).zip(blocks) {
            self.blocks.insert((key, index), Bytes::copy_from_slice(block));
        }
    }

    fn learn_trees<S>(&mut self, node: &Node<S>) {
        for feed in node.multifeed.feeds() {
            if let Some(hash) = node.multifeed.tree_hash(feed.id) {
                self.trees.entry((feed.key, feed.length)).or_insert(hash);
            }
        }
    }

    /// Whether every block is correct and every tree was signed.
    pub(crate) fn judge(&self, view: &View) -> Result<(), Wrong> {
        for (key, seen) in &view.0 {
            for (index, block) in &seen.blocks {
                if self.blocks.get(&(*key, *index)) != Some(block) {
                    return Err(Wrong::Bad(format!("block {index} of {key:?} has other bytes")));
                }
            }
            let signed = self.trees.get(&(*key, seen.length));
            if signed.is_some_and(|signed| Some(*signed) != seen.tree_hash) {
                return Err(Wrong::Bad(format!("{key:?} has two histories of {}", seen.length)));
            }
        }
        Ok(())
    }
}

/// Whether a peer's history contradicted ours.
pub(crate) fn is_contested<S>(node: &Node<S>) -> bool {
    node.events.iter().any(|event| matches!(event, Event::Contested { .. }))
}
