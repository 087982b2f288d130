//! Multifeeds joined by pipes, in virtual time.
//!
//! Rule: everything that happens is an event of the agenda or a call from outside, and every
//! random choice comes from the seed; so a world is a function of its seed and of the calls.

mod calls;
mod connections;
mod faults;
mod holdings;
mod laws;
mod liars;
mod policy;
mod reopen;
mod turn;

use bytes::BytesMut;
use multifeed_core::crypto::hash::{Hash, blake2b};
use multifeed_core::rng::Rng;
use multifeed_core::{CloseReason, ConnectionId, Duration, Instant, SignatureMemo};

use crate::agenda::{Agenda, Urgency};
use crate::disk::Values;
use crate::fault::FaultCounts;
use crate::law::Laws;
use crate::link::{Link, LinkId, Side, micros};
use crate::node::{Node, NodeId};
use crate::options::{LinkOptions, NodeOptions};
use crate::rule::Rules;
use crate::trace::Trace;

pub use connections::{Crash, Ending};
pub use holdings::{Difference, Holding};

/// Most nodes and links of one world.
const NODES_MAX: usize = 1 << 20;
const LINKS_MAX: usize = 1 << 24;

/// Connections that ended and that nobody has asked about yet; beyond, the oldest are forgotten.
const ENDINGS_KEPT_MAX: usize = 65_536;

/// What is to happen.
#[derive(Clone, Copy, Debug)]
enum What {
    /// The first item of the way that leaves a side is due.
    Arrive { link: LinkId, from: Side, epoch: u32 },
    /// A reply of a disk is due.
    Answer { node: NodeId, life: u32, ticket: u32 },
    /// A disk has made commits durable.
    Synced { node: NodeId, life: u32 },
    /// A node's timer rings.
    Alarm { node: NodeId, life: u32 },
    /// A connection is to be made.
    Dial { link: LinkId },
}

/// Any number of multifeeds in virtual time.
#[derive(Debug)]
pub struct World {
    seed: u64,
    chance: Rng,
    /// What one node verified, all have.
    memo: SignatureMemo,
    now: u64,
    agenda: Agenda<What>,
    nodes: Vec<Node>,
    links: Vec<Link>,
    trace: Trace,
    events: u64,
    /// Those of them that are no timers: arrivals, replies of disks, syncs.
    causes: u64,
    next_connection: u64,
    /// The node that handles a timeout: what it sends may be nothing but a sign of life.
    in_timeout: bool,
    /// Reads are answered at once, outside of time.
    at_once: bool,
    endings: std::collections::VecDeque<Ending>,
    scratch: BytesMut,
    rules: Rules,
    values: Values,
    faults: FaultCounts,
    /// A node refuses or removes feeds: not all come to hold the same.
    has_policy: bool,
    /// Costs a third of the speed, so it is there on demand.
    laws: Option<Box<Laws>>,
    /// The invariants of each multifeed are checked after each of its inputs.
    checks_invariants: bool,
    reopenings: Option<Box<reopen::Reopenings>>,
}

impl World {
    /// An empty world. Same seed and same calls: same [`trace`](Self::trace).
    pub fn new(seed: u64) -> Self {
        let chance = Rng::new(blake2b(&[b"multifeed world", &seed.to_le_bytes()]));
        Self {
            seed,
            chance,
            memo: SignatureMemo::new(),
            now: 0,
            agenda: Agenda::new(),
            nodes: Vec::new(),
            links: Vec::new(),
            trace: Trace::default(),
            events: 0,
            causes: 0,
            next_connection: 0,
            in_timeout: false,
            at_once: false,
            endings: std::collections::VecDeque::new(),
            scratch: BytesMut::new(),
            rules: Rules::default(),
            values: Values::default(),
            faults: FaultCounts::default(),
            has_policy: false,
            laws: None,
            checks_invariants: false,
            reopenings: None,
        }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The moment of the latest event.
    pub fn now(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    /// How many events were processed.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The hash of everything that happened so far: every byte that arrived, every reply of a
    /// disk, every timer, each with its moment.
    pub fn trace(&self) -> Hash {
        self.trace.hash()
    }

    /// Keeps a line for each event from now on, for people.
    pub fn keep_trace_lines(&mut self) {
        self.trace.keep_lines();
    }

    /// The lines since this was last asked.
    pub fn take_trace_lines(&mut self) -> Vec<String> {
        self.trace.take_lines()
    }

    /// Draws a number in `0..bound` from the world's seed, for scripts.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.chance.below(bound)
    }

    /// Adds a node and opens its multifeed over an empty disk; it is ready at once.
    pub fn add_node(&mut self, options: NodeOptions) -> NodeId {
        assert!(self.nodes.len() < NODES_MAX, "a world has at most {NODES_MAX} nodes");
        let id = NodeId(self.nodes.len() as u32);
        let seed = blake2b(&[b"node", &self.seed.to_le_bytes(), &id.0.to_le_bytes()]);
        self.nodes.push(Node::new(options, seed));
        self.open(id);
        id
    }

    /// Joins two nodes by a pipe, over which the first dials the second now.
    pub fn connect(&mut self, first: NodeId, second: NodeId, options: LinkOptions) -> LinkId {
        assert!(self.links.len() < LINKS_MAX, "a world has at most {LINKS_MAX} links");
        assert!(first != second, "a link joins two nodes");
        let id = LinkId(self.links.len() as u32);
        self.links.push(Link::new([first.0, second.0], options));
        self.nodes[first.index()].links.push(id);
        self.nodes[second.index()].links.push(id);
        self.dial_at(id, self.now, Urgency::Work);
        id
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Every link.
    pub fn links(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..self.links.len() as u32).map(LinkId)
    }

    /// The two nodes that a link joins.
    pub fn ends(&self, link: LinkId) -> [NodeId; 2] {
        self.link(link).nodes.map(NodeId)
    }

    /// Whether both ends of a link know of a connection over it.
    pub fn is_connected(&self, link: LinkId) -> bool {
        self.link(link).is_up()
    }

    /// Bytes that arrived over a link: sent by its first node, and by its second.
    pub fn bytes(&self, link: LinkId) -> [u64; 2] {
        self.link(link).delivered
    }

    /// Bytes that arrived over all links.
    pub fn bytes_total(&self) -> u64 {
        self.links.iter().flat_map(|link| link.delivered).sum()
    }

    /// Processes the next event, a timer included. `false`: there is none.
    pub fn step(&mut self) -> bool {
        let Some((at, what)) = self.agenda.take() else { return false };
        self.now = self.now.max(at);
        self.events += 1;
        self.causes += u64::from(!matches!(what, What::Alarm { .. } | What::Dial { .. }));
        if let Some(laws) = &mut self.laws {
            laws.set_now(Instant::from_micros(self.now));
        }
        self.happen(what);
        self.reopen_by_chance();
        true
    }

    /// Runs until nothing is under way. Timers that come due meanwhile ring, but they alone keep
    /// no world going.
    ///
    /// # Panics
    ///
    /// If `events_max` more events do not suffice: the multifeeds talk without end.
    pub fn run_until_idle_within(&mut self, events_max: u64) {
        let end = self.events.saturating_add(events_max);
        while !self.agenda.is_idle() {
            assert!(self.events < end, "seed {}: no rest after {events_max} events", self.seed);
            self.step();
        }
    }

    /// [`run_until_idle_within`](Self::run_until_idle_within) a billion events.
    pub fn run_until_idle(&mut self) {
        self.run_until_idle_within(1_000_000_000);
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.agenda.is_idle()
    }

    /// Runs for a time, timers included.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now.saturating_add(micros(duration));
        while self.agenda.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// Runs until [`is_converged`](Self::is_converged), for this long at most. Returns whether it
    /// is.
    pub fn run_until_converged(&mut self, longest: Duration) -> bool {
        let end = self.now.saturating_add(micros(longest));
        loop {
            let slice = self.now.saturating_add(CONVERGENCE_SLICE_US).min(end);
            while self.agenda.next_at().is_some_and(|at| at <= slice) {
                self.step();
            }
            self.now = slice;
            if self.is_converged() {
                return true;
            }
            if slice == end {
                return false;
            }
        }
    }

    fn link(&self, link: LinkId) -> &Link {
        &self.links[link.0 as usize]
    }

    fn link_mut(&mut self, link: LinkId) -> &mut Link {
        &mut self.links[link.0 as usize]
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.index()]
    }

    fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.index()]
    }

    fn enter(&mut self, at: u64, urgency: Urgency, what: What) {
        self.agenda.enter(at, urgency, what, &mut self.chance);
    }

    fn next_connection(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        id
    }

    fn note_ending(&mut self, link: LinkId, node: NodeId, reason: CloseReason) {
        if self.endings.len() >= ENDINGS_KEPT_MAX {
            self.endings.pop_front();
        }
        self.endings.push_back(Ending { link, node, reason, at: self.now() });
    }
}

/// How often a run looks whether all is said, in microseconds.
const CONVERGENCE_SLICE_US: u64 = 50_000;
