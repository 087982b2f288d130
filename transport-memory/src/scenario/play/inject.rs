//! What each fault of a script does, and how it ends.

use multifeed_core::{Duration, StoreFailure};

use super::{Pending, Play, Undo};
use crate::fault::Fault;
use crate::link::LinkId;
use crate::node::NodeId;
use crate::world::Crash;

/// Bandwidth of a slow reader, in bytes per second.
const SLOW_BYTES_PER_SECOND: u64 = 200;

/// How far clocks jump, in microseconds. After a jump back, the core's time stands still until the
/// clock has caught up, and its peers receive nothing.
const JUMP_AHEAD_US_MAX: i64 = 3_600_000_000;
const JUMP_BACK_US_MAX: i64 = 20_000_000;

/// Commit time of a slow disk.
const SLOW_COMMIT: Duration = Duration::from_secs(1);

impl Play<'_> {
    pub(super) fn inject(&mut self, fault: Fault, pick: u64, lasts: u64) {
        let end = self.now() + lasts;
        let link = self.links[(pick % self.links.len() as u64) as usize];
        let side = (pick >> 32) as usize % 2;
        match fault {
            Fault::Reset => self.world.reset(link),
            Fault::Cut => self.cut(link, end),
            Fault::Partition => {
                self.world.record_fault(fault);
                for link in self.between(pick) {
                    self.cut(link, end);
                }
            }
            Fault::OneWayPartition => {
                self.world.record_fault(fault);
                let half = self.half(pick);
                for link in self.between(pick) {
                    let from = self.world.ends(link).into_iter().find(|node| half.contains(node));
                    if let Some(from) = from {
                        self.hold(link, from, end);
                    }
                }
            }
            Fault::HalfOpen => {
                self.world.record_fault(fault);
                self.hold(link, self.world.ends(link)[side], end);
            }
            Fault::SlowReader => {
                self.world.record_fault(fault);
                self.world.set_bandwidth(link, Some(SLOW_BYTES_PER_SECOND));
                self.pending.push(Pending { at: end, undo: Undo::RestoreBandwidth(link) });
            }
            Fault::Join => self.arrive(pick),
            fault => self.inject_at_node(fault, pick, end),
        }
    }

    fn inject_at_node(&mut self, fault: Fault, pick: u64, end: u64) {
        let is_backup = fault == Fault::OldBackup;
        let first = if is_backup { self.scenario.writers() } else { 0 };
        let choice = &self.nodes[first..];
        let node = choice[(pick % choice.len() as u64) as usize];
        if !self.world.is_running(node) {
            return;
        }
        let (world, pending) = (&mut self.world, &mut self.pending);
        match fault {
            Fault::ProcessCrash | Fault::PowerLoss => {
                let is_power = fault == Fault::PowerLoss;
                world.crash(node, if is_power { Crash::Power } else { Crash::Process });
                pending.push(Pending { at: end, undo: Undo::Restart(node) });
            }
            Fault::OldBackup => {
                // The first time, the backup is of the start of the run; afterwards of the present.
                world.crash(node, Crash::Process);
                if !world.restore_backup(node) {
                    world.back_up(node);
                }
                pending.push(Pending { at: end, undo: Undo::Restart(node) });
            }
            Fault::CommitError | Fault::DiskFull | Fault::ReadError | Fault::ShortRead => {
                match fault {
                    Fault::CommitError => world.fail_commit(node, StoreFailure::Io),
                    Fault::DiskFull => world.fail_commit(node, StoreFailure::Full),
                    Fault::ReadError => world.fail_read(node, StoreFailure::Io),
                    _ => world.shorten_read(node),
                }
                pending.push(Pending { at: end, undo: Undo::RestartProcess(node) });
            }
            Fault::BitRot => {
                world.flip_stored_bit(node);
                // Records are only read at the start of a process.
                pending.push(Pending { at: end, undo: Undo::RestartProcess(node) });
            }
            Fault::SlowDisk => {
                world.record_fault(fault);
                world.set_commit_time(node, SLOW_COMMIT);
                pending.push(Pending { at: end, undo: Undo::RestoreCommitTime(node) });
            }
            Fault::ClockForward => world.jump_clock(node, (pick >> 34) as i64 % JUMP_AHEAD_US_MAX),
            Fault::ClockBackward => {
                world.jump_clock(node, -((pick >> 34) as i64 % JUMP_BACK_US_MAX))
            }
            Fault::ClockFreeze => {
                world.freeze_clock(node);
                pending.push(Pending { at: end, undo: Undo::ThawClock(node) });
            }
            Fault::Leave => self.leave(node),
            _ => (),
        }
    }

    pub(super) fn undo(&mut self, undo: Undo) {
        let world = &mut self.world;
        match undo {
            Undo::Heal(link) => world.heal(link),
            Undo::Release(link, from) => world.release(link, from),
            Undo::RestoreBandwidth(link) => {
                let place = self.links.iter().position(|other| *other == link);
                let bandwidth = place.and_then(|place| self.bandwidths[place]);
                world.set_bandwidth(link, bandwidth);
            }
            Undo::Restart(node) if !self.gone.contains(&node) => world.restart(node),
            Undo::RestartProcess(node) if world.is_running(node) => {
                world.end_process(node);
                world.restart(node);
            }
            Undo::RestoreCommitTime(node) => {
                world.set_commit_time(node, self.scenario.disk.options().commit);
            }
            Undo::ThawClock(node) => world.thaw_clock(node),
            Undo::Restart(_) | Undo::RestartProcess(_) => (),
        }
    }

    fn cut(&mut self, link: LinkId, end: u64) {
        self.world.record_fault(Fault::Cut);
        self.world.cut(link);
        self.pending.push(Pending { at: end, undo: Undo::Heal(link) });
    }

    fn hold(&mut self, link: LinkId, from: NodeId, end: u64) {
        self.world.hold(link, from);
        self.pending.push(Pending { at: end, undo: Undo::Release(link, from) });
    }

    /// One half of the nodes, selected by the bits of a number.
    fn half(&self, pick: u64) -> Vec<NodeId> {
        let is_in = |node: &NodeId| pick.rotate_right(node.index() as u32) & 1 == 1;
        self.nodes.iter().copied().filter(is_in).collect()
    }

    /// The links between that half and the rest.
    fn between(&self, pick: u64) -> Vec<LinkId> {
        let half = self.half(pick);
        let is_between = |link: &LinkId| {
            let [a, b] = self.world.ends(*link).map(|node| half.contains(&node));
            a != b
        };
        self.links.iter().copied().filter(is_between).collect()
    }

    /// Adds a node, connected to two others.
    fn arrive(&mut self, pick: u64) {
        self.world.record_fault(Fault::Join);
        let (count, last) = (self.nodes.len() as u64, self.nodes.len());
        self.add_node();
        let first = (pick % count) as usize;
        self.join(first, last);
        if count > 1 {
            self.join(last, (first + 1) % count as usize);
        }
    }

    /// A node leaves permanently, unless too few would be left.
    fn leave(&mut self, node: NodeId) {
        if self.gone.len() + 2 < self.nodes.len() {
            self.world.record_fault(Fault::Leave);
            self.world.end_process(node);
            self.gone.push(node);
        }
    }
}
