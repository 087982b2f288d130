//! Connections: made, ended, broken, and made anew.

use multifeed_core::{CloseReason, ConnectionId, Event, Input, Instant, KeyPair};

use super::{What, World};
use crate::agenda::Urgency;
use crate::fault::Fault;
use crate::link::{Closed, Item, LinkId, Side, micros};
use crate::node::NodeId;

/// Connections in a row that never opened, beyond which dialling on is no work any more.
const FAILS_MAX: u32 = 4;

/// The time between dials doubles with each failure, this often.
const BACKOFF_DOUBLINGS_MAX: u32 = 3;

/// A connection that an end closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ending {
    /// The link.
    pub link: LinkId,
    /// The end that closed it.
    pub node: NodeId,
    /// Why.
    pub reason: CloseReason,
    /// When.
    pub at: Instant,
}

/// How a node goes down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// The process dies: the system closes its connections.
    Process,
    /// The power fails: peers hear nothing, until the node is back or their timers ring.
    Power,
}

impl World {
    /// Takes a link down: its connection breaks, both ends hear of it, and none is made until
    /// [`heal`](Self::heal).
    pub fn cut(&mut self, link: LinkId) {
        self.link_mut(link).is_cut = true;
        self.break_off(link);
    }

    /// Puts a link up again and dials.
    pub fn heal(&mut self, link: LinkId) {
        let pipe = self.link_mut(link);
        (pipe.is_cut, pipe.is_over, pipe.fails) = (false, false, 0);
        self.dial_at(link, self.now, Urgency::Work);
    }

    /// Breaks a link's connection: both ends hear of it, and what was under way is lost. It is
    /// dialled anew as [`LinkOptions::redial`](crate::LinkOptions::redial) says.
    pub fn reset(&mut self, link: LinkId) {
        if self.link(link).is_live {
            self.faults.strike(Fault::Reset);
            self.break_off(link);
            self.redial(link);
        }
    }

    /// Stops what leaves a node over a link, without a word to either end: a half-open
    /// connection, a one-way partition, a reader that does not read.
    pub fn hold(&mut self, link: LinkId, from: NodeId) {
        if let Some(side) = self.side(link, from) {
            self.link_mut(link).hold(side);
        }
    }

    /// Lets what was held go on. No byte was lost.
    pub fn release(&mut self, link: LinkId, from: NodeId) {
        let Some(side) = self.side(link, from) else { return };
        let late = self.link_mut(link).release(side);
        let epoch = self.link(link).epoch;
        for _ in 0..late {
            self.enter(self.now, Urgency::Work, What::Arrive { link, from: side, epoch });
        }
    }

    /// Takes a node down. Of the commits that are not durable, chance decides how many are kept.
    pub fn crash(&mut self, node: NodeId, crash: Crash) {
        if self.node(node).multifeed.is_none() {
            return;
        }
        self.faults.strike(match crash {
            Crash::Process => Fault::ProcessCrash,
            Crash::Power => Fault::PowerLoss,
        });
        self.take_down(node, crash);
    }

    /// Ends a node's process, which is no fault; commits that are not durable may be lost all the
    /// same.
    pub fn end_process(&mut self, node: NodeId) {
        if self.node(node).multifeed.is_some() {
            self.take_down(node, Crash::Process);
        }
    }

    fn take_down(&mut self, node: NodeId, crash: Crash) {
        let staged = self.node(node).disk.staged();
        let keep = self.chance.below(staged as u64 + 1) as usize;
        if keep < staged {
            self.faults.strike(if keep == 0 { Fault::LostWrite } else { Fault::TornWrite });
        }
        self.node_mut(node).disk.crash(keep);
        let connections: Vec<_> = self.node(node).connections.values().copied().collect();
        self.node_mut(node).stop();
        for (link, side) in connections {
            let pipe = self.link_mut(link);
            pipe.ends[side as usize] = None;
            pipe.way(side).is_wanted = false;
            if crash == Crash::Process {
                self.send(link, side, Item::Close, Urgency::Work);
            }
        }
    }

    /// Starts a node that is down over its disk: it opens its writers again, and its links are
    /// dialled.
    pub fn restart(&mut self, node: NodeId) {
        if self.node(node).multifeed.is_some() {
            return;
        }
        self.open(node);
        for link in self.node(node).links.clone() {
            // What is left of an earlier connection answers to nobody.
            self.break_off(link);
            self.link_mut(link).fails = 0;
            self.dial_at(link, self.now, Urgency::Work);
        }
    }

    /// Whether a node is running.
    pub fn is_running(&self, node: NodeId) -> bool {
        self.node(node).multifeed.is_some()
    }

    /// Connections that a multifeed closed since this was last asked, in their order.
    pub fn take_endings(&mut self) -> Vec<Ending> {
        self.endings.drain(..).collect()
    }

    fn side(&self, link: LinkId, node: NodeId) -> Option<Side> {
        let link = self.link(link);
        Side::BOTH.into_iter().find(|side| link.node(*side) == node.0)
    }

    /// Opens a node's multifeed; its disk answers at once.
    pub(super) fn open(&mut self, node: NodeId) {
        let memo = self.memo.clone();
        self.node_mut(node).start(memo);
        self.at_once = true;
        self.drain(node);
        let place = self.node_mut(node);
        if let Some(multifeed) = &mut place.multifeed {
            for writer in &place.writers {
                // A name or key that is taken is a disk that was changed under the node; the feed
                // then stays unwritable, which is what an application would see.
                _ = multifeed.writer(&writer.name, KeyPair::from_seed(&writer.seed));
            }
            place.held = multifeed.feeds().map(|feed| feed.length).sum();
        }
        self.drain(node);
        self.at_once = false;
        self.note_restart(node);
    }

    pub(super) fn dial_at(&mut self, link: LinkId, at: u64, urgency: Urgency) {
        let pipe = self.link_mut(link);
        pipe.dial = Some(at);
        self.enter(at, urgency, What::Dial { link });
    }

    pub(super) fn dial(&mut self, link: LinkId) {
        let pipe = self.link_mut(link);
        // A dial that was put off or brought forward left this event behind.
        if pipe.dial.is_none() || pipe.is_cut || pipe.is_over || pipe.is_live {
            return;
        }
        pipe.dial = None;
        let is_running = |node: u32| self.nodes[node as usize].multifeed.is_some();
        if self.link(link).nodes.into_iter().all(is_running) {
            self.link_mut(link).begin();
            let ends = self.ends(link);
            if let Some(laws) = &mut self.laws {
                laws.dialled(link, ends);
            }
            self.send(link, Side::First, Item::Open, Urgency::Work);
        }
        // Otherwise the node that is down dials when it starts.
    }

    /// A multifeed closes a connection: what is sealed still goes out.
    pub(super) fn closing(&mut self, node: NodeId, connection: ConnectionId, reason: CloseReason) {
        let Some((link, side)) = self.node(node).connections.get(&connection).copied() else {
            return;
        };
        self.note_ending(link, node, reason);
        if is_final(reason) && !matches!(reason, CloseReason::Synced | CloseReason::Requested) {
            self.blame(link, node, reason);
        }
        let pipe = self.link_mut(link);
        pipe.closed.get_or_insert(Closed { side, reason });
        pipe.way(side).is_closing = true;
        self.node_mut(node).sending.push_back(connection);
    }

    /// One end learns that its connection is gone.
    pub(super) fn hang_up(&mut self, link: LinkId, side: Side) {
        let Some(connection) = self.link_mut(link).ends[side as usize].take() else { return };
        let node = NodeId(self.link(link).node(side));
        if let Some(laws) = &mut self.laws {
            laws.hung_up(connection);
        }
        let place = self.node_mut(node);
        place.connections.remove(&connection);
        if let Some(liar) = &mut place.liar {
            liar.end(connection);
        }
        self.tell(node, Input::Disconnected { connection });
        self.drain(node);
    }

    fn break_off(&mut self, link: LinkId) {
        if self.link(link).is_live {
            Side::BOTH.into_iter().for_each(|side| self.hang_up(link, side));
            self.link_mut(link).end_connection();
        }
    }

    /// Nothing is left of a connection.
    pub(super) fn finish(&mut self, link: LinkId) {
        let is_tampered = self.link(link).is_tampered;
        self.break_off(link);
        let pipe = self.link_mut(link);
        let closed = pipe.closed.take();
        pipe.is_over |= !is_tampered && closed.is_some_and(|closed| is_final(closed.reason));
        self.redial(link);
    }

    fn redial(&mut self, link: LinkId) {
        let pipe = self.link_mut(link);
        let Some(wait) = pipe.options.redial.filter(|_| !pipe.is_cut && !pipe.is_over) else {
            return;
        };
        let wait = micros(wait) << pipe.fails.min(BACKOFF_DOUBLINGS_MAX);
        let urgency = if pipe.fails < FAILS_MAX { Urgency::Work } else { Urgency::Chore };
        pipe.fails = pipe.fails.saturating_add(1);
        let at = self.now + wait + self.chance.below(wait / 2 + 1);
        self.dial_at(link, at, urgency);
    }
}

/// Whether the same connection would end the same way again.
fn is_final(reason: CloseReason) -> bool {
    match reason {
        CloseReason::Deadline(_) | CloseReason::NotReady | CloseReason::ClosedByPeer => false,
        CloseReason::Violation(_)
        | CloseReason::Limit(_)
        | CloseReason::Incompatible { .. }
        | CloseReason::NotAMember
        | CloseReason::Ourselves
        | CloseReason::Synced
        | CloseReason::Requested => true,
        _ => false,
    }
}

/// Whether an event is the answer to a request.
pub(super) fn answers(event: &Event, request: multifeed_core::RequestId) -> bool {
    match event {
        Event::Appended { request: of, .. }
        | Event::Blocks { request: of, .. }
        | Event::Missing { request: of, .. }
        | Event::Failed { request: of, .. } => *of == request,
        _ => false,
    }
}
