//! One multifeed with its disk, its clock and what became of its outputs.

use std::collections::{BTreeMap, VecDeque};

use multifeed_core::crypto::hash::blake2b;
use multifeed_core::{
    Config, ConnectionId, Event, FeedKey, Input, Instant, KeyPair, Multifeed, Output, PublicKey,
    SignatureMemo, Timing,
};

use crate::disk::Disk;
use crate::liar::Liar;
use crate::link::{LinkId, Side, micros};
use crate::options::NodeOptions;

/// Most events of one node that nobody has taken yet.
pub const EVENTS_KEPT_MAX: usize = 16_384;

/// A timer is looked after at least this often once something happened, in microseconds.
const ALARM_US_MAX: u64 = 1_000_000;

/// One node of a [`World`](crate::World), from 0 on in the order in which they were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// Its number, from 0 on.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A writer that is opened again after each crash.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) name: String,
    pub(crate) seed: [u8; 32],
    pub(crate) key: FeedKey,
    pub(crate) public_key: PublicKey,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) options: NodeOptions,
    seed: [u8; 32],
    /// Grows with each start; events of an earlier one mean nothing.
    pub(crate) life: u32,
    /// `None` while the node is down.
    pub(crate) multifeed: Option<Multifeed>,
    pub(crate) disk: Disk,
    /// Every link that ends here.
    pub(crate) links: Vec<LinkId>,
    pub(crate) connections: BTreeMap<ConnectionId, (LinkId, Side)>,
    /// Connections with something to send that were not looked after yet.
    pub(crate) sending: VecDeque<ConnectionId>,
    /// Twists what it says.
    pub(crate) liar: Option<Liar>,
    /// A planted bug: its timeouts do nothing.
    pub(crate) is_deaf: bool,
    pub(crate) writers: Vec<Writer>,
    events: VecDeque<Event>,
    pub(crate) events_lost: u64,
    /// When the timer rings; `None`: never.
    pub(crate) alarm: Option<u64>,
    alarm_gap: u64,
    /// How far its clock is ahead, in microseconds.
    clock_offset: i64,
    /// Where its clock stands still.
    frozen: Option<u64>,
    /// The latest time that the multifeed was told: for it, no earlier one ever is.
    told: Instant,
    /// Blocks held durably, over all feeds.
    pub(crate) held: u64,
}

impl Node {
    /// A node that is down, with an empty disk.
    pub(crate) fn new(options: NodeOptions, seed: [u8; 32]) -> Self {
        let (disk, alarm_gap) = (Disk::new(options.disk), gap(&options.timing));
        Self {
            options,
            seed,
            life: 0,
            multifeed: None,
            disk,
            links: Vec::new(),
            connections: BTreeMap::new(),
            sending: VecDeque::new(),
            liar: None,
            is_deaf: false,
            writers: Vec::new(),
            events: VecDeque::new(),
            events_lost: 0,
            alarm: None,
            alarm_gap,
            clock_offset: 0,
            frozen: None,
            told: Instant::ZERO,
            held: 0,
        }
    }

    /// Opens the multifeed over what the disk holds.
    pub(crate) fn start(&mut self, memo: SignatureMemo) {
        self.life += 1;
        self.alarm = None;
        self.told = Instant::ZERO;
        self.multifeed = Some(Multifeed::open(self.config(memo)));
    }

    fn config(&self, memo: SignatureMemo) -> Config {
        let seed = blake2b(&[&self.seed, b"life", &self.life.to_le_bytes()]);
        let config = Config::new(self.options.group.clone(), seed).identity(self.identity());
        let mut config = config.simulated_with(memo);
        config.limits = self.options.limits.clone();
        config.timing = self.options.timing.clone();
        config.admission = self.options.take;
        config
    }

    /// A second multifeed over a copy of what is durable on the disk, once it has read it.
    pub(crate) fn reopened(&self, memo: SignatureMemo) -> Multifeed {
        let (mut multifeed, mut disk) = (Multifeed::open(self.config(memo)), self.disk.durable());
        while let Some(output) = multifeed.poll() {
            if let Output::Store(request) = output {
                let reply = disk.take_at_once(request);
                multifeed.handle(Instant::ZERO, Input::Stored(reply));
            }
        }
        multifeed
    }

    /// Takes the multifeed out of memory; the disk stays.
    pub(crate) fn stop(&mut self) {
        self.multifeed = None;
        self.connections.clear();
        self.sending.clear();
        self.alarm = None;
        self.held = 0;
    }

    /// The key pair by which peers know it, the same in each life.
    pub(crate) fn identity(&self) -> KeyPair {
        KeyPair::from_seed(&blake2b(&[&self.seed, b"identity"]))
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.identity().public_key()
    }

    /// The seed of a writer's key pair.
    pub(crate) fn writer_seed(&self, name: &str) -> [u8; 32] {
        blake2b(&[&self.seed, b"writer", name.as_bytes()])
    }

    /// It speaks the protocol, and not as it should.
    pub(crate) fn is_liar(&self) -> bool {
        self.liar.as_ref().is_some_and(|liar| !liar.is_unknown)
    }

    /// The public keys of its writers.
    pub(crate) fn authors(&self) -> Vec<PublicKey> {
        self.writers.iter().map(|writer| writer.public_key).collect()
    }

    /// What its clock shows at a moment of the world.
    pub(crate) fn clock(&self, now: u64) -> Instant {
        Instant::from_micros(self.frozen.unwrap_or(now.saturating_add_signed(self.clock_offset)))
    }

    /// The same, for the multifeed.
    pub(crate) fn tell_time(&mut self, now: u64) -> Instant {
        let clock = self.clock(now);
        self.told = self.told.max(clock);
        clock
    }

    /// Whether time goes on for the multifeed: its clock is not behind what it showed before.
    pub(crate) fn has_time(&self, now: u64) -> bool {
        self.frozen.is_none() && self.clock(now) >= self.told
    }

    /// The moment of the world at which its clock will show this, as it goes now.
    pub(crate) fn moment(&self, clock: Instant) -> u64 {
        clock.as_micros().saturating_add_signed(self.clock_offset.saturating_neg())
    }

    pub(crate) fn jump_clock(&mut self, micros: i64) {
        self.clock_offset = self.clock_offset.saturating_add(micros);
    }

    /// For how many microseconds time stands still for the multifeed, as its clock was set back.
    pub(crate) fn standstill(&self, now: u64) -> u64 {
        // Its clock may have been set back to before it began to run, and stays there for a while.
        let (clock, ahead) = self.frozen.map_or((now, self.clock_offset), |clock| (clock, 0));
        let told = self.told.as_micros().saturating_add_signed(ahead.saturating_neg());
        told.saturating_sub(clock)
    }

    pub(crate) fn freeze_clock(&mut self, now: u64) {
        self.frozen = Some(self.clock(now).as_micros());
    }

    pub(crate) fn thaw_clock(&mut self) {
        self.frozen = None;
    }

    /// Keeps an event for the application.
    pub(crate) fn keep(&mut self, event: Event) {
        // The latest may be the answer to a read.
        if self.events.len() >= self.options.events_kept.max(1) {
            self.events.pop_front();
            self.events_lost += 1;
        }
        self.events.push_back(event);
    }

    /// Takes the latest event of a kind.
    pub(crate) fn take_event(&mut self, is_it: impl Fn(&Event) -> bool) -> Option<Event> {
        let place = self.events.iter().rposition(is_it)?;
        self.events.remove(place)
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// When the timer has to ring after something happened now, if not earlier.
    ///
    /// No new deadline is nearer than the shortest time-out, so asking for it is put off until
    /// then: it costs a step for each connection.
    pub(crate) fn latest_alarm(&self, now: u64) -> u64 {
        now.saturating_add(self.alarm_gap)
    }
}

fn gap(timing: &Timing) -> u64 {
    let Timing { handshake, keep_alive, dead, request, .. } = timing;
    let all = [handshake, keep_alive, dead, request].into_iter().flatten();
    all.map(|wait| micros(*wait)).min().unwrap_or(ALARM_US_MAX).min(ALARM_US_MAX)
}
