//! The world's side of the laws: what they are told, and those that are checked at rest.

use std::collections::BTreeMap;

use multifeed_core::{ConnectionId, Duration, Event, FeedId, PublicKey, Reason};

use super::World;
use crate::fault::Fault;
use crate::law::{Broken, Law};
use crate::link::{LinkId, Side};
use crate::node::NodeId;

/// At rest, one sign of life in this time, each way, is all that may be sent.
const SILENCE_SECONDS: u64 = 20;

/// Before that, whatever faults left behind comes to its end.
const SETTLE_SECONDS: u64 = 40;

/// Bytes of a sign of life, sealed.
const KEEP_ALIVE_BYTES_MAX: u64 = 20;

impl World {
    /// Checks the laws after every event from now on. Call it before there are writers.
    pub fn watch_laws(&mut self) {
        self.laws = Some(Box::default());
    }

    /// The laws that were broken so far.
    pub fn broken(&self) -> &[Broken] {
        self.laws.as_ref().map_or(&[], |laws| laws.broken())
    }

    /// Blocks that honest authors have signed, as far as the laws were watching.
    pub fn blocks_signed(&self) -> u64 {
        self.laws.as_ref().map_or(0, |laws| laws.signed_total())
    }

    /// Reports a law that a script found broken.
    pub fn report(&mut self, law: Law, node: Option<NodeId>, what: impl FnOnce() -> String) {
        if let Some(laws) = &mut self.laws {
            laws.report(law, node, what());
        }
    }

    /// Checks what can be checked at rest only: everybody holds the same, all of it can be read
    /// back, nothing but signs of life is sent, and each node started anew holds the same.
    pub fn check_at_rest(&mut self) {
        if !self.is_converged() {
            let found = self.differences();
            self.report(Law::Convergence, None, || describe(&found));
        }
        self.check_readable();
        self.check_gone();
        self.check_silence();
        self.check_restarts();
    }

    fn check_readable(&mut self) {
        for node in self.honest() {
            let feeds = self.multifeed(node).map(|multifeed| multifeed.feeds());
            let feeds = feeds.into_iter().flatten();
            let feeds: Vec<_> = feeds
                .map(|feed| ((feed.key, feed.public_key, feed.length), feed.cleared > 0))
                .collect();
            for (feed, has_gaps) in feeds {
                if has_gaps {
                    self.check_kept(node, (feed.0, feed.1));
                    continue;
                }
                let blocks = self.blocks(node, &feed.0);
                if let Some(laws) = &mut self.laws {
                    laws.read_back(node, feed, &blocks);
                }
            }
        }
    }

    fn honest(&self) -> Vec<NodeId> {
        self.nodes().filter(|node| !self.node(*node).is_liar()).collect()
    }

    fn check_silence(&mut self) {
        if self.nodes.iter().any(|node| node.is_liar()) {
            // One that drips is closed and dials anew for ever: such a world has no rest.
            return;
        }
        // What was lost on a sealed stream is seen with the next sign of life, and dialled anew.
        self.run_for(Duration::from_secs(SETTLE_SECONDS));
        self.run_until_idle();
        let before = self.bytes_total();
        self.run_for(Duration::from_secs(SILENCE_SECONDS));
        let sent = self.bytes_total() - before;
        let ways = self.links().filter(|link| self.is_connected(*link)).count() as u64 * 2;
        let allowed = ways * (SILENCE_SECONDS / 5 + 1) * KEEP_ALIVE_BYTES_MAX;
        if sent > allowed {
            self.report(Law::Silence, None, || format!("{sent} bytes at rest, not {allowed}"));
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

    /// A multifeed tells its application something.
    pub(super) fn hold_against_laws(&mut self, node: NodeId, event: &Event) {
        let Some(laws) = &mut self.laws else { return };
        let nodes = &self.nodes;
        let author = |feed: &FeedId| -> Option<PublicKey> {
            let multifeed = nodes[node.index()].multifeed.as_ref()?;
            multifeed.feed(*feed).map(|feed| feed.public_key)
        };
        match event {
            Event::Appended { feed, start, end, .. } | Event::Extended { feed, start, end } => {
                if let Some(author) = author(feed) {
                    laws.grown(node, author, [*start, *end]);
                }
            }
            Event::Held { connection, feed, length } => {
                let joined = nodes[node.index()].connections.get(connection);
                if let (Some(author), Some((link, side))) = (author(feed), joined) {
                    let link = &self.links[link.0 as usize];
                    let other = NodeId(link.node(side.other()));
                    if !nodes[other.index()].is_liar() && !link.is_tampered {
                        laws.announced(other, author, *length);
                    }
                }
            }
            Event::Removed { key, .. } => laws.removed(node, *key),
            Event::Opened { connection, .. } => self.check_member(node, *connection),
            _ => (),
        }
    }

    /// A peer was let in.
    fn check_member(&mut self, node: NodeId, connection: ConnectionId) {
        let place = self.node(node);
        let Some((link, side)) = place.connections.get(&connection).copied() else { return };
        let other = self.node(NodeId(self.link(link).node(side.other())));
        let is_stranger =
            other.liar.as_ref().is_some_and(|liar| liar.lie() == Fault::WrongCapability);
        if is_stranger && !place.is_liar() {
            self.report(Law::Membership, Some(node), || format!("let in over link {}", link.0));
        }
    }

    /// A node has asked its disk for something.
    pub(super) fn check_bounds(&mut self, node: NodeId) {
        if self.laws.is_none() {
            return;
        }
        let place = self.node(node);
        let peers = place.links.len();
        let (open, most) = (place.disk.open_reads(), peers * place.options.limits.reads);
        if open > most {
            self.report(Law::Bounds, Some(node), || format!("{open} reads at once, not {most}"));
        }
    }

    /// A node was opened over its disk.
    pub(super) fn note_restart(&mut self, node: NodeId) {
        let Some(laws) = &mut self.laws else { return };
        let place = &self.nodes[node.index()];
        let Some(multifeed) = &place.multifeed else { return };
        let kept: BTreeMap<_, _> =
            multifeed.feeds().map(|feed| (feed.public_key, feed.length)).collect();
        laws.restarted(node, &place.authors(), &kept);
    }

    /// A node closes a connection for its peer's fault.
    pub(super) fn blame(&mut self, link: LinkId, node: NodeId, reason: Reason) {
        let pipe = self.link(link);
        let are_honest =
            Side::BOTH.iter().all(|side| !self.nodes[pipe.node(*side) as usize].is_liar());
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
