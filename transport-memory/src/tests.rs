//! Planted bugs around the core: each law must catch its bug.
//!
//! Rule: bugs that need no change of the core are planted here: a disk that reports too early, a
//! process with an old disk, an adversary that the laws treat as honest. Bugs in the core itself
//! are in `tests/planted/`.

use std::collections::BTreeSet;

use multifeed_core::{Duration, Event, FeedKey, Group, Limits, Timing};

use crate::fault::Fault;
use crate::law::{CROSSINGS, Law};
use crate::node::NodeId;
use crate::options::{LinkOptions, NodeOptions, Pieces};
use crate::world::{Crash, World};

/// A chain of four nodes, each with a feed of four blocks.
struct Rig {
    world: World,
    nodes: Vec<NodeId>,
    feeds: Vec<FeedKey>,
}

impl Rig {
    fn new(seed: u64, change: impl Fn(usize, NodeOptions) -> NodeOptions) -> Self {
        let mut world = World::new(seed);
        world.watch_laws();
        let options = || NodeOptions::new(Group::keyed([3; 32]));
        let nodes: Vec<_> = (0..4).map(|at| world.add_node(change(at, options()))).collect();
        let feeds = nodes.iter().map(|node| world.writer(*node, "own").unwrap()).collect();
        Self { world, nodes, feeds }
    }

    fn honest(seed: u64) -> Self {
        Self::new(seed, |_, options| options)
    }

    /// The second node commits a fault that the laws must not excuse.
    fn with_fault(seed: u64, fault: Fault) -> Self {
        let mut rig = Self::honest(seed);
        rig.world.make_adversary(rig.nodes[1], fault);
        rig.world.count_as_honest(rig.nodes[1]);
        rig
    }

    fn connect(&mut self) {
        for pair in self.nodes.windows(2) {
            self.world.connect(pair[0], pair[1], LinkOptions::default());
        }
    }

    fn write(&mut self) {
        for round in 0..4 {
            for (node, feed) in self.nodes.iter().zip(&self.feeds) {
                let block = format!("round {round} of {node:?} at {:?}", self.world.now());
                _ = self.world.append(*node, feed, &[block.as_bytes()]);
            }
        }
    }

    /// Runs for a while. Returns the broken laws.
    fn check(mut self) -> BTreeSet<Law> {
        self.world.run_until_converged(Duration::from_secs(60));
        self.world.check_cost(CROSSINGS, None);
        self.world.check_at_rest();
        self.world.violations().iter().map(|violation| violation.law).collect()
    }

    fn run(mut self) -> BTreeSet<Law> {
        self.connect();
        self.write();
        self.check()
    }

    fn restart(&mut self, node: usize) {
        self.world.crash(self.nodes[node], Crash::Process);
        self.world.restart(self.nodes[node]);
    }

    /// Changes a node's disk while the node is down.
    fn tamper(&mut self, node: usize, change: impl Fn(u8, &mut Vec<u8>) -> bool) {
        self.world.crash(self.nodes[node], Crash::Process);
        self.world.disk_mut(self.nodes[node]).tamper(change);
        self.world.restart(self.nodes[node]);
    }
}

const RECORD: u8 = 1;
const BLOCK: u8 = 3;

type Bug = (&'static str, fn() -> BTreeSet<Law>, Law);

/// Each bug with the law that catches it.
const BUGS: &[Bug] = &[
    ("a disk that reports commits as durable too early", early_disk, Law::Durability),
    ("a disk that loses records", lost_records, Law::Durability),
    ("a disk that tears a commit in two", torn_commit, Law::Readable),
    ("a disk that returns other blocks than it stored", changed_blocks, Law::Readable),
    ("an author restored from a backup", rolled_back_author, Law::NoEquivocation),
    ("a copied folder: two processes with one key", two_of_one_key, Law::NoForgery),
    ("a node with keep-alives far too often", frequent_keep_alives, Law::Silence),
    ("a node that ignores its timer", ignored_timer, Law::NoLivelock),
    ("a pipe that delivers single bytes", byte_pipe, Law::Events),
    ("an event that is reported twice", duplicate_event, Law::Order),
    ("an event that is lost", missed_event, Law::Order),
    ("a node that accepts no block of its peers", tiny_blocks_only, Law::Convergence),
    ("a node that announces what it does not hold", early_announcement, Law::DurableFirst),
    ("a peer that forwards changed blocks", || faulty(Fault::ForgedBlock), Law::Isolation),
    ("a peer that forwards a changed signature", || faulty(Fault::ForgedSignature), Law::Isolation),
    ("a peer that forwards a changed proof", || faulty(Fault::ForgedProof), Law::Isolation),
    ("a peer that ignores its alias credit", || faulty(Fault::FeedFlood), Law::Isolation),
    ("a peer that sends random bytes", || faulty(Fault::Garbage), Law::Isolation),
    ("a peer that does not serve", || faulty(Fault::NeverAnswers), Law::Convergence),
    ("a peer with a wrong capability", || faulty(Fault::WrongCapability), Law::Isolation),
    ("a link that delivers nothing in one direction", one_way_link, Law::Convergence),
];

fn faulty(fault: Fault) -> BTreeSet<Law> {
    Rig::with_fault(1, fault).run()
}

fn early_disk() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.world.disk_mut(rig.nodes[0]).acknowledges_early = true;
    rig.write();
    rig.world.disk_mut(rig.nodes[0]).forget_staged();
    rig.restart(0);
    rig.check()
}

fn lost_records() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.write();
    rig.world.run_until_idle();
    rig.tamper(0, |kind, _| kind != RECORD);
    rig.check()
}

fn torn_commit() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.write();
    rig.world.run_until_idle();
    rig.tamper(0, |kind, _| kind != BLOCK);
    rig.check()
}

fn changed_blocks() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.write();
    rig.world.run_until_idle();
    rig.tamper(0, |kind, value| {
        if kind == BLOCK {
            value[0] ^= 1;
        }
        true
    });
    rig.check()
}

fn rolled_back_author() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.world.back_up(rig.nodes[0]);
    rig.connect();
    rig.write();
    rig.world.run_until_idle();
    let links: Vec<_> = rig.world.links().collect();
    rig.world.cut(links[0]);
    rig.world.crash(rig.nodes[0], Crash::Process);
    rig.world.restore_backup(rig.nodes[0]);
    rig.world.restart(rig.nodes[0]);
    // As long as the first history, which other nodes hold.
    rig.write();
    let reader = rig.world.add_node(NodeOptions::new(Group::keyed([3; 32])));
    rig.world.connect(rig.nodes[0], reader, LinkOptions::default());
    rig.check()
}

fn two_of_one_key() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    for node in [0, 3] {
        let feed = rig.world.writer_of_seed(rig.nodes[node], "copy", [5; 32]).unwrap();
        rig.world.append(rig.nodes[node], &feed, &[format!("copy {node}").as_bytes()]).unwrap();
    }
    rig.run()
}

fn frequent_keep_alives() -> BTreeSet<Law> {
    let mut timing = Timing::default();
    timing.keep_alive = Some(Duration::from_millis(20));
    Rig::new(1, |_, options| options.timing(timing.clone())).run()
}

fn byte_pipe() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    for pair in rig.nodes.windows(2) {
        let link = LinkOptions::default().pieces(Pieces::Exactly(1));
        rig.world.connect(pair[0], pair[1], link);
    }
    rig.write();
    rig.check()
}

fn ignored_timer() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.world.ignore_timeouts(rig.nodes[0]);
    rig.run()
}

fn duplicate_event() -> BTreeSet<Law> {
    with_event(|world, node, event| {
        world.report_event(node, event);
    })
}

fn missed_event() -> BTreeSet<Law> {
    with_event(|world, node, event| {
        if let Event::Appended { request, feed, key, end, .. } = *event {
            let later = Event::Appended { request, feed, key, start: end + 1, end: end + 2 };
            world.report_event(node, &later);
        }
    })
}

fn with_event(report: fn(&mut World, NodeId, &Event)) -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.write();
    rig.world.run_until_idle();
    for event in rig.world.take_events(rig.nodes[0]) {
        report(&mut rig.world, rig.nodes[0], &event);
    }
    rig.check()
}

fn tiny_blocks_only() -> BTreeSet<Law> {
    let mut limits = Limits::default();
    limits.block_bytes = 8;
    let is_small = |at: usize, options: NodeOptions| match at {
        2 => options.limits(limits.clone()),
        _ => options,
    };
    Rig::new(1, is_small).run()
}

fn early_announcement() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.connect();
    rig.world.run_until_idle();
    rig.write();
    rig.world.run_until_idle();
    let multifeed = rig.world.multifeed(rig.nodes[1]).unwrap();
    let key = rig.feeds[0];
    let feed = multifeed.find(&key).unwrap().id;
    let connection = multifeed.peers().next().unwrap().connection;
    let early = Event::Held { connection, feed, key, length: 99 };
    rig.world.report_event(rig.nodes[1], &early);
    rig.check()
}

fn one_way_link() -> BTreeSet<Law> {
    let mut rig = Rig::honest(1);
    rig.connect();
    rig.world.run_until_idle();
    let link = rig.world.links().next().unwrap();
    rig.write();
    rig.world.hold(link, rig.nodes[0]);
    rig.check()
}

#[test]
fn a_world_without_a_bug_breaks_no_law() {
    for seed in 0..10 {
        assert_eq!(Rig::honest(seed).run(), BTreeSet::new());
    }
}

#[test]
fn every_bug_around_the_core_is_caught_by_its_law() {
    let missed: Vec<_> = BUGS
        .iter()
        .map(|(name, bug, law)| (name, bug(), law))
        .filter(|(_, caught, law)| !caught.contains(law))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
