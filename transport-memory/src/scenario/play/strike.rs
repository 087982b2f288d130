//! What each fault of a script does, and what ends it.

use multifeed_core::{Duration, StoreFailure};

use super::{Play, Undo};
use crate::fault::Fault;
use crate::link::LinkId;
use crate::node::NodeId;
use crate::world::Crash;

/// What a slow reader takes, in bytes per second.
const SLOW_BYTES_PER_SECOND: u64 = 200;

/// How far clocks jump, in microseconds. After a jump back the core's time stands still until the
/// clock has caught up, and its peers hear nothing of it.
const JUMP_AHEAD_US_MAX: i64 = 3_600_000_000;
const JUMP_BACK_US_MAX: i64 = 20_000_000;

/// What a slow disk takes for a commit.
const SLOW_COMMIT: Duration = Duration::from_secs(1);

impl Play<'_> {
    pub(super) fn strike(&mut self, fault: Fault, pick: u64, lasts: u64) {
        let end = self.now() + lasts;
        let link = self.links[(pick % self.links.len() as u64) as usize];
        let side = (pick >> 32) as usize % 2;
        match fault {
            Fault::Reset => self.world.reset(link),
            Fault::Cut => self.cut(link, end),
            Fault::Partition => {
                self.world.strike(fault);
                for link in self.between(pick) {
                    self.cut(link, end);
                }
            }
            Fault::OneWayPartition => {
                self.world.strike(fault);
                let half = self.half(pick);
                for link in self.between(pick) {
                    let from = self.world.ends(link).into_iter().find(|node| half.contains(node));
                    if let Some(from) = from {
                        self.hold(link, from, end);
                    }
                }
            }
            Fault::HalfOpen => {
                self.world.strike(fault);
                self.hold(link, self.world.ends(link)[side], end);
            }
            Fault::SlowReader => {
                self.world.strike(fault);
                self.world.set_bandwidth(link, Some(SLOW_BYTES_PER_SECOND));
                self.pending.push((end, Undo::Widen(link)));
            }
            Fault::Join => self.arrive(pick),
            fault => self.strike_node(fault, pick, end),
        }
    }

    fn strike_node(&mut self, fault: Fault, pick: u64, end: u64) {
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
                pending.push((end, Undo::Restart(node)));
            }
            Fault::OldBackup => {
                // The copy is of the run's beginning the first time, and of now the next.
                world.crash(node, Crash::Process);
                if !world.restore_backup(node) {
                    world.back_up(node);
                }
                pending.push((end, Undo::Restart(node)));
            }
            Fault::CommitError | Fault::DiskFull | Fault::ReadError | Fault::ShortRead => {
                match fault {
                    Fault::CommitError => world.fail_commit(node, StoreFailure::Io),
                    Fault::DiskFull => world.fail_commit(node, StoreFailure::Full),
                    Fault::ReadError => world.fail_read(node, StoreFailure::Io),
                    _ => world.shorten_read(node),
                }
                pending.push((end, Undo::Reopen(node)));
            }
            Fault::BitRot => {
                world.rot(node);
                // A record is read when a process starts, and not before.
                pending.push((end, Undo::Reopen(node)));
            }
            Fault::SlowDisk => {
                world.strike(fault);
                world.set_commit_time(node, SLOW_COMMIT);
                pending.push((end, Undo::Quicken(node)));
            }
            Fault::ClockForward => world.jump_clock(node, (pick >> 34) as i64 % JUMP_AHEAD_US_MAX),
            Fault::ClockBackward => {
                world.jump_clock(node, -((pick >> 34) as i64 % JUMP_BACK_US_MAX))
            }
            Fault::ClockFreeze => {
                world.freeze_clock(node);
                pending.push((end, Undo::ThawClock(node)));
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
            Undo::Widen(link) => {
                let place = self.links.iter().position(|other| *other == link);
                let bandwidth = place.and_then(|place| self.bandwidths[place]);
                world.set_bandwidth(link, bandwidth);
            }
            Undo::Restart(node) if !self.gone.contains(&node) => world.restart(node),
            Undo::Reopen(node) if world.is_running(node) => {
                world.end_process(node);
                world.restart(node);
            }
            Undo::Quicken(node) => {
                world.set_commit_time(node, self.scenario.disk.options().commit);
            }
            Undo::ThawClock(node) => world.thaw_clock(node),
            Undo::Restart(_) | Undo::Reopen(_) => (),
        }
    }

    fn cut(&mut self, link: LinkId, end: u64) {
        self.world.strike(Fault::Cut);
        self.world.cut(link);
        self.pending.push((end, Undo::Heal(link)));
    }

    fn hold(&mut self, link: LinkId, from: NodeId, end: u64) {
        self.world.hold(link, from);
        self.pending.push((end, Undo::Release(link, from)));
    }

    /// One half of the nodes, as the bits of a number choose.
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

    /// A new node, joined to two others.
    fn arrive(&mut self, pick: u64) {
        self.world.strike(Fault::Join);
        let (count, last) = (self.nodes.len() as u64, self.nodes.len());
        self.add_node();
        let first = (pick % count) as usize;
        self.join(first, last);
        if count > 1 {
            self.join(last, (first + 1) % count as usize);
        }
    }

    /// A node leaves for good, unless those that are left would be too few.
    fn leave(&mut self, node: NodeId) {
        if self.gone.len() + 2 < self.nodes.len() {
            self.world.strike(Fault::Leave);
            self.world.end_process(node);
            self.gone.push(node);
        }
    }
}
