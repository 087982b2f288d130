//! What can go wrong, on demand.

use bytes::Bytes;
use multifeed_core::rng::Rng;
use multifeed_core::{Duration, StoreFailure};

use super::World;
use crate::agenda::Urgency;
use crate::fault::{Fault, FaultCounts};
use crate::link::{Item, LinkId, Side, micros};
use crate::node::NodeId;
use crate::rule::{Crossing, Verdict};

impl World {
    /// How often each fault has struck so far.
    pub fn faults(&self) -> &FaultCounts {
        &self.faults
    }

    /// Counts a fault that a script has made of several verbs.
    pub fn strike(&mut self, fault: Fault) {
        self.faults.strike(fault);
    }

    /// Adds a rule behind those that are there: it is asked about each piece of each stream, and
    /// may give a verdict.
    pub fn rule(
        &mut self,
        rule: impl FnMut(&Crossing, &mut Rng) -> Option<Verdict> + Send + 'static,
    ) {
        self.rules.add(Box::new(rule));
    }

    /// Takes every rule away.
    pub fn clear_rules(&mut self) {
        self.rules.clear();
    }

    /// Changes a link's bandwidth, each way.
    pub fn set_bandwidth(&mut self, link: LinkId, bytes_per_second: Option<u64>) {
        self.link_mut(link).options.bandwidth = bytes_per_second;
    }

    /// Moves a node's clock by so many microseconds. Time never goes back for the core: after a
    /// jump back it stands still.
    pub fn jump_clock(&mut self, node: NodeId, micros: i64) {
        self.node_mut(node).jump_clock(micros);
        self.faults.strike(if micros < 0 { Fault::ClockBackward } else { Fault::ClockForward });
        self.set_alarm(node, self.now);
    }

    /// For how long time stands still for the node whose clock was set back farthest.
    pub fn longest_standstill(&self) -> Duration {
        let nodes = self.nodes.iter().map(|node| node.standstill(self.now));
        Duration::from_micros(nodes.max().unwrap_or(0))
    }

    /// Stops a node's clock.
    pub fn freeze_clock(&mut self, node: NodeId) {
        let now = self.now;
        self.node_mut(node).freeze_clock(now);
        self.faults.strike(Fault::ClockFreeze);
    }

    /// Lets a node's clock go on, as if it had never stood.
    pub fn thaw_clock(&mut self, node: NodeId) {
        self.node_mut(node).thaw_clock();
        self.set_alarm(node, self.now);
    }

    /// Makes a node's next commit fail. Rng decides how many of its group are durable all the
    /// same; every later call fails too, until the node is started anew.
    pub fn fail_commit(&mut self, node: NodeId, failure: StoreFailure) {
        self.node_mut(node).disk.fail_commit(failure);
    }

    /// Makes a node's next read fail.
    pub fn fail_read(&mut self, node: NodeId, failure: StoreFailure) {
        self.node_mut(node).disk.fail_read(failure);
    }

    /// Leaves an entry out of the reply to a node's next read.
    pub fn shorten_read(&mut self, node: NodeId) {
        self.node_mut(node).disk.shorten_read();
    }

    /// Makes every commit of a node take so long.
    pub fn set_commit_time(&mut self, node: NodeId, time: Duration) {
        self.node_mut(node).disk.options.commit = time;
    }

    /// Flips a bit of what lies on a node's disk, of feeds that are not its own. Returns whether
    /// there was any.
    pub fn rot(&mut self, node: NodeId) -> bool {
        let Self { nodes, chance, .. } = self;
        let place = &mut nodes[node.index()];
        let own: Vec<_> = place.writers.iter().map(|writer| writer.public_key).collect();
        let has_rotted = place.disk.rot(&own, chance);
        if has_rotted {
            self.faults.strike(Fault::BitRot);
            if let Some(laws) = &mut self.laws {
                laws.excuse(node);
            }
        }
        has_rotted
    }

    /// Keeps a copy of what lies durably on a node's disk.
    pub fn back_up(&mut self, node: NodeId) {
        self.node_mut(node).disk.back_up();
    }

    /// Puts the copy back on the disk of a node that is down. Returns whether there was one, and
    /// the node is down.
    pub fn restore_backup(&mut self, node: NodeId) -> bool {
        let place = self.node_mut(node);
        let is_restored = place.multifeed.is_none() && place.disk.restore();
        if is_restored {
            self.faults.strike(Fault::OldBackup);
            if let Some(laws) = &mut self.laws {
                laws.excuse(node);
            }
        }
        is_restored
    }

    /// Lets the laws take a liar for honest.
    #[cfg(test)]
    pub(crate) fn hide_liar(&mut self, node: NodeId) {
        if let Some(liar) = &mut self.node_mut(node).liar {
            liar.is_unknown = true;
        }
    }

    #[cfg(test)]
    pub(crate) fn disk_mut(&mut self, node: NodeId) -> &mut crate::disk::Disk {
        &mut self.node_mut(node).disk
    }

    /// Lets a node's timeouts do nothing from now on.
    #[cfg(test)]
    pub(crate) fn deafen_timer(&mut self, node: NodeId) {
        self.node_mut(node).is_deaf = true;
    }

    /// Lets the laws hear an event that never was.
    #[cfg(test)]
    pub(crate) fn tell_laws(&mut self, node: NodeId, event: &multifeed_core::Event) {
        self.hold_against_laws(node, event);
    }

    /// Lets the rules decide about a piece, and sends what is left of it. `false`: the connection
    /// broke.
    pub(super) fn send_piece(
        &mut self,
        link: LinkId,
        side: Side,
        bytes: Bytes,
        urgency: Urgency,
    ) -> bool {
        let pipe = &self.links[link.0 as usize];
        let (from, to) = (NodeId(pipe.node(side)), NodeId(pipe.node(side.other())));
        let crossing = Crossing { link, from, to, bytes: bytes.len(), at: self.now };
        let verdict = self.rules.judge(&crossing, &mut self.chance);
        match verdict {
            Verdict::Deliver => self.send(link, side, Item::Bytes(bytes), urgency),
            Verdict::Delay(delay) => {
                self.faults.strike(Fault::DelaySpike);
                let until = self.now.saturating_add(micros(delay));
                self.link_mut(link).delay_until(side, until);
                self.send(link, side, Item::Bytes(bytes), urgency);
            }
            Verdict::Reset => {
                self.reset(link);
                return false;
            }
            _ => return self.damage(link, side, bytes, verdict),
        }
        true
    }

    /// Sends a piece that is not what the sender gave.
    fn damage(&mut self, link: LinkId, side: Side, bytes: Bytes, verdict: Verdict) -> bool {
        // Two pieces that could not change places arrive as they were sent.
        self.link_mut(link).is_tampered |= verdict != Verdict::Reorder;
        let work = Urgency::Work;
        match verdict {
            Verdict::Corrupt => {
                self.faults.strike(Fault::Corruption);
                let mut bytes = bytes.to_vec();
                let bit = self.chance.below(bytes.len() as u64 * 8) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
                self.send(link, side, Item::Bytes(bytes.into()), work);
            }
            Verdict::Lose => self.faults.strike(Fault::Loss),
            Verdict::Duplicate => {
                self.faults.strike(Fault::Duplication);
                self.send(link, side, Item::Bytes(bytes.clone()), work);
                self.send(link, side, Item::Bytes(bytes), work);
            }
            Verdict::Reorder => {
                self.send(link, side, Item::Bytes(bytes), work);
                if self.link_mut(link).swap_last(side) {
                    self.link_mut(link).is_tampered = true;
                    self.faults.strike(Fault::Reorder);
                }
            }
            _ => {
                self.faults.strike(Fault::Truncation);
                let half = bytes.slice(..bytes.len() / 2);
                self.send(link, side, Item::Bytes(half), work);
                self.send(link, side, Item::Close, work);
                self.hang_up(link, side);
                return false;
            }
        }
        true
    }
}
