//! The effect of one event.
//!
//! Rule: after each input of a node, its outputs are drained and its streams pulled before the next
//! event.

use multifeed_core::{
    ConnectionId, Event, Input, Instant, Output, Secure, StoreReply, StoreRequest,
};

use super::adversaries::role;
use super::{EventKind, World};
use crate::disk::Completion;
use crate::event_queue::Urgency;
use crate::law::Law;
use crate::link::{Item, LinkId, Side, micros};
use crate::node::NodeId;
use crate::options::{Replies, Security};
use crate::trace::code;

/// A keep-alive: an empty frame, in plaintext and encrypted.
const KEEP_ALIVE_PLAIN_BYTES: usize = 3;
const KEEP_ALIVE_NOISE_BYTES: usize = 20;

/// A timer that expired is not set to the same time again.
const ALARM_STEP_US: u64 = 1_000;

impl World {
    pub(super) fn process(&mut self, event: EventKind) {
        match event {
            EventKind::Arrive { link, from, epoch } => self.arrive(link, from, epoch),
            EventKind::Reply { node, life, reply_id } if self.lives(node, life) => {
                let reply = self.node_mut(node).disk.take_reply(reply_id);
                if let Some(reply) = reply {
                    self.trace.note(self.now, code::ANSWER, [node.0, reply_id], &[]);
                    self.stored(node, reply);
                    self.drain(node);
                }
            }
            EventKind::Synced { node, life } if self.lives(node, life) => self.synced(node),
            EventKind::Alarm { node, life } if self.lives(node, life) => self.alarm(node),
            EventKind::Dial { link } => self.dial(link),
            EventKind::Reply { .. } | EventKind::Synced { .. } | EventKind::Alarm { .. } => (),
        }
    }

    fn lives(&self, node: NodeId, life: u32) -> bool {
        let node = self.node(node);
        node.life == life && node.multifeed.is_some()
    }

    fn arrive(&mut self, link: LinkId, from: Side, epoch: u32) {
        if self.link(link).epoch != epoch {
            return;
        }
        let Some(item) = self.link_mut(link).arrive(from) else { return };
        let to = from.other();
        let place = [link.0, to as u32];
        match item {
            Item::Open => {
                self.trace.note(self.now, code::OPEN, place, &[]);
                self.opened(link, to);
            }
            Item::Bytes(bytes) => {
                self.trace.note(self.now, code::BYTES, place, &bytes);
                if let Some(connection) = self.link(link).end(to) {
                    let node = NodeId(self.link(link).node(to));
                    if self.has_mitm(node) {
                        self.receive_through_mitm(link, to, &bytes);
                    } else {
                        self.handle(node, Input::Received { connection, bytes: &bytes });
                        self.drain(node);
                    }
                }
                self.pull_on(link, from, epoch);
            }
            Item::Close => {
                self.trace.note(self.now, code::CLOSE, place, &[]);
                self.hang_up(link, to);
                self.finish(link);
            }
        }
    }

    /// A direction has free space again: pulls its sender's output.
    fn pull_on(&mut self, link: LinkId, from: Side, epoch: u32) {
        if self.link(link).epoch != epoch || !self.link_mut(link).direction(from).is_wanted {
            return;
        }
        if let Some(connection) = self.link(link).end(from) {
            let node = NodeId(self.link(link).node(from));
            self.node_mut(node).sending.push_back(connection);
            self.drain(node);
        }
    }

    /// A connection opens at one end.
    fn opened(&mut self, link: LinkId, side: Side) {
        let node = NodeId(self.link(link).node(side));
        if self.node(node).multifeed.is_none() {
            // The node is down: the dialling side is refused.
            self.hang_up(link, side.other());
            return self.finish(link);
        }
        let connection = self.next_connection();
        let other = NodeId(self.link(link).node(side.other()));
        let options = &self.link(link).options;
        let (mode, security) = (options.mode, options.security);
        let secure = match security {
            Security::Plain => Secure::Plain { remote: self.node(other).public_key() },
            Security::Noise => Secure::Noise,
        };
        self.link_mut(link).ends[side as usize] = Some(connection);
        self.node_mut(node).connections.insert(connection, (link, side));
        if side == Side::Second {
            self.send(link, Side::Second, Item::Open, Urgency::Work);
        }
        if self.has_mitm(node) {
            return self.begin_mitm(link, side, connection);
        }
        self.handle(node, Input::Connected { connection, role: role(side), secure, mode });
        self.drain(node);
    }

    /// Sends an item.
    pub(super) fn send(&mut self, link: LinkId, from: Side, item: Item, urgency: Urgency) {
        let Self { links, rng, now, .. } = self;
        let pipe = &mut links[link.0 as usize];
        let (at, epoch) = (pipe.send(from, item, *now, rng), pipe.epoch);
        self.schedule(at, urgency, EventKind::Arrive { link, from, epoch });
    }

    pub(super) fn handle(&mut self, node: NodeId, input: Input<'_>) {
        let at = self.now;
        let now = self.node_mut(node).advance_clock(at);
        let received = match &input {
            Input::Received { connection, bytes } => Some((*connection, bytes.len())),
            _ => None,
        };
        let Self { nodes, laws, .. } = self;
        let Some(multifeed) = &mut nodes[node.index()].multifeed else { return };
        multifeed.handle(now, input);
        if let (Some(laws), Some((connection, bytes))) = (laws, received) {
            laws.answered(node, connection, bytes, multifeed.waiting_outputs());
        }
        self.check_invariants_of(node);
    }

    fn stored(&mut self, node: NodeId, reply: StoreReply) {
        self.handle(node, Input::Stored(reply));
    }

    /// Takes every output of a node and pulls the output of its connections.
    pub(super) fn drain(&mut self, node: NodeId) {
        loop {
            while let Some(output) = self.poll(node) {
                self.take_output(node, output);
            }
            let Some(connection) = self.node_mut(node).sending.pop_front() else { break };
            self.pull(node, connection);
        }
        self.check_invariants_of(node);
        self.check_bounds(node);
        let place = self.node_mut(node);
        let is_idle = place.multifeed.is_none() || place.connections.is_empty();
        let latest = self.node(node).latest_alarm(self.now);
        if !is_idle && self.node(node).alarm.is_none_or(|alarm| alarm > latest) {
            self.set_alarm(node, latest);
        }
    }

    fn poll(&mut self, node: NodeId) -> Option<Output> {
        self.node_mut(node).multifeed.as_mut()?.poll()
    }

    fn take_output(&mut self, node: NodeId, output: Output) {
        match output {
            Output::Transmit { connection } => self.node_mut(node).sending.push_back(connection),
            Output::Disconnect { connection, reason } => self.closing(node, connection, reason),
            Output::Store(request) => self.store(node, request),
            Output::Event(event) => self.on_event(node, event),
        }
    }

    fn on_event(&mut self, node: NodeId, event: Event) {
        let place = self.node_mut(node);
        if let Event::Appended { start, end, .. } | Event::Extended { start, end, .. } = &event {
            place.held += end - start;
        }
        if let Event::Opened { connection, .. } = &event
            && let Some((link, _)) = place.connections.get(connection).copied()
        {
            self.link_mut(link).fails = 0;
        }
        if self.laws.is_some() {
            self.check_event(node, &event);
        }
        self.node_mut(node).keep(event);
    }

    fn store(&mut self, node: NodeId, request: StoreRequest) {
        if self.at_once {
            let reply = self.node_mut(node).disk.execute_at_once(request);
            return self.stored(node, reply);
        }
        let options = self.node(node).disk.options;
        let life = self.node(node).life;
        if let (Some(laws), StoreRequest::Commit(commit)) = (&mut self.laws, &request) {
            laws.commit(node, &self.nodes[node.index()].authors(), commit.writes());
        }
        let Self { nodes, values, faults, .. } = self;
        match nodes[node.index()].disk.execute(request, values, faults) {
            Completion::Now(reply) => self.stored(node, reply),
            Completion::Later(reply_id) => {
                let at = self.now + micros(options.read) + self.disk_jitter(node);
                self.schedule(at, Urgency::Work, EventKind::Reply { node, life, reply_id });
            }
            Completion::Sync => self.sync_soon(node),
            Completion::Joined => (),
        }
    }

    fn disk_jitter(&mut self, node: NodeId) -> u64 {
        let jitter = micros(self.node(node).disk.options.jitter);
        self.rng.below(jitter + 1)
    }

    fn sync_soon(&mut self, node: NodeId) {
        let place = self.node_mut(node);
        place.disk.begin_sync();
        let (commit, life) = (micros(place.disk.options.commit), place.life);
        let at = self.now + commit + self.disk_jitter(node);
        self.schedule(at, Urgency::Work, EventKind::Synced { node, life });
    }

    fn synced(&mut self, node: NodeId) {
        let Self { nodes, rng, faults, .. } = self;
        let (mut replies, is_more) = nodes[node.index()].disk.end_sync(rng, faults);
        self.trace.note(self.now, code::SYNC, [node.0, replies.len() as u32], &[]);
        if self.node(node).disk.options.replies == Replies::Shuffled {
            for last in (1..replies.len()).rev() {
                let other = self.rng.below(last as u64 + 1) as usize;
                replies.swap(last, other);
            }
        }
        if is_more {
            self.sync_soon(node);
        }
        for reply in replies {
            self.stored(node, reply);
            self.drain(node);
        }
    }

    /// Pulls the output of a connection as far as its pipe has space.
    fn pull(&mut self, node: NodeId, connection: ConnectionId) {
        let Some((link, side)) = self.node(node).connections.get(&connection).copied() else {
            return;
        };
        let keep_alive = match self.link(link).options.security {
            Security::Plain => KEEP_ALIVE_PLAIN_BYTES,
            Security::Noise => KEEP_ALIVE_NOISE_BYTES,
        };
        let mut pulled = 0;
        loop {
            let room = self.links[link.0 as usize].room(side, &mut self.rng);
            if room == 0 {
                self.link_mut(link).direction(side).is_wanted = true;
                return;
            }
            let Self { nodes, scratch, .. } = self;
            let Some(multifeed) = &mut nodes[node.index()].multifeed else { return };
            let moved = multifeed.poll_transmit(connection, scratch, room);
            if moved == 0 {
                break;
            }
            pulled += moved;
            let bytes = self.scratch.split().freeze();
            let is_background = self.in_timeout && pulled <= keep_alive;
            let urgency = if is_background { Urgency::Background } else { Urgency::Work };
            let is_sent = if self.has_mitm(node) {
                self.send_through_mitm(link, side, &bytes, urgency)
            } else {
                self.send_piece(link, side, bytes, urgency)
            };
            if !is_sent {
                return;
            }
            if moved < room {
                break;
            }
        }
        let direction = self.link_mut(link).direction(side);
        direction.is_wanted = false;
        if direction.is_closing {
            self.send(link, side, Item::Close, Urgency::Work);
            self.hang_up(link, side);
        }
    }

    fn alarm(&mut self, node: NodeId) {
        // Ignore the event of a timer that was set to another time.
        if self.node(node).alarm != Some(self.now) {
            return;
        }
        let mut deadline = self.deadline(node);
        if self.is_due(node, deadline) {
            self.trace.note(self.now, code::ALARM, [node.0, 0], &[]);
            self.in_timeout = true;
            if !self.node(node).ignores_timeouts {
                self.handle(node, Input::Timeout);
            }
            self.drain(node);
            self.in_timeout = false;
            deadline = self.deadline(node);
            if self.is_due(node, deadline) {
                self.report(Law::NoLivelock, Some(node), || "a timer does not move on".to_owned());
            }
        }
        self.node_mut(node).alarm = None;
        if let Some(deadline) = deadline {
            let at = self.node(node).moment(deadline).max(self.now + ALARM_STEP_US);
            self.set_alarm(node, at);
        }
    }

    /// This costs a step per connection.
    fn deadline(&self, node: NodeId) -> Option<Instant> {
        self.node(node).multifeed.as_ref().and_then(|multifeed| multifeed.deadline())
    }

    fn is_due(&self, node: NodeId, deadline: Option<Instant>) -> bool {
        deadline.is_some_and(|deadline| deadline <= self.node(node).clock(self.now))
    }

    pub(super) fn set_alarm(&mut self, node: NodeId, at: u64) {
        let place = self.node_mut(node);
        if place.multifeed.is_none() {
            return;
        }
        place.alarm = Some(at);
        let life = place.life;
        self.schedule(at, Urgency::Background, EventKind::Alarm { node, life });
    }
}
