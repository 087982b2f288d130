//! What one event does.
//!
//! Rule: after anything that a node was told, its outputs are drained and its streams pulled,
//! before the next event.

use multifeed_core::{
    ConnectionId, Event, Input, Instant, Output, Secure, StoreReply, StoreRequest,
};

use super::liars::role;
use super::{What, World};
use crate::agenda::Urgency;
use crate::disk::Answer;
use crate::law::Law;
use crate::link::{Item, LinkId, Side, micros};
use crate::node::NodeId;
use crate::options::{Replies, Security};
use crate::trace::code;

/// A sign of life: an empty frame in the clear, and a sealed one.
const KEEP_ALIVE_PLAIN_BYTES: usize = 3;
const KEEP_ALIVE_NOISE_BYTES: usize = 20;

/// A timer that rang is not set to the same moment again.
const ALARM_STEP_US: u64 = 1_000;

impl World {
    pub(super) fn happen(&mut self, what: What) {
        match what {
            What::Arrive { link, from, epoch } => self.arrive(link, from, epoch),
            What::Answer { node, life, ticket } if self.lives(node, life) => {
                let reply = self.node_mut(node).disk.called(ticket);
                if let Some(reply) = reply {
                    self.trace.note(self.now, code::ANSWER, [node.0, ticket], &[]);
                    self.stored(node, reply);
                    self.drain(node);
                }
            }
            What::Synced { node, life } if self.lives(node, life) => self.synced(node),
            What::Alarm { node, life } if self.lives(node, life) => self.alarm(node),
            What::Dial { link } => self.dial(link),
            What::Answer { .. } | What::Synced { .. } | What::Alarm { .. } => (),
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
                    if self.is_masked(node) {
                        self.hear_as_liar(link, to, &bytes);
                    } else {
                        self.tell(node, Input::Received { connection, bytes: &bytes });
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

    /// There is room again on a way: pulls what its sender has.
    fn pull_on(&mut self, link: LinkId, from: Side, epoch: u32) {
        if self.link(link).epoch != epoch || !self.link_mut(link).way(from).is_wanted {
            return;
        }
        if let Some(connection) = self.link(link).end(from) {
            let node = NodeId(self.link(link).node(from));
            self.node_mut(node).sending.push_back(connection);
            self.drain(node);
        }
    }

    /// A connection is there for one end.
    fn opened(&mut self, link: LinkId, side: Side) {
        let node = NodeId(self.link(link).node(side));
        if self.node(node).multifeed.is_none() {
            // Nobody answers: the dialler is refused.
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
        if self.is_masked(node) {
            return self.put_mask_on(link, side, connection);
        }
        self.tell(node, Input::Connected { connection, role: role(side), secure, mode });
        self.drain(node);
    }

    /// Puts an item on its way.
    pub(super) fn send(&mut self, link: LinkId, from: Side, item: Item, urgency: Urgency) {
        let Self { links, chance, now, .. } = self;
        let pipe = &mut links[link.0 as usize];
        let (at, epoch) = (pipe.send(from, item, *now, chance), pipe.epoch);
        self.enter(at, urgency, What::Arrive { link, from, epoch });
    }

    pub(super) fn tell(&mut self, node: NodeId, input: Input<'_>) {
        let at = self.now;
        let now = self.node_mut(node).tell_time(at);
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
        self.tell(node, Input::Stored(reply));
    }

    /// Takes every output of a node, and pulls what its connections have to send.
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
            Output::Event(event) => self.hear(node, event),
        }
    }

    fn hear(&mut self, node: NodeId, event: Event) {
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
            self.hold_against_laws(node, &event);
        }
        self.node_mut(node).keep(event);
    }

    fn store(&mut self, node: NodeId, request: StoreRequest) {
        if self.at_once {
            let reply = self.node_mut(node).disk.take_at_once(request);
            return self.stored(node, reply);
        }
        let options = self.node(node).disk.options;
        let life = self.node(node).life;
        if let (Some(laws), StoreRequest::Commit(commit)) = (&mut self.laws, &request) {
            laws.commit(node, &self.nodes[node.index()].authors(), commit.writes());
        }
        let Self { nodes, values, faults, .. } = self;
        match nodes[node.index()].disk.take(request, values, faults) {
            Answer::Now(reply) => self.stored(node, reply),
            Answer::Later(ticket) => {
                let at = self.now + micros(options.read) + self.disk_jitter(node);
                self.enter(at, Urgency::Work, What::Answer { node, life, ticket });
            }
            Answer::Sync => self.sync_soon(node),
            Answer::Joined => (),
        }
    }

    fn disk_jitter(&mut self, node: NodeId) -> u64 {
        let jitter = micros(self.node(node).disk.options.jitter);
        self.chance.below(jitter + 1)
    }

    fn sync_soon(&mut self, node: NodeId) {
        let place = self.node_mut(node);
        place.disk.begin_sync();
        let (commit, life) = (micros(place.disk.options.commit), place.life);
        let at = self.now + commit + self.disk_jitter(node);
        self.enter(at, Urgency::Work, What::Synced { node, life });
    }

    fn synced(&mut self, node: NodeId) {
        let Self { nodes, chance, faults, .. } = self;
        let (mut replies, is_more) = nodes[node.index()].disk.end_sync(chance, faults);
        self.trace.note(self.now, code::SYNC, [node.0, replies.len() as u32], &[]);
        if self.node(node).disk.options.replies == Replies::Shuffled {
            for last in (1..replies.len()).rev() {
                let other = self.chance.below(last as u64 + 1) as usize;
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

    /// Pulls what a connection has to send, as far as its pipe has room.
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
            let room = self.links[link.0 as usize].room(side, &mut self.chance);
            if room == 0 {
                self.link_mut(link).way(side).is_wanted = true;
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
            let is_chore = self.in_timeout && pulled <= keep_alive;
            let urgency = if is_chore { Urgency::Chore } else { Urgency::Work };
            let is_sent = match self.is_masked(node) {
                true => self.say_as_liar(node, (link, side), &bytes, urgency),
                false => self.send_piece(link, side, bytes, urgency),
            };
            if !is_sent {
                return;
            }
            if moved < room {
                break;
            }
        }
        let way = self.link_mut(link).way(side);
        way.is_wanted = false;
        if way.is_closing {
            self.send(link, side, Item::Close, Urgency::Work);
            self.hang_up(link, side);
        }
    }

    fn alarm(&mut self, node: NodeId) {
        // A timer that was set anew meanwhile left this event behind.
        if self.node(node).alarm != Some(self.now) {
            return;
        }
        let mut deadline = self.deadline(node);
        if self.is_due(node, deadline) {
            self.trace.note(self.now, code::ALARM, [node.0, 0], &[]);
            self.in_timeout = true;
            if !self.node(node).is_deaf {
                self.tell(node, Input::Timeout);
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

    /// It costs a step for each connection.
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
        self.enter(at, Urgency::Chore, What::Alarm { node, life });
    }
}
