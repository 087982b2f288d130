//! Connects the world to the laws, and checks the laws of an idle world.

use std::collections::{BTreeMap, BTreeSet};

use multifeed_core::{
    CloseReason, ConnectionId, Duration, Event, FeedId, FeedKey, PublicKey, manifest,
};

use super::World;
use crate::fault::Fault;
use crate::law::bounds::{Excess, exceeded};
use crate::law::cost::PROOF_BYTES;
use crate::law::{Cost, FeedIdentity, Holder, Law, LawViolation};
use crate::link::{LinkId, Side};
use crate::node::NodeId;

/// How long an idle world is observed for anything but keep-alives.
const SILENCE_SECONDS: u64 = 20;

/// Time before that for recovery from faults.
const RECOVERY_SECONDS: u64 = 40;

/// Keep-alives in that time, of 20 bytes if encrypted: one in five seconds, and one that was
/// already due.
const SILENCE_BYTES_MAX: u64 = (SILENCE_SECONDS / 5 + 1) * 20;

/// Says where an invariant was violated, if it was.
struct Violated {
    seed: u64,
    event: u64,
    node: NodeId,
}

impl Drop for Violated {
    #[expect(clippy::print_stderr, reason = "a panic is about to end the run")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, event, node } = self;
            eprintln!("seed {seed}: {node:?} violates an invariant after event {event}");
        }
    }
}

impl World {
    /// Checks the laws after every event from now on. Call it before there are writers.
    pub fn watch_laws(&mut self) {
        self.laws = Some(Box::default());
    }

    /// From now on checks the invariants of a multifeed after one in `every` events that change it.
    ///
    /// A violated invariant panics, which is a fault of the core. With 1, the state was right
    /// before the reported event. With 0, nothing is checked.
    pub fn check_invariants(&mut self, every: u64) {
        self.invariants_every = every;
    }

    /// Checks the invariants of one multifeed, if they are to be checked.
    pub(super) fn check_invariants_of(&self, node: NodeId) {
        if self.invariants_every == 0 || !self.events.is_multiple_of(self.invariants_every) {
            return;
        }
        let Some(multifeed) = &self.node(node).multifeed else { return };
        let violated = Violated { seed: self.seed, event: self.events, node };
        multifeed.check_invariants();
        drop(violated);
    }

    /// The violations observed so far.
    pub fn violations(&self) -> &[LawViolation] {
        self.laws.as_ref().map_or(&[], |laws| laws.violations())
    }

    /// Blocks that honest authors have signed while the laws were watching.
    pub fn blocks_signed(&self) -> u64 {
        self.laws.as_ref().map_or(0, |laws| laws.signed_total())
    }

    /// Reports a violation that a script found.
    pub fn report(&mut self, law: Law, node: Option<NodeId>, what: impl FnOnce() -> String) {
        if let Some(laws) = &mut self.laws {
            laws.report(law, node, what());
        }
    }

    /// Checks the laws of an idle world: all nodes hold the same and can read it back, only
    /// keep-alives are sent, every connection is in sync, every fork is known, and each restarted
    /// node holds the same.
    pub fn check_at_rest(&mut self) {
        if !self.is_converged() {
            let found = self.differences();
            self.report(Law::Convergence, None, || describe(&found));
        }
        self.check_readable();
        self.check_gone();
        self.check_silence();
        self.check_syncs();
        self.check_forks();
        self.check_restarts();
    }

    fn check_readable(&mut self) {
        for node in self.honest() {
            let feeds = self.multifeed(node).map(|multifeed| multifeed.feeds());
            let feeds = feeds.into_iter().flatten();
            let feeds: Vec<_> = feeds
                .map(|feed| {
                    let identity = FeedIdentity { key: feed.key, author: feed.public_key };
                    (identity, feed.length, feed.cleared > 0)
                })
                .collect();
            for (feed, length, has_gaps) in feeds {
                if has_gaps {
                    self.check_remaining(node, feed);
                    continue;
                }
                let blocks = self.blocks(node, &feed.key);
                if let Some(laws) = &mut self.laws {
                    laws.read_back(node, feed, length, &blocks);
                }
            }
        }
    }

    fn honest(&self) -> Vec<NodeId> {
        self.nodes().filter(|node| !self.node(*node).is_adversary()).collect()
    }

    /// Only keep-alives are sent between honest nodes.
    fn check_silence(&mut self) {
        // Bytes lost on an encrypted stream are detected at the next keep-alive, and the link is
        // redialled.
        self.run_for(Duration::from_secs(RECOVERY_SECONDS));
        if !self.nodes.iter().any(|node| node.is_adversary()) {
            // An adversary that is disconnected and redials forever never lets the world become
            // idle.
            self.run_until_idle();
        }
        let held: Vec<u64> = self.nodes().map(|node| self.blocks_held(node)).collect();
        let before: Vec<[u64; 2]> = self.links().map(|link| self.bytes(link)).collect();
        self.run_for(Duration::from_secs(SILENCE_SECONDS));
        if self.nodes().zip(held).any(|(node, held)| self.blocks_held(node) != held) {
            // Blocks signed by an adversary are still being delivered.
            return;
        }
        for (link, before) in self.links().zip(before) {
            let are_honest = self.ends(link).iter().all(|end| !self.node(*end).is_adversary());
            let ways = self.bytes(link).into_iter().zip(before);
            let sent = ways.map(|(now, before)| now - before).max().unwrap_or(0);
            if are_honest && sent > SILENCE_BYTES_MAX {
                let what = || format!("link {}: {sent} bytes in one direction while idle", link.0);
                self.report(Law::Silence, None, what);
            }
        }
    }

    /// Without adversaries, every connection is in sync.
    fn check_syncs(&mut self) {
        if self.nodes.iter().any(|node| node.is_adversary()) {
            return;
        }
        // A node that lost blocks with its disk cannot send what it announced.
        let is_whole = |ends: &[NodeId; 2]| !ends.iter().any(|end| self.is_excused(*end));
        let joined = self.joined().filter(|(link, _)| self.is_connected(*link));
        let joined = joined.filter(|(_, ends)| is_whole(ends));
        let open: Vec<_> = joined.filter(|(link, _)| !self.is_in_sync(*link)).collect();
        for (link, _) in open {
            self.report(Law::Synced, None, || format!("link {}: the sync does not end", link.0));
        }
    }

    /// Whether both ends of a link report to be in sync, or there is no connection.
    fn is_in_sync(&self, link: LinkId) -> bool {
        Side::BOTH.into_iter().all(|side| {
            let end = self.link(link).end(side);
            let multifeed = self.multifeed(NodeId(self.link(link).node(side)));
            let mut peers = multifeed.into_iter().flat_map(|multifeed| multifeed.peers());
            peers.all(|peer| Some(peer.connection) != end || peer.is_synced)
        })
    }

    /// If two connected nodes hold different histories of a feed, or one of them knows of a fork,
    /// both know.
    fn check_forks(&mut self) {
        let adversaries = self.nodes.iter().filter(|node| {
            node.adversary
                .as_ref()
                .is_some_and(|adversary| adversary.fault() == Fault::Equivocation)
        });
        let feeds =
            adversaries.filter_map(|node| node.multifeed.as_ref()).flat_map(|it| it.feeds());
        let keys: BTreeSet<FeedKey> =
            feeds.filter(|feed| feed.name.is_some()).map(|feed| feed.key).collect();
        let mut found = Vec::new();
        for (link, ends) in self.joined().filter(|_| !keys.is_empty()) {
            for key in &keys {
                let held = ends.map(|end| {
                    let honest = self.multifeed(end).filter(|_| !self.node(end).is_adversary())?;
                    honest.find(key).map(|feed| (feed.length, feed.is_forked))
                });
                let [Some(a), Some(b)] = held else { continue };
                if a != b && !(a.1 && b.1) {
                    found.push((link, *key, a, b));
                }
            }
        }
        for (link, key, a, b) in found {
            let what = || format!("link {}: {key} is held as {a:?} and {b:?}", link.0);
            self.report(Law::Forks, None, what);
        }
    }

    /// What honest nodes sent to each other so far, and the result.
    pub fn cost(&self) -> Cost {
        let delivered = self.laws.as_ref().map(|laws| laws.delivered()).unwrap_or_default();
        let honest = self.links.iter().filter(|link| {
            let is_adversary = |node: &u32| self.nodes[*node as usize].is_adversary();
            !link.nodes.iter().any(is_adversary)
        });
        let bytes = honest.clone().flat_map(|link| link.delivered).sum();
        Cost {
            bytes,
            adversary_bytes: self.bytes_total() - bytes,
            events: self.causes,
            blocks: delivered.blocks,
            block_bytes: delivered.bytes,
            written: delivered.written,
            written_bytes: delivered.written_bytes + PROOF_BYTES * delivered.written,
            connections: self.links.iter().map(|link| link.connections).sum(),
            honest_connections: honest.map(|link| link.connections).sum(),
            feeds: self.laws.as_ref().map_or(0, |laws| laws.authors()) as u64,
            links: self.links.len() as u64,
            seconds: self.now / 1_000_000,
        }
    }

    /// Compares what was sent with what was delivered: a block may cross links `crossings` times,
    /// in pieces of about `piece_bytes`.
    pub fn check_cost(&mut self, crossings: u64, piece_bytes: Option<u64>) {
        let cost = self.cost();
        let most = cost.bytes_max(crossings);
        if cost.bytes > most {
            self.report(Law::Bytes, None, || format!("more than {most} bytes: {cost:?}"));
        }
        let most = cost.events_max(crossings, piece_bytes);
        if cost.events > most {
            self.report(Law::Events, None, || format!("more than {most} events: {cost:?}"));
        }
    }

    fn check_restarts(&mut self) {
        for node in self.honest() {
            if self.multifeed(node).is_none() || self.is_excused(node) {
                continue;
            }
            let before = self.holdings(node);
            self.end_process(node);
            self.restart(node);
            if self.holdings(node) != before {
                self.report(Law::Restart, Some(node), || "holds something else".to_owned());
            }
        }
    }

    /// Whether a node's disk was changed from outside.
    pub fn is_excused(&self, node: NodeId) -> bool {
        self.laws.as_ref().is_some_and(|laws| laws.is_excused(node))
    }

    /// A multifeed reports an event to its application.
    pub(super) fn check_event(&mut self, node: NodeId, event: &Event) {
        let Some(laws) = &mut self.laws else { return };
        let nodes = &self.nodes;
        let view = |feed: &FeedId| {
            let multifeed = nodes[node.index()].multifeed.as_ref()?;
            multifeed.feed(*feed).map(|feed| (feed.public_key, feed.byte_length))
        };
        let author = |feed: &FeedId| -> Option<PublicKey> { view(feed).map(|feed| feed.0) };
        match event {
            Event::Appended { feed, start, end, .. } | Event::Extended { feed, start, end, .. } => {
                if let Some(feed) = view(feed) {
                    let (author, byte_length) = feed;
                    let holder = match event {
                        Event::Appended { .. } => Holder::Author,
                        _ => Holder::Reader,
                    };
                    laws.extended(node, author, *start..*end);
                    let blocks = end.saturating_sub(*start);
                    laws.stored(node, author, blocks, byte_length, holder);
                }
            }
            Event::Held { connection, feed, length, .. } => {
                let joined = nodes[node.index()].connections.get(connection);
                if let (Some(author), Some((link, side))) = (author(feed), joined) {
                    let link = &self.links[link.0 as usize];
                    let other = NodeId(link.node(side.other()));
                    if !nodes[other.index()].is_adversary() && !link.is_tampered {
                        laws.announced(other, author, *length);
                    }
                }
            }
            Event::Removed { key, .. } => laws.removed(node, *key),
            Event::Opened { connection, .. } => self.check_member(node, *connection),
            Event::Synced { connection } => self.check_synced(node, *connection),
            Event::Refused { feed, .. }
            | Event::Contested { feed, .. }
            | Event::FeedBroken { feed, .. } => {
                laws.exempt(node, author(feed));
            }
            _ => (),
        }
    }

    /// A peer was admitted.
    fn check_member(&mut self, node: NodeId, connection: ConnectionId) {
        let place = self.node(node);
        let Some((link, side)) = place.connections.get(&connection).copied() else { return };
        let other = self.node(NodeId(self.link(link).node(side.other())));
        let is_stranger = other
            .adversary
            .as_ref()
            .is_some_and(|adversary| adversary.fault() == Fault::WrongCapability);
        if is_stranger && !place.is_adversary() {
            self.report(Law::Membership, Some(node), || format!("let in over link {}", link.0));
        }
    }

    /// A node reports to be in sync with a peer.
    fn check_synced(&mut self, node: NodeId, connection: ConnectionId) {
        let joined = self.node(node).connections.get(&connection).copied();
        let Some((link, _)) = joined else { return };
        let (pipe, ends) = (self.link(link), self.ends(link));
        let are_honest = ends.iter().all(|end| !self.node(*end).is_adversary());
        if !are_honest || pipe.is_tampered {
            return;
        }
        let takers = ends.map(|end| self.nodes[end.index()].multifeed.as_ref());
        if takers.iter().any(Option::is_none) {
            // It is unknown what a node refused that is down now.
            return;
        }
        let namespace = *self.nodes[node.index()].options.group.feed_namespace();
        let is_kept_back = |author: &PublicKey| {
            let key = manifest::feed_key(&namespace, author);
            takers.iter().flatten().any(|taker| {
                let has_cleared = taker.find(&key).is_some_and(|feed| feed.cleared > 0);
                has_cleared || taker.is_refused(key)
            })
        };
        if let Some(laws) = &mut self.laws {
            laws.synced(link, node, ends, is_kept_back);
        }
    }

    /// A node has processed an event.
    pub(super) fn check_bounds(&mut self, node: NodeId) {
        if self.laws.is_none() {
            return;
        }
        let place = self.node(node);
        let Some(multifeed) = &place.multifeed else { return };
        let (held, connections) = (multifeed.footprint(), place.connections.len());
        if let Some(Excess { what, found, most }) = exceeded(&held, multifeed.limits(), connections)
        {
            self.report(Law::Bounds, Some(node), || format!("{found} {what}, not {most}"));
        }
    }

    /// A node was opened over its disk.
    pub(super) fn note_restart(&mut self, node: NodeId) {
        let Some(laws) = &mut self.laws else { return };
        let place = &self.nodes[node.index()];
        let Some(multifeed) = &place.multifeed else { return };
        let kept: BTreeMap<_, _> =
            multifeed.feeds().map(|feed| (feed.public_key, feed.length)).collect();
        let bytes = multifeed.feeds().map(|feed| (feed.public_key, feed.byte_length));
        laws.restarted(node, &place.authors(), &kept, bytes.collect());
    }

    /// A node closes a connection because of its peer.
    pub(super) fn check_isolation(&mut self, link: LinkId, node: NodeId, reason: CloseReason) {
        let pipe = self.link(link);
        let are_honest =
            Side::BOTH.iter().all(|side| !self.nodes[pipe.node(*side) as usize].is_adversary());
        if are_honest && !pipe.is_tampered {
            self.report(Law::Isolation, Some(node), || format!("link {}: {reason}", link.0));
        }
    }
}

fn describe(found: &[super::Difference]) -> String {
    let Some(first) = found.first() else { return "something is not durable yet".to_owned() };
    let [a, b] = first.nodes.map(NodeId::index);
    let counts = first.only.each_ref().map(Vec::len);
    let example = first.only.iter().flatten().next();
    format!(
        "{} links differ; nodes {a} and {b} by {} and {} feeds, such as {example:?}",
        found.len(),
        counts[0],
        counts[1],
    )
}
