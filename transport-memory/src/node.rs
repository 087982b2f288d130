//! One multifeed with its disk, its clock and its outputs.

use std::collections::{BTreeMap, VecDeque};

use multifeed_core::crypto::hash::blake2b;
use multifeed_core::{
    Config, ConnectionId, Event, FeedKey, Input, Instant, KeyPair, Multifeed, Output, PublicKey,
    Seed, SignatureMemo, Timing,
};

use crate::adversary::Adversary;
use crate::disk::Disk;
use crate::link::{LinkId, Side, micros};
use crate::options::NodeOptions;

/// After an event, the timer is set to expire within this time, in microseconds.
const ALARM_US_MAX: u64 = 1_000_000;

/// One node of a [`World`](crate::World), numbered from 0 in the order of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// Its number, from 0.
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
    /// Grows with each start; events of earlier ones are ignored.
    pub(crate) life: u32,
    /// `None` while the node is down.
    pub(crate) multifeed: Option<Multifeed>,
    pub(crate) disk: Disk,
    /// Every link that ends here.
    pub(crate) links: Vec<LinkId>,
    pub(crate) connections: BTreeMap<ConnectionId, (LinkId, Side)>,
    /// Connections whose output has not been pulled yet.
    pub(crate) sending: VecDeque<ConnectionId>,
    /// Rewrites its output.
    pub(crate) adversary: Option<Adversary>,
    /// A planted bug: its timeouts do nothing.
    pub(crate) ignores_timeouts: bool,
    pub(crate) writers: Vec<Writer>,
    events: VecDeque<Event>,
    pub(crate) events_lost: u64,
    /// When the timer expires, if it is set.
    pub(crate) alarm: Option<u64>,
    alarm_gap: u64,
    /// How far its clock is ahead, in microseconds.
    clock_offset: i64,
    /// The time at which its clock stands still.
    frozen: Option<u64>,
    /// The latest time passed to the multifeed, for which time never goes back.
    latest_time: Instant,
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
            adversary: None,
            ignores_timeouts: false,
            writers: Vec::new(),
            events: VecDeque::new(),
            events_lost: 0,
            alarm: None,
            alarm_gap,
            clock_offset: 0,
            frozen: None,
            latest_time: Instant::ZERO,
            held: 0,
        }
    }

    /// Opens the multifeed over the disk.
    pub(crate) fn start(&mut self, memo: SignatureMemo) {
        self.life += 1;
        self.alarm = None;
        self.latest_time = Instant::ZERO;
        self.multifeed = Some(Multifeed::open(self.config(memo)));
    }

    fn config(&self, memo: SignatureMemo) -> Config {
        let seed = blake2b(&[&self.seed, b"life", &self.life.to_le_bytes()]);
        let config =
            Config::new(self.options.group.clone(), Seed::new(seed)).identity(self.identity());
        let mut config = config.simulated_with(memo);
        config.limits = self.options.limits.clone();
        config.timing = self.options.timing.clone();
        config.admission = self.options.admission;
        config
    }

    /// A second multifeed, opened over a copy of the disk's durable contents.
    pub(crate) fn reopened(&self, memo: SignatureMemo) -> Multifeed {
        let (mut multifeed, mut disk) = (Multifeed::open(self.config(memo)), self.disk.durable());
        while let Some(output) = multifeed.poll() {
            if let Output::Store(request) = output {
                let reply = disk.execute_at_once(request);
                multifeed.handle(Instant::ZERO, Input::Stored(reply));
            }
        }
        multifeed
    }

    /// Drops the multifeed; the disk stays.
    pub(crate) fn stop(&mut self) {
        self.multifeed = None;
        self.connections.clear();
        self.sending.clear();
        self.alarm = None;
        self.held = 0;
    }

    /// The key pair that identifies it to peers, the same after each restart.
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

    /// Whether it breaks the protocol on purpose.
    pub(crate) fn is_adversary(&self) -> bool {
        self.adversary.as_ref().is_some_and(|adversary| !adversary.counts_as_honest)
    }

    /// The public keys of its writers.
    pub(crate) fn authors(&self) -> Vec<PublicKey> {
        self.writers.iter().map(|writer| writer.public_key).collect()
    }

    /// The time on its clock at a time of the world.
    pub(crate) fn clock(&self, now: u64) -> Instant {
        Instant::from_micros(self.frozen.unwrap_or(now.saturating_add_signed(self.clock_offset)))
    }

    /// The same; also records it as passed to the multifeed.
    pub(crate) fn advance_clock(&mut self, now: u64) -> Instant {
        let clock = self.clock(now);
        self.latest_time = self.latest_time.max(clock);
        clock
    }

    /// Whether time advances for the multifeed: its clock is not behind an earlier reading.
    pub(crate) fn has_time(&self, now: u64) -> bool {
        self.frozen.is_none() && self.clock(now) >= self.latest_time
    }

    /// The time of the world at which its clock will show this, at its present offset.
    pub(crate) fn moment(&self, clock: Instant) -> u64 {
        clock.as_micros().saturating_add_signed(self.clock_offset.saturating_neg())
    }

    pub(crate) fn jump_clock(&mut self, micros: i64) {
        self.clock_offset = self.clock_offset.saturating_add(micros);
    }

    /// How many microseconds time stands still for the multifeed because its clock was set back.
    pub(crate) fn standstill(&self, now: u64) -> u64 {
        // Its clock may have been set back to before its start, and then stays at zero for a while.
        let (clock, ahead) = self.frozen.map_or((now, self.clock_offset), |clock| (clock, 0));
        let latest = self.latest_time.as_micros().saturating_add_signed(ahead.saturating_neg());
        latest.saturating_sub(clock)
    }

    pub(crate) fn freeze_clock(&mut self, now: u64) {
        self.frozen = Some(self.clock(now).as_micros());
    }

    pub(crate) fn thaw_clock(&mut self) {
        self.frozen = None;
    }

    /// Keeps an event for the application.
    pub(crate) fn keep(&mut self, event: Event) {
        // Drops the oldest, because the latest may answer a read.
        if self.events.len() >= self.options.events_kept.max(1) {
            self.events.pop_front();
            self.events_lost += 1;
        }
        self.events.push_back(event);
    }

    /// Takes the latest event that matches.
    pub(crate) fn take_event(&mut self, is_it: impl Fn(&Event) -> bool) -> Option<Event> {
        let place = self.events.iter().rposition(is_it)?;
        self.events.remove(place)
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// The latest time at which the timer must expire after an event now.
    ///
    /// No new deadline is nearer than the shortest timeout, so the deadline is not computed before
    /// then: that costs a step per connection.
    pub(crate) fn latest_alarm(&self, now: u64) -> u64 {
        now.saturating_add(self.alarm_gap)
    }
}

fn gap(timing: &Timing) -> u64 {
    let Timing { handshake, keep_alive, dead, request, .. } = timing;
    let all = [handshake, keep_alive, dead, request].into_iter().flatten();
    all.map(|wait| micros(*wait)).min().unwrap_or(ALARM_US_MAX).min(ALARM_US_MAX)
}
