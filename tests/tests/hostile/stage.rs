//! A node under attack, an honest peer of it, and a hostile member.
//!
//! Rule: every attack uses its own connection at a named stage. Afterwards the node must be as
//! before: small, and useful to the honest peer.

use bytes::BytesMut;
use multifeed_core::wire::frame::{FrameReader, write_frame};
use multifeed_core::wire::multifeed::Kind;
use multifeed_core::wire::mux::{MuxMessage, messages};
use multifeed_core::{
    CloseReason, Config, ConnectionId, FeedId, Group, Input, Mode, PublicKey, Role, Secure, Seed,
};
use multifeed_tests::Node;

use super::ALLOCATOR;

/// Bytes that one attack may make the node allocate at any time, on top of before.
pub(crate) const BYTES_MAX: usize = 1 << 20;

/// The stage at which the attack starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// Nothing was sent.
    Dialled,
    /// The channel is open, and the peer has sent nothing on it.
    Opened,
    /// Both have sent their claims, and the peer must send the next reconciliation message.
    Claimed,
    /// Both hold the same.
    Synced,
}

/// Bytes that a peer sends at a stage.
#[derive(Clone, Debug)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) moment: Moment,
    /// The attacked node's role.
    pub(crate) role: Role,
    /// Valid messages before the attack, with their answers.
    pub(crate) before: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

impl Attack {
    /// An attack with nothing before it.
    pub(crate) fn new(name: String, moment: Moment, role: Role, bytes: Vec<u8>) -> Self {
        Self { name, moment, role, before: Vec::new(), bytes }
    }
}

/// The result of an attack.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Why the node closed the connection, if it did.
    pub(crate) closed: Option<CloseReason>,
    /// The most bytes allocated during the attack, on top of before.
    pub(crate) bytes: usize,
}

/// The group of all three.
pub(crate) fn group() -> Group {
    Group::keyed([9; 32])
}

pub(crate) fn config(seed: u8) -> Config {
    Config::new(group(), Seed::new([seed; 32]))
}

/// The three.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) node: Node,
    honest: Node,
    pub(crate) member: Node,
    /// Their own feeds, where they exist: node, honest, member.
    feeds: [FeedId; 3],
    connections: u64,
}

/// The connection of the node and its honest peer.
const HONEST: ConnectionId = ConnectionId(1);

impl Stage {
    /// Each holds the feeds of all: enough for a reconciliation.
    pub(crate) fn new() -> Self {
        Self::with([1, 2, 3].map(config))
    }

    /// The same with a node, an honest peer and a member that are opened by these functions.
    pub(crate) fn with(configs: [Config; 3]) -> Self {
        let [mut node, mut honest, mut member] = configs.map(Node::open);
        let feeds = [
            node.write("own", 11, &[b"one", b"two", b"three"]),
            honest.write("own", 12, &[b"four", b"five"]),
            member.write("own", 13, &[b"six"]),
        ];
        for seed in 20..26 {
            honest.write(&format!("{seed}"), seed, &[b"a block", b"and another"]);
        }
        connect(&mut node, &mut honest, HONEST, Role::Responder);
        run_until_idle(&mut node, &mut honest, HONEST);
        let mut stage = Self { node, honest, member, feeds, connections: 1 };
        let first = stage.dial(Role::Responder);
        run_until_idle(&mut stage.node, &mut stage.member, first);
        stage.hang_up(first);
        stage
    }

    /// The id of a new connection.
    pub(crate) fn number(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }

    /// A connection between the node and the member without any bytes.
    pub(crate) fn dial(&mut self, role: Role) -> ConnectionId {
        let connection = self.number();
        connect(&mut self.node, &mut self.member, connection, role);
        connection
    }

    pub(crate) fn hang_up(&mut self, connection: ConnectionId) {
        for node in [&mut self.node, &mut self.member] {
            node.handle(Input::Disconnected { connection });
            node.closed.clear();
            node.events.clear();
        }
        self.honest.events.clear();
    }

    /// Brings a connection to a stage. Returns what the member sent meanwhile.
    pub(crate) fn bring_to(&mut self, moment: Moment, role: Role) -> (ConnectionId, Vec<Vec<u8>>) {
        // The sets must differ, or there is nothing to reconcile.
        grow(&mut self.member, self.feeds[2]);
        let connection = self.dial(role);
        if moment == Moment::Dialled {
            return (connection, Vec::new());
        }
        let mut said = Vec::new();
        exchange(&mut self.node, &mut self.member, connection, |message| {
            let mut bytes = Vec::new();
            message.write(&mut bytes);
            said.push(bytes);
            match (moment, message) {
                (Moment::Synced, _) => true,
                (Moment::Opened, message) => matches!(message, MuxMessage::Open { .. }),
                (_, MuxMessage::Message { kind, .. }) => *kind == Kind::Claim as u64,
                (_, message) => matches!(message, MuxMessage::Open { .. }),
            }
        });
        (connection, said)
    }

    /// Runs an attack and checks the node afterwards.
    pub(crate) fn suffer(&mut self, attack: &Attack) -> Outcome {
        let Attack { name, moment, role, before, bytes } = attack;
        let (connection, _) = self.bring_to(*moment, *role);
        self.node.handle(Input::Received { connection, bytes: before });
        self.node.pull(connection);
        self.suffer_on(connection, name, bytes)
    }

    /// Delivers bytes on a connection at some stage, and ends it.
    pub(crate) fn suffer_on(
        &mut self,
        connection: ConnectionId,
        name: &str,
        bytes: &[u8],
    ) -> Outcome {
        assert_eq!(self.node.closed, [], "{name}: the peer was honest so far");
        let feeds = self.node.multifeed.feeds().count();
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        self.node.handle(Input::Received { connection, bytes });
        self.node.pull(connection);
        let most = ALLOCATOR.peak_usage().saturating_sub(before);
        assert!(most <= BYTES_MAX, "{name}: {most} bytes");
        let closed = self.node.closed.first().copied();
        assert!(self.node.closed.len() <= 1, "{name}: {:?}", self.node.closed);
        assert_eq!(self.node.multifeed.feeds().count(), feeds, "{name}: feeds that nobody signed");
        self.check(name);
        self.hang_up(connection);
        let left = ALLOCATOR.current_usage().saturating_sub(before);
        assert!(left <= BYTES_MAX, "{name}: {left} bytes stay");
        Outcome { closed, bytes: most }
    }

    /// Whether blocks are exchanged with the honest peer in both directions.
    fn check(&mut self, name: &str) {
        let [own, theirs, _] = self.feeds;
        serve(&mut self.honest, &mut self.node, theirs, name);
        serve(&mut self.node, &mut self.honest, own, name);
    }

    /// Whether the node holds what the authors signed.
    pub(crate) fn check_feeds(&self) {
        for author in [&self.honest, &self.member] {
            for feed in author.multifeed.feeds().filter(|feed| feed.is_writable) {
                let copy = self.node.multifeed.find(&feed.key).expect("the node knows the feed");
                let hashes = [(author, feed.id), (&self.node, copy.id)]
                    .map(|(n, id)| n.multifeed.tree_hash(id));
                assert!(copy.length < feed.length || hashes[0] == hashes[1]);
            }
        }
    }
}

/// Whether a new block of one reaches the other.
fn serve(from: &mut Node, to: &mut Node, feed: FeedId, name: &str) {
    grow(from, feed);
    run_until_idle(from, to, HONEST);
    let there = from.multifeed.feed(feed).expect("it is its own");
    let here = to.multifeed.find(&there.key).map(|feed| feed.length);
    assert_eq!(here, Some(there.length), "{name}: an honest peer is not served");
}

/// Appends a block.
fn grow(node: &mut Node, feed: FeedId) {
    node.multifeed.append(feed, &[b"live"]).expect("it is its own");
    node.handle(Input::Timeout);
}

/// Connects two nodes in plaintext; `role` is the first one's.
pub(crate) fn connect(a: &mut Node, b: &mut Node, connection: ConnectionId, role: Role) {
    let keys: [PublicKey; 2] = [&*b, &*a].map(|node| node.multifeed.public_key());
    for ((node, role), remote) in [(a, role), (b, role.other())].into_iter().zip(keys) {
        let (secure, mode) = (Secure::Plain { remote }, Mode::Live);
        node.handle(Input::Connected { connection, role, secure, mode });
    }
}

/// Moves bytes between two nodes until neither has any.
pub(crate) fn run_until_idle(a: &mut Node, b: &mut Node, connection: ConnectionId) {
    exchange(a, b, connection, |_| true);
}

/// Moves bytes between two nodes; of the second one's, only what `keep` allows.
pub(crate) fn exchange(
    node: &mut Node,
    member: &mut Node,
    connection: ConnectionId,
    mut keep: impl FnMut(&MuxMessage<'_>) -> bool,
) {
    let mut frames = FrameReader::new(1 << 24);
    loop {
        let to_member = node.pull(connection);
        member.handle(Input::Received { connection, bytes: &to_member });
        frames.push(&member.pull(connection));
        let mut to_node = BytesMut::new();
        while let Some(frame) = frames.next().expect("it writes whole frames") {
            let all = messages(&frame).map(|message| message.expect("it writes what it means"));
            all.filter(&mut keep).for_each(|message| to_node.extend(framed(&message)));
        }
        node.handle(Input::Received { connection, bytes: &to_node });
        if to_member.is_empty() && to_node.is_empty() {
            return;
        }
    }
}

/// A message alone in a frame.
pub(crate) fn framed(message: &MuxMessage<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    frame(&bytes)
}

/// Bytes as a frame.
pub(crate) fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    write_frame(&mut out, bytes).expect("it is short");
    out.to_vec()
}
