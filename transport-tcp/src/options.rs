//! The options of a node.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use multifeed_core::{Group, KeyPair, Limits, Mode, Timing};

use crate::runtime::traits::Runtime;

/// The options for [`Node::open`](crate::Node::open).
#[non_exhaustive]
pub struct NodeOptions {
    /// The group whose feeds the node replicates.
    pub group: Group,
    /// Where the node stores the feeds.
    pub storage: Storage,
    /// Addresses to listen on; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Addresses to dial, with retries, until the node closes.
    pub peers: Vec<SocketAddr>,
    /// The key pair by which peers know this node; random by default. Must not be a writer's.
    pub identity: Option<KeyPair>,
    /// Whether connections stay open after the sync.
    pub mode: Mode,
    /// Limits on connections and addresses.
    pub connections: ConnectionLimits,
    /// The limits of the core.
    pub limits: Limits,
    /// The timeouts of the core.
    pub timing: Timing,
    /// The most events that wait for one subscriber.
    pub events_max: usize,
    /// A file in which to record the inputs and outputs of the core, for
    /// [`record::replay`](multifeed_core::record::replay). It contains the session's secrets.
    pub record: Option<PathBuf>,
    pub(crate) runtime: Arc<dyn Runtime>,
}

/// Bytes that the core prepares for one peer: one range of the largest size. Derivation of the cost
/// of a peer that reads nothing: these 64 KiB, one chunk of 64 KiB at its writer, and one range of
/// 64 KiB on its way from the store, so less than 256 KiB.
const SEND_BYTES: usize = 64 * 1024;

/// Default for [`NodeOptions::events_max`]: an event takes about 200 bytes, so 200 KiB for one
/// subscriber. A judgement: at 1,000 events a second a subscriber may pause for one second.
const EVENTS_MAX: usize = 1_024;

impl NodeOptions {
    /// Makes options for a live node of `group` in memory, which neither listens nor dials.
    pub fn new(group: Group, runtime: impl Runtime) -> Self {
        let mut limits = Limits::default();
        limits.send_bytes = SEND_BYTES;
        Self {
            group,
            storage: Storage::Memory,
            listen: Vec::new(),
            peers: Vec::new(),
            identity: None,
            mode: Mode::Live,
            connections: ConnectionLimits::default(),
            limits,
            timing: Timing::default(),
            events_max: EVENTS_MAX,
            record: None,
            runtime: Arc::new(runtime),
        }
    }

    /// Stores the feeds in this folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.storage = Storage::Folder(folder.into());
        self
    }

    /// Adds an address to listen on.
    #[must_use]
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen.push(addr);
        self
    }

    /// Adds an address to dial.
    #[must_use]
    pub fn peer(mut self, addr: SocketAddr) -> Self {
        self.peers.push(addr);
        self
    }

    /// Sets the key pair by which peers know this node.
    #[must_use]
    pub fn identity(mut self, identity: KeyPair) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Records the session to this file, which must not exist yet.
    #[must_use]
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.record = Some(path.into());
        self
    }

    /// Sets whether connections stay open after the sync.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}

impl fmt::Debug for NodeOptions {
    /// Shows no secret: of the group its topic, and of a key pair its public half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, storage, listen, peers, identity, mode, .. } = self;
        let Self { connections, limits, timing, events_max, record, .. } = self;
        f.debug_struct("NodeOptions")
            .field("group", group)
            .field("storage", storage)
            .field("listen", listen)
            .field("peers", peers)
            .field("identity", identity)
            .field("mode", mode)
            .field("connections", connections)
            .field("limits", limits)
            .field("timing", timing)
            .field("events_max", events_max)
            .field("record", record)
            .finish_non_exhaustive()
    }
}

/// Where a node stores its feeds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// In memory: lost when the node closes.
    Memory,
    /// In the file `feeds` of a folder. Both are created if they do not exist. The file is locked
    /// while the node runs.
    Folder(PathBuf),
    /// In the file `feeds` of a folder, which must exist and is not changed: every append and
    /// decision fails. For a read-only file system.
    ReadOnlyFolder(PathBuf),
}

/// Limits on the connections and addresses of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionLimits {
    /// The most connections, dialled and accepted, whose peer has proved to be a member. Default:
    /// 64. Each costs up to 256 KiB, plus [`Limits::frame_bytes`] while a requested block arrives
    /// from a member. Beyond it an accepted connection is closed: one of the network with most of
    /// them, and peers that the user specified last.
    pub connections: usize,
    /// The number of connections from which on the node no longer dials discovered addresses,
    /// except as [`outbound`](Self::outbound) says. Default: 32. The rest is reserved for peers
    /// that dial us and for addresses that the user specified.
    pub discovered: usize,
    /// The number of connections that accepted ones cannot use. Default: 16. Up to this number, and
    /// up to [`discovered`](Self::discovered), discovered addresses are dialled whatever number of
    /// peers has connected to us, so no one else chooses all peers of this node.
    pub outbound: usize,
    /// The most accepted connections whose peer has not proved yet to be a member, and the most
    /// such dialled connections, in addition to [`connections`](Self::connections). Default: 16.
    /// Beyond it a new connection evicts the oldest one of the network with most of them, so silent
    /// connections cannot keep members out.
    pub half_open: usize,
    /// The most connections with stock peers: those that are no members of the group and have
    /// opened hypercore's channel of a feed. Those that exceed it, or `per_address`, are closed.
    /// They count apart from `connections`.
    pub stock: usize,
    /// The most accepted connections from one IPv4 address or one /48 network of IPv6, and the most
    /// such connections whose peer has not proved to be a member. Default: 4. Loopback counts too.
    /// Peers whose key answered at an address that the user specified do not count.
    pub per_address: usize,
    /// The most addresses to dial.
    pub addresses: usize,
    /// The most addresses to listen on.
    pub listeners: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            // As hyperswarm: `MAX_PEERS` in index.js, version 4.
            connections: 64,
            // A judgement: half of them. With 32 random links per node a group stays connected
            // (test `a_hundred_members_stay_within_their_limits_and_connected`).
            discovered: 32,
            // A judgement: a quarter. Bitcoin Core reserves 10 of its 125 connections.
            outbound: 16,
            // A judgement: a handshake takes two round trips, so 16 slots admit 80 members a second
            // at 100 ms round-trip time. hyperswarm dials 3 at a time (`MAX_PARALLEL`).
            half_open: 16,
            // A judgement: half of the connections, so that the others are left to members.
            stock: 32,
            // A judgement: a household or office behind one IPv4 address, and at most 1/16 of all
            // connections for one stranger.
            per_address: 4,
            // A judgement: 16 addresses per connection, about 300 bytes each.
            addresses: 1_024,
            // A judgement: more interfaces than a usual host has.
            listeners: 16,
        }
    }
}
