//! What each node holds, and whether all hold the same.
//!
//! Rule: this inspects the disks, so a multifeed that reports more than it holds is detected.

use std::collections::BTreeMap;

use multifeed_core::crypto::hash::{Hash, blake2b, tree};
use multifeed_core::{FeedKey, PublicKey};

use super::World;
use crate::disk::Record;
use crate::link::{LinkId, Side};
use crate::node::NodeId;

/// What a node holds of one feed, durably.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Holding {
    /// The feed.
    pub key: FeedKey,
    /// The number of blocks, from the first.
    pub length: u64,
    /// Their bytes.
    pub byte_length: u64,
    /// The fork of the signed head.
    pub fork: u64,
    /// A hash over the roots of the tree: equal hashes mean equal blocks.
    pub root: Hash,
}

/// Two connected nodes that do not hold the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The link between them.
    pub link: LinkId,
    /// The nodes.
    pub nodes: [NodeId; 2],
    /// What each of them holds and the other does not, or holds differently; empty where the link
    /// has no connection.
    pub only: [Vec<Holding>; 2],
}

impl World {
    /// What a node holds, ordered by key.
    pub fn holdings(&self, node: NodeId) -> Vec<Holding> {
        let Some(multifeed) = self.multifeed(node) else { return Vec::new() };
        let feeds = multifeed.feeds().filter(|feed| feed.length > 0);
        let keys: BTreeMap<PublicKey, FeedKey> =
            feeds.map(|feed| (feed.public_key, feed.key)).collect();
        let records = self.node(node).disk.records();
        let mut all: Vec<Holding> = records
            .iter()
            .filter_map(|record| Some(holding(*keys.get(&record.public_key)?, record)))
            .collect();
        all.sort_unstable();
        all
    }

    /// Whether any two connected nodes hold the same (key, length, fork, root) set, every link that
    /// is neither cut nor finished is connected, and every commit is durable.
    ///
    /// Links to nodes that are down do not count.
    pub fn is_converged(&self) -> bool {
        let is_held =
            |node: &crate::node::Node| node.multifeed.is_none() || node.disk.staged() == 0;
        self.nodes.iter().all(is_held) && self.counts_agree() && self.holdings_agree()
    }

    /// Whether connections and clocks have recovered from faults: every link that counts has a
    /// connection on which both sides are known members, none of its bytes were damaged or sent at
    /// a lower rate, and time advances for every node.
    pub fn is_repaired(&self) -> bool {
        let has_time = |node: &crate::node::Node| {
            node.multifeed.is_none() || node.has_time(self.now().as_micros())
        };
        self.nodes.iter().all(has_time) && self.joined().all(|(id, _)| self.is_link_repaired(id))
    }

    fn is_link_repaired(&self, id: LinkId) -> bool {
        let link = self.link(id);
        let is_member = |side: Side| {
            let node = self.multifeed(NodeId(link.node(side)));
            let peers = node.into_iter().flat_map(|multifeed| multifeed.peers());
            link.end(side).is_some_and(|end| peers.map(|peer| peer.connection).any(|it| it == end))
        };
        !link.is_tampered
            && link.is_at_pace(self.now().as_micros())
            && Side::BOTH.into_iter().all(is_member)
    }

    /// Every pair of connected nodes that do not hold the same.
    pub fn differences(&self) -> Vec<Difference> {
        self.differences_up_to(usize::MAX)
    }

    /// Blocks that a node holds durably, over all feeds.
    pub fn blocks_held(&self, node: NodeId) -> u64 {
        self.node(node).held
    }

    /// What a node holds of the known feeds of honest authors.
    fn honest_holdings(&self, node: NodeId) -> Vec<Holding> {
        let mut all = self.holdings(node);
        if let (Some(laws), Some(multifeed)) = (&self.laws, self.multifeed(node)) {
            let author = |holding: &Holding| multifeed.find(&holding.key).map(|it| it.public_key);
            all.retain(|holding| author(holding).is_some_and(|author| laws.knows(&author)));
        }
        all
    }

    /// The links that count, with their nodes.
    pub(super) fn joined(&self) -> impl Iterator<Item = (LinkId, [NodeId; 2])> {
        self.links().filter_map(|id| {
            let link = self.link(id);
            let nodes = link.nodes.map(NodeId);
            let [first, second] = nodes.map(|node| self.node(node));
            let is_running = first.multifeed.is_some() && second.multifeed.is_some();
            let is_one_group = first.options.group.topic() == second.options.group.topic();
            let are_honest = !first.is_adversary() && !second.is_adversary();
            (is_running && is_one_group && are_honest && !link.is_cut && !link.is_over)
                .then_some((id, nodes))
        })
    }

    /// Compares the numbers of blocks, which are known without inspecting a disk.
    fn counts_agree(&self) -> bool {
        // Feeds signed by adversaries are included in the counts, but need not be equal.
        let has_adversaries = self.nodes.iter().any(|node| node.is_adversary());
        let may_differ = has_adversaries || self.has_policy;
        self.joined().all(|(link, [a, b])| {
            self.is_connected(link) && (may_differ || self.blocks_held(a) == self.blocks_held(b))
        })
    }

    fn differences_up_to(&self, most: usize) -> Vec<Difference> {
        let mut known: BTreeMap<NodeId, Vec<Holding>> = BTreeMap::new();
        let mut found = Vec::new();
        for (link, nodes) in self.joined() {
            for node in nodes {
                known.entry(node).or_insert_with(|| self.honest_holdings(node));
            }
            let [a, b] = nodes.map(|node| &known[&node]);
            let mut only = [without(a, b), without(b, a)];
            if self.has_policy {
                // A feed that one of the two refuses need not be equal.
                let wanted = |it: &Holding| nodes.iter().all(|node| self.wants(*node, &it.key));
                only.iter_mut().for_each(|only| only.retain(wanted));
            }
            if only.iter().any(|only| !only.is_empty()) || !self.is_connected(link) {
                found.push(Difference { link, nodes, only });
            }
            if found.len() >= most {
                break;
            }
        }
        found
    }

    fn holdings_agree(&self) -> bool {
        if self.has_policy { self.differences_up_to(1).is_empty() } else { self.digests_agree() }
    }

    /// A hash of each node's holdings suffices; the holdings of a large world would not fit into
    /// memory.
    fn digests_agree(&self) -> bool {
        let mut known: BTreeMap<NodeId, Hash> = BTreeMap::new();
        let mut digest = |node| *known.entry(node).or_insert_with(|| self.digest(node));
        self.joined().all(|(_, [a, b])| digest(a) == digest(b))
    }

    fn digest(&self, node: NodeId) -> Hash {
        let mut bytes = Vec::new();
        for Holding { key, length, byte_length, fork, root } in self.honest_holdings(node) {
            bytes.extend_from_slice(&key.0);
            [length, byte_length, fork]
                .iter()
                .for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
            bytes.extend_from_slice(&root);
        }
        blake2b(&[&bytes])
    }
}

fn holding(key: FeedKey, record: &Record) -> Holding {
    let sizes = record.roots.iter().map(|(size, _)| *size);
    // The index of a root is not needed to distinguish two trees of one length.
    let root = tree(record.roots.iter().map(|(size, hash)| (*hash, 0, *size)));
    let (length, fork) = (record.length, record.fork);
    Holding { key, length, byte_length: sizes.sum(), fork, root }
}

fn without(these: &[Holding], those: &[Holding]) -> Vec<Holding> {
    if these == those {
        return Vec::new();
    }
    these.iter().filter(|one| those.binary_search(one).is_err()).copied().collect()
}
