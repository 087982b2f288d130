//! What a multifeed is opened with, and every bound that holds in it.
//!
//! Rule: a bound has its number here, with its reason, and nowhere else.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::crypto::SignatureMemo;
use crate::crypto::sign::KeyPair;
use crate::group::Group;
use crate::policy::Admission;

/// What [`Multifeed::open`](crate::Multifeed::open) needs.
#[derive(Debug)]
pub struct Config {
    pub(crate) group: Group,
    pub(crate) seed: [u8; 32],
    pub(crate) identity: Option<KeyPair>,
    pub(crate) memo: Option<SignatureMemo>,
    /// Every bound.
    pub limits: Limits,
    /// Every time-out.
    pub timing: Timing,
    /// Which feeds are taken that the application said nothing about.
    pub take: Admission,
}

impl Config {
    /// A multifeed of `group` whose every random choice comes from `seed`.
    ///
    /// Outside of tests the seed must be fresh random bytes for each opening: the secrets of the
    /// connections come from it.
    pub fn new(group: Group, seed: [u8; 32]) -> Self {
        let (limits, timing) = (Limits::default(), Timing::default());
        Self { group, seed, identity: None, memo: None, limits, timing, take: Admission::default() }
    }

    /// The key pair by which peers know this process on connections; without one, it is made from
    /// the seed. It is never a writer's key pair, so that a network cannot link the two.
    #[must_use]
    pub fn identity(mut self, identity: KeyPair) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Shares what it verifies with the other multifeeds of a **simulation**; see
    /// [`SignatureMemo`]. The default is to share nothing.
    #[must_use]
    pub fn simulated_with(mut self, memo: SignatureMemo) -> Self {
        self.memo = Some(memo);
        self
    }
}

/// Bounds on what one multifeed holds, and on what one peer can make it hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Largest block, in bytes; at most [`BLOCK_BYTES_MAX`]. Peers of one group must agree on it.
    pub block_bytes: usize,
    /// Most bytes in one append: the batch lies in memory until it is durable.
    pub append_bytes: usize,
    /// Longest frame once blocks were asked of the peer; before that it is
    /// [`FRAME_BYTES_MAX_UNASKED`]. At least `block_bytes` and 64 KiB.
    pub frame_bytes: usize,
    /// Most channels on one connection.
    pub channels: usize,
    /// Most feeds of the group.
    pub feeds: usize,
    /// Most bytes of one feed, counted with [`BLOCK_BYTES_BESIDE`] for each block: no more of it is
    /// taken from peers, and none appended.
    pub feed_bytes: u64,
    /// Most bytes of all feeds together, counted so: no more is taken from peers.
    pub group_bytes: u64,
    /// Feeds that one peer may name before their first block has arrived. Each costs about 300
    /// bytes and nothing on the disk.
    pub aliases: u32,
    /// Bytes of ranges that one peer may send ahead of our disk. At least twice `block_bytes`, so
    /// that one block always fits while credit is on its way.
    pub window_bytes: usize,
    /// Most bytes of blocks in one range: large enough that its proof is below 1 %, small enough
    /// that ranges of many feeds interleave.
    pub range_bytes: usize,
    /// Most blocks in one range.
    pub range_blocks: usize,
    /// Feeds of one peer that are served at once; a peer may want this many before it is served.
    pub serves: usize,
    /// Store reads under way for one peer.
    pub reads: usize,
    /// Bytes ready to be sent to one peer, beyond which nothing more is read for it.
    pub send_bytes: usize,
    /// Bytes of blocks that one peer is sent before it asks for them, where it wishes so: what a
    /// peer that refuses them wastes at most.
    pub push_bytes: usize,
    /// Feeds asked of one peer at once.
    pub wants: usize,
    /// Requests of the application that are not answered yet.
    pub requests: usize,
    /// Most bytes of blocks in the answer to one read.
    pub read_bytes: usize,
    /// Longest message of a reconciliation, which may come in parts: one of 65,536 entries.
    pub reconcile_bytes: usize,
    /// Bytes of snapshots of our sets, for all peers together that are reconciled with under a
    /// salt of their own: 32 to 80 for each feed and peer. A peer beyond it has all feeds listed.
    pub snapshot_bytes: usize,
    /// Peers that are remembered, so that meeting them again costs what has changed since. Each
    /// costs 77 bytes in the store.
    pub known_peers: usize,
    /// Feeds that have changed since some peer was known, and that are remembered for it; at
    /// least 1. Each costs 40 bytes in the store and 32 in memory. Peers for which these are too
    /// few count as unknown.
    pub known_changes: usize,
    /// Runs of blocks that can be cleared in one feed. Each costs up to 12 bytes in every commit of
    /// the feed.
    pub cleared_runs: usize,
    /// Feeds that are refused, accepted by name, or removed. Each costs about 100 bytes.
    pub rulings: usize,
    /// Feeds of which a proof is kept that their author signed two histories: 5 KiB each, at most.
    /// Others stay contested.
    pub forks: usize,
    /// Feeds that one peer offered and that are remembered though they are not taken, so that they
    /// can be accepted while the peer is connected. Each costs about 100 bytes.
    pub remembered_offers: usize,
    /// Runs of one feed that are downloaded again at once, or wait for it.
    pub downloads: usize,
    /// Most of hypercore's channels on one connection, one for each feed; 0: none is opened or
    /// answered, and only members of the group are spoken to. Above that, whoever knows a feed's
    /// key gets the feed, as from any hypercore.
    pub hypercore_channels: usize,
    /// Requests to one peer for one feed that are not answered yet: enough for a long way, and
    /// not more than a peer keeps apart.
    pub hypercore_fetches: usize,
    /// Requests of one peer that are not answered yet. JavaScript has up to 48 open for a feed.
    pub hypercore_requests: usize,
}

/// Longest frame before the handshake is over: no message of it is longer than 96 bytes, the
/// rest is room for what newer versions add.
pub const FRAME_BYTES_MAX_EARLY: usize = 4 * 1024;

/// Longest frame of a member of whom no block was asked yet: twice what frames are filled up to,
/// for only a block does not fit there.
pub const FRAME_BYTES_MAX_UNASKED: usize = 128 * 1024;

/// Bytes of one `open` of hypercore's channel in a batch, which are about 90. A corestore opens the
/// channels of all its cores in one frame, before it has shown anything.
pub(crate) const OPEN_MESSAGE_BYTES_MAX: usize = 128;

/// Largest block that fits a frame with its proof: a frame has at most 16,777,215 bytes.
pub const BLOCK_BYTES_MAX: usize = 15 * 1024 * 1024;

/// What a block counts beside its own bytes: its keys, its share of the tree, and room in pages. A
/// store in a file takes 180 to 240 bytes for each small block, as measured; pages of powers of two
/// can double what large ones take.
pub const BLOCK_BYTES_BESIDE: u64 = 256;

/// Room in a frame beside a block: its proof, and the messages that go before it.
const FRAME_BYTES_BESIDE: usize = 64 * 1024;

/// No bound is larger than this: sums and products of a few of them still fit 64 bits.
const COUNT_MAX: usize = 1 << 30;

impl Limits {
    /// The same bounds, those that depend on each other brought to where they can hold together.
    pub(crate) fn fitting(mut self) -> Self {
        self.block_bytes = self.block_bytes.min(BLOCK_BYTES_MAX);
        // Sums and products of what follows are formed later, and a file may hold any number.
        let counts = [
            &mut self.feeds,
            &mut self.window_bytes,
            &mut self.frame_bytes,
            &mut self.range_bytes,
            &mut self.range_blocks,
            &mut self.reads,
            &mut self.send_bytes,
            &mut self.channels,
            &mut self.hypercore_channels,
            &mut self.known_changes,
        ];
        for count in counts {
            *count = (*count).min(COUNT_MAX);
        }
        // The log goes round.
        self.known_changes = self.known_changes.max(1);
        self.frame_bytes = self.frame_bytes.max(self.block_bytes + FRAME_BYTES_BESIDE);
        self.window_bytes = self.window_bytes.max(2 * (self.block_bytes + FRAME_BYTES_BESIDE));
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_bytes: 1024 * 1024,
            append_bytes: 8 * 1024 * 1024,
            frame_bytes: 1024 * 1024 + 64 * 1024,
            channels: 16,
            feeds: 1_000_000,
            feed_bytes: 64 * 1024 * 1024,
            group_bytes: 1024 * 1024 * 1024,
            aliases: 1_024,
            window_bytes: 4 * 1024 * 1024,
            range_bytes: 64 * 1024,
            range_blocks: 4_096,
            serves: 4_096,
            reads: 16,
            send_bytes: 256 * 1024,
            push_bytes: 64 * 1024,
            wants: 512,
            requests: 65_536,
            read_bytes: 1024 * 1024,
            reconcile_bytes: 3 * 1024 * 1024,
            snapshot_bytes: 64 * 1024 * 1024,
            known_peers: 1_024,
            known_changes: 16_384,
            cleared_runs: 256,
            rulings: 65_536,
            forks: 1_024,
            remembered_offers: 1_024,
            downloads: 64,
            hypercore_channels: 0,
            hypercore_fetches: 256,
            hypercore_requests: 65_536,
        }
    }
}

/// How long the core waits before it acts by itself. `None` turns a timer off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timing {
    /// From the first byte to an open channel.
    pub handshake: Option<Duration>,
    /// A connection that sent nothing for this long sends an empty message.
    pub keep_alive: Option<Duration>,
    /// A connection that heard nothing for this long is closed.
    pub dead: Option<Duration>,
    /// A peer that owes ranges and sent none for this long is asked no more until it sends; its
    /// feeds are asked of others.
    pub request: Option<Duration>,
    /// With a peer that does not go on to reconcile for this long, all feeds are listed.
    pub reconcile: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Some(Duration::from_secs(10)),
            keep_alive: Some(Duration::from_secs(5)),
            dead: Some(Duration::from_secs(15)),
            request: Some(Duration::from_secs(10)),
            reconcile: Some(Duration::from_secs(30)),
        }
    }
}
