//! Multifeeds connected by pipes, in virtual time.
//!
//! Rule: everything that happens is a queued event or a call from outside, and every random choice
//! comes from the seed. A world is therefore a function of its seed and of the calls.

mod adversaries;
mod calls;
mod connections;
mod disconnection;
mod faults;
mod holdings;
mod laws;
mod policy;
mod reopen;
mod reopenings;
mod turn;

use bytes::BytesMut;
use multifeed_core::crypto::hash::{Hash, blake2b};
use multifeed_core::rng::Rng;
use multifeed_core::{CloseReason, ConnectionId, Duration, Instant, SignatureMemo};

use crate::disk::Values;
use crate::event_queue::{EventQueue, Urgency};
use crate::fault::FaultCounts;
use crate::law::Laws;
use crate::link::{Link, LinkId, Side, micros};
use crate::node::{Node, NodeId};
use crate::options::{LinkOptions, NodeOptions};
use crate::rule::Rules;
use crate::trace::Trace;

pub use connections::Crash;
pub use disconnection::Disconnection;
pub use holdings::{Difference, Holding};

/// Most nodes and links of one world.
const NODES_MAX: usize = 1 << 20;
const LINKS_MAX: usize = 1 << 24;

/// Most disconnections that were not taken yet; the oldest are dropped.
const DISCONNECTIONS_KEPT_MAX: usize = 65_536;

/// A scheduled event.
#[derive(Clone, Copy, Debug)]
enum EventKind {
    /// The first item in the direction from this side is due.
    Arrive { link: LinkId, from: Side, epoch: u32 },
    /// A disk reply is due.
    Reply { node: NodeId, life: u32, reply_id: u32 },
    /// A disk has made commits durable.
    Synced { node: NodeId, life: u32 },
    /// A node's timer expires.
    Alarm { node: NodeId, life: u32 },
    /// A connection is to be made.
    Dial { link: LinkId },
}

/// Any number of multifeeds in virtual time.
#[derive(Debug)]
pub struct World {
    seed: u64,
    rng: Rng,
    /// Signatures that any node verified.
    memo: SignatureMemo,
    now: u64,
    queue: EventQueue<EventKind>,
    nodes: Vec<Node>,
    links: Vec<Link>,
    trace: Trace,
    events: u64,
    /// Those events that are not timers: arrivals, disk replies, syncs.
    causes: u64,
    next_connection: u64,
    /// The current node handles a timeout, so its output may be a mere keep-alive.
    in_timeout: bool,
    /// Disk requests are answered immediately, outside virtual time.
    at_once: bool,
    disconnections: std::collections::VecDeque<Disconnection>,
    scratch: BytesMut,
    rules: Rules,
    values: Values,
    faults: FaultCounts,
    /// A node refuses or removes feeds, so not all nodes come to hold the same.
    has_policy: bool,
    /// Optional: costs a third of the speed.
    laws: Option<Box<Laws>>,
    /// Invariants are checked after one in this number of events; 0: never.
    invariants_every: u64,
    reopenings: Option<Box<reopenings::Reopenings>>,
}

impl World {
    /// An empty world. The same seed and calls give the same [`trace`](Self::trace).
    pub fn new(seed: u64) -> Self {
        let rng = Rng::new(blake2b(&[b"multifeed world", &seed.to_le_bytes()]));
        Self {
            seed,
            rng,
            memo: SignatureMemo::new(),
            now: 0,
            queue: EventQueue::new(),
            nodes: Vec::new(),
            links: Vec::new(),
            trace: Trace::default(),
            events: 0,
            causes: 0,
            next_connection: 0,
            in_timeout: false,
            at_once: false,
            disconnections: std::collections::VecDeque::new(),
            scratch: BytesMut::new(),
            rules: Rules::default(),
            values: Values::default(),
            faults: FaultCounts::default(),
            has_policy: false,
            laws: None,
            invariants_every: 0,
            reopenings: None,
        }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The time of the latest event.
    pub fn now(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    /// The number of processed events.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The hash of everything that happened so far: every byte that arrived, every disk reply and
    /// every timer, each with its time.
    pub fn trace(&self) -> Hash {
        self.trace.hash()
    }

    /// Keeps a readable line per event from now on.
    pub fn keep_trace_lines(&mut self) {
        self.trace.keep_lines();
    }

    /// Takes the lines kept so far.
    pub fn take_trace_lines(&mut self) -> Vec<String> {
        self.trace.take_lines()
    }

    /// Draws a number in `0..bound` from the world's seed, for scripts.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// Adds a node and opens its multifeed over an empty disk; it is ready immediately.
    pub fn add_node(&mut self, options: NodeOptions) -> NodeId {
        assert!(self.nodes.len() < NODES_MAX, "a world has at most {NODES_MAX} nodes");
        let id = NodeId(self.nodes.len() as u32);
        let seed = blake2b(&[b"node", &self.seed.to_le_bytes(), &id.0.to_le_bytes()]);
        self.nodes.push(Node::new(options, seed));
        self.open(id);
        id
    }

    /// Connects two nodes by a pipe; the first dials the second now.
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

    /// The two nodes of a link.
    pub fn ends(&self, link: LinkId) -> [NodeId; 2] {
        self.link(link).nodes.map(NodeId)
    }

    /// Whether both ends of a link have a connection over it.
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

    /// Processes the next event, timers included. Returns `false` if there is none.
    pub fn step(&mut self) -> bool {
        let Some((at, event)) = self.queue.take() else { return false };
        self.now = self.now.max(at);
        self.events += 1;
        self.causes +=
            u64::from(!matches!(event, EventKind::Alarm { .. } | EventKind::Dial { .. }));
        if let Some(laws) = &mut self.laws {
            laws.set_now(Instant::from_micros(self.now));
        }
        self.process(event);
        self.maybe_reopen();
        true
    }

    /// Runs until the world is idle. Timers that become due meanwhile expire, but do not keep the
    /// world running by themselves.
    ///
    /// # Panics
    ///
    /// If `events_max` further events do not suffice: the multifeeds talk forever.
    pub fn run_until_idle_within(&mut self, events_max: u64) {
        let end = self.events.saturating_add(events_max);
        while !self.queue.is_idle() {
            assert!(self.events < end, "seed {}: no rest after {events_max} events", self.seed);
            self.step();
        }
    }

    /// [`run_until_idle_within`](Self::run_until_idle_within) a billion events.
    pub fn run_until_idle(&mut self) {
        self.run_until_idle_within(1_000_000_000);
    }

    /// Whether the world is idle: only timers are left.
    pub fn is_idle(&self) -> bool {
        self.queue.is_idle()
    }

    /// Runs for a time, timers included.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now.saturating_add(micros(duration));
        while self.queue.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// Runs until [`is_converged`](Self::is_converged), but at most this long. Returns whether it
    /// is.
    pub fn run_until_converged(&mut self, longest: Duration) -> bool {
        let end = self.now.saturating_add(micros(longest));
        loop {
            let slice = self.now.saturating_add(CONVERGENCE_SLICE_US).min(end);
            while self.queue.next_at().is_some_and(|at| at <= slice) {
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

    fn schedule(&mut self, at: u64, urgency: Urgency, event: EventKind) {
        self.queue.schedule(at, urgency, event, &mut self.rng);
    }

    fn next_connection(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        id
    }

    fn note_disconnection(&mut self, link: LinkId, node: NodeId, reason: CloseReason) {
        if self.disconnections.len() >= DISCONNECTIONS_KEPT_MAX {
            self.disconnections.pop_front();
        }
        self.disconnections.push_back(Disconnection { link, node, reason, at: self.now() });
    }
}

/// How often a run checks for convergence, in microseconds.
const CONVERGENCE_SLICE_US: u64 = 50_000;
