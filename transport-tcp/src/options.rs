//! What a node is opened with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use multifeed_core::{Group, KeyPair, Limits, Mode, Timing};

use crate::runtime::Runtime;

/// What [`Node::open`](crate::Node::open) needs.
#[non_exhaustive]
pub struct NodeOptions {
    /// The feeds that belong together, and who may see them.
    pub group: Group,
    /// Where they are kept.
    pub storage: Storage,
    /// Where to accept connections; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Whom to dial, again and again until the node closes.
    pub peers: Vec<SocketAddr>,
    /// By which key peers know this process; without one it is made anew. Never a writer's.
    pub identity: Option<KeyPair>,
    /// When connections end by themselves.
    pub mode: Mode,
    /// How many connections there may be.
    pub connections: ConnectionLimits,
    /// The bounds of the core.
    pub limits: Limits,
    /// The time-outs of the core.
    pub timing: Timing,
    /// How many events one subscriber may fall behind.
    pub events_max: usize,
    /// Where to write down what crosses the border of the core, for
    /// [`record::replay`](multifeed_core::record::replay). The file holds the session's secrets.
    pub record: Option<PathBuf>,
    pub(crate) runtime: Arc<dyn Runtime>,
}

/// Bytes ready for one peer: one range of the longest. With the chunk that its writer has and the
/// range on its way from the store, a peer that reads nothing costs less than 256 KiB.
const SEND_BYTES: usize = 64 * 1024;

/// Events that wait for one subscriber: some 200 KiB, and a second of a fast sync.
const EVENTS_MAX: usize = 1_024;

impl NodeOptions {
    /// A node of `group` in memory, live, that neither listens nor dials yet.
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

    /// Keeps the feeds in this folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.storage = Storage::Folder(folder.into());
        self
    }

    /// Accepts connections on this address too.
    #[must_use]
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen.push(addr);
        self
    }

    /// Dials this address too.
    #[must_use]
    pub fn peer(mut self, addr: SocketAddr) -> Self {
        self.peers.push(addr);
        self
    }

    /// Is known to peers by this key pair.
    #[must_use]
    pub fn identity(mut self, identity: KeyPair) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Writes down the session in this file, which must not be there yet.
    #[must_use]
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.record = Some(path.into());
        self
    }

    /// Ends connections as this says.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}

/// Where a node keeps its feeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory: gone when the node closes.
    Memory,
    /// In one file, `feeds`, of a folder. Both are made when they are not there; the file is locked
    /// while the node lives.
    Folder(PathBuf),
}

/// How many connections a node has at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionLimits {
    /// Connections, dialled and accepted, and dials under way. Each costs up to 256 KiB, and a
    /// member's that was asked for blocks up to [`Limits::frame_bytes`] more while one comes in.
    pub connections: usize,
    /// Connections past which nobody is dialled whom only a source named: what is left is for those
    /// who dial us, and for those named by hand.
    pub found: usize,
    /// Accepted connections that did not prove yet to be of a member; as many again that were
    /// dialled. Past it a new one replaces the oldest, so that silent ones keep no member out.
    pub half_open: usize,
    /// Accepted connections of one address, or of one /64 network of IPv6. Loopback counts too.
    pub per_address: usize,
    /// Addresses that are dialled again and again.
    pub peers: usize,
    /// Addresses listened on.
    pub listeners: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            found: 32,
            half_open: 16,
            per_address: 4,
            peers: 1_024,
            listeners: 16,
        }
    }
}
