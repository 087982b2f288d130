//! Faults on demand.

use bytes::Bytes;
use multifeed_core::rng::Rng;
use multifeed_core::{Duration, StoreFailure};

use super::World;
use crate::event_queue::Urgency;
use crate::fault::{Fault, FaultCounts};
use crate::link::{Item, LinkId, Side, micros};
use crate::node::NodeId;
use crate::rule::{Crossing, Verdict};

impl World {
    /// How often each fault took effect so far.
    pub fn faults(&self) -> &FaultCounts {
        &self.faults
    }

    /// Counts a fault that a script composed of several calls.
    pub fn record_fault(&mut self, fault: Fault) {
        self.faults.record(fault);
    }

    /// Adds a rule after the existing ones. It is asked about each piece of each stream and may
    /// give a verdict.
    pub fn rule(
        &mut self,
        rule: impl FnMut(&Crossing, &mut Rng) -> Option<Verdict> + Send + 'static,
    ) {
        self.rules.add(Box::new(rule));
    }

    /// Removes all rules.
    pub fn clear_rules(&mut self) {
        self.rules.clear();
    }

    /// Changes a link's bandwidth in each direction.
    pub fn set_bandwidth(&mut self, link: LinkId, bytes_per_second: Option<u64>) {
        self.link_mut(link).options.bandwidth = bytes_per_second;
    }

    /// Moves a node's clock by this many microseconds. Time never goes back for the core: after a
    /// jump back it stands still.
    pub fn jump_clock(&mut self, node: NodeId, micros: i64) {
        self.node_mut(node).jump_clock(micros);
        self.faults.record(if micros < 0 { Fault::ClockBackward } else { Fault::ClockForward });
        self.set_alarm(node, self.now);
    }

    /// How long time stands still for the node whose clock was set back farthest.
    pub fn longest_standstill(&self) -> Duration {
        let nodes = self.nodes.iter().map(|node| node.standstill(self.now));
        Duration::from_micros(nodes.max().unwrap_or(0))
    }

    /// Stops a node's clock.
    pub fn freeze_clock(&mut self, node: NodeId) {
        let now = self.now;
        self.node_mut(node).freeze_clock(now);
        self.faults.record(Fault::ClockFreeze);
    }

    /// Lets a node's clock continue, as if it had never stopped.
    pub fn thaw_clock(&mut self, node: NodeId) {
        self.node_mut(node).thaw_clock();
        self.set_alarm(node, self.now);
    }

    /// Makes a node's next commit fail. A random number of its group is durable anyway; every later
    /// call fails too, until the node restarts.
    pub fn fail_commit(&mut self, node: NodeId, failure: StoreFailure) {
        self.node_mut(node).disk.fail_commit(failure);
    }

    /// Makes a node's next read fail.
    pub fn fail_read(&mut self, node: NodeId, failure: StoreFailure) {
        self.node_mut(node).disk.fail_read(failure);
    }

    /// Omits an entry from the reply to a node's next read.
    pub fn shorten_read(&mut self, node: NodeId) {
        self.node_mut(node).disk.shorten_read();
    }

    /// Sets the time that a node's commits take.
    pub fn set_commit_time(&mut self, node: NodeId, time: Duration) {
        self.node_mut(node).disk.options.commit = time;
    }

    /// Flips a bit on a node's disk, in feeds of other authors. Returns whether there was one.
    pub fn flip_stored_bit(&mut self, node: NodeId) -> bool {
        let Self { nodes, rng, .. } = self;
        let place = &mut nodes[node.index()];
        let own: Vec<_> = place.writers.iter().map(|writer| writer.public_key).collect();
        let is_flipped = place.disk.flip_stored_bit(&own, rng);
        if is_flipped {
            self.faults.record(Fault::BitRot);
            if let Some(laws) = &mut self.laws {
                laws.excuse(node);
            }
        }
        is_flipped
    }

    /// Backs up the durable contents of a node's disk.
    pub fn back_up(&mut self, node: NodeId) {
        self.node_mut(node).disk.back_up();
    }

    /// Restores the backup of a node that is down. Returns whether that was possible.
    pub fn restore_backup(&mut self, node: NodeId) -> bool {
        let place = self.node_mut(node);
        let is_restored = place.multifeed.is_none() && place.disk.restore();
        if is_restored {
            self.faults.record(Fault::OldBackup);
            if let Some(laws) = &mut self.laws {
                laws.excuse(node);
            }
        }
        is_restored
    }

    /// Makes the laws treat an adversary as honest.
    #[cfg(test)]
    pub(crate) fn count_as_honest(&mut self, node: NodeId) {
        if let Some(adversary) = &mut self.node_mut(node).adversary {
            adversary.counts_as_honest = true;
        }
    }

    #[cfg(test)]
    pub(crate) fn disk_mut(&mut self, node: NodeId) -> &mut crate::disk::Disk {
        &mut self.node_mut(node).disk
    }

    /// Makes a node ignore its timeouts from now on.
    #[cfg(test)]
    pub(crate) fn ignore_timeouts(&mut self, node: NodeId) {
        self.node_mut(node).ignores_timeouts = true;
    }

    /// Reports an event to the laws that did not happen.
    #[cfg(test)]
    pub(crate) fn report_event(&mut self, node: NodeId, event: &multifeed_core::Event) {
        self.check_event(node, event);
    }

    /// Asks the rules about a piece and sends it accordingly. Returns `false` if the connection
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
        let verdict = self.rules.judge(&crossing, &mut self.rng);
        match verdict {
            Verdict::Deliver => self.send(link, side, Item::Bytes(bytes), urgency),
            Verdict::Delay(delay) => {
                self.faults.record(Fault::DelaySpike);
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

    /// Sends a damaged piece.
    fn damage(&mut self, link: LinkId, side: Side, bytes: Bytes, verdict: Verdict) -> bool {
        // Without a predecessor to swap with, a reordered piece arrives undamaged.
        self.link_mut(link).is_tampered |= verdict != Verdict::Reorder;
        let work = Urgency::Work;
        match verdict {
            Verdict::Corrupt => {
                self.faults.record(Fault::Corruption);
                let mut bytes = bytes.to_vec();
                let bit = self.rng.below(bytes.len() as u64 * 8) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
                self.send(link, side, Item::Bytes(bytes.into()), work);
            }
            Verdict::Lose => self.faults.record(Fault::Loss),
            Verdict::Duplicate => {
                self.faults.record(Fault::Duplication);
                self.send(link, side, Item::Bytes(bytes.clone()), work);
                self.send(link, side, Item::Bytes(bytes), work);
            }
            Verdict::Reorder => {
                self.send(link, side, Item::Bytes(bytes), work);
                if self.link_mut(link).swap_last(side) {
                    self.link_mut(link).is_tampered = true;
                    self.faults.record(Fault::Reorder);
                }
            }
            _ => {
                self.faults.record(Fault::Truncation);
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
