//! The configuration of a multifeed, with every limit and time-out.
//!
//! Rule: the number of a limit stands here, with its derivation, and nowhere else.

use core::fmt;
use core::time::Duration;

use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::SignatureMemo;
use crate::crypto::sign::KeyPair;
use crate::group::Group;

/// The configuration that [`Multifeed::open`](crate::Multifeed::open) takes.
#[derive(Debug)]
pub struct Config {
    pub(crate) group: Group,
    pub(crate) seed: Seed,
    pub(crate) identity: Option<KeyPair>,
    pub(crate) memo: Option<SignatureMemo>,
    /// All limits.
    pub limits: Limits,
    /// All time-outs.
    pub timing: Timing,
    /// Which feeds are admitted that the application has not ruled on.
    pub admission: Admission,
}

/// 32 random bytes for one opening of a multifeed.
///
/// A seed is consumed by its use and cannot be cloned: two openings from one seed would have the
/// same ephemeral keys, and anyone who sees one of them could decrypt the connections of both.
///
/// ```compile_fail,E0382
/// use multifeed_core::{Config, Group, Seed};
///
/// let seed = Seed::new([0; 32]);
/// let one = Config::new(Group::open("one"), seed);
/// let two = Config::new(Group::open("two"), seed);
/// ```
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// The seed of these bytes. Outside of tests they must be fresh, from the operating system's
    /// source of randomness, and must not be stored.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Draws a seed from a cryptographic generator, such as that of the operating system.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self(bytes)
    }

    /// The bytes, for the generator that starts from them and for records.
    pub(crate) fn bytes(&self) -> [u8; 32] {
        *self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Which feeds are admitted that the application has not ruled on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Admission {
    /// Every feed of the group that a peer offers.
    #[default]
    All,
    /// Only accepted ones and those that are held already.
    /// [`Event::Offered`](crate::Event::Offered) reports the others, and
    /// [`Multifeed::accept`](crate::Multifeed::accept) admits them.
    AcceptedOnly,
}

impl Config {
    /// The default configuration of a multifeed of `group` that derives all randomness from `seed`.
    ///
    /// The secrets of the connections come from the seed, so each opening needs one of its own.
    pub fn new(group: Group, seed: Seed) -> Self {
        let (limits, timing) = (Limits::default(), Timing::default());
        let admission = Admission::default();
        Self { group, seed, identity: None, memo: None, limits, timing, admission }
    }

    /// Sets the key pair that identifies this process on connections; by default it is made from
    /// the seed. It must not be a writer's key pair, so that a network cannot link the two.
    #[must_use]
    pub fn identity(mut self, identity: KeyPair) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Shares verified signatures with the other multifeeds of a **simulation**; see
    /// [`SignatureMemo`]. The default is to share nothing.
    #[must_use]
    pub fn simulated_with(mut self, memo: SignatureMemo) -> Self {
        self.memo = Some(memo);
        self
    }
}

/// Limits on what one multifeed holds, and on what one peer can make it hold.
///
/// Each field states its unit, its default with the derivation, and what happens at the limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Largest block. Default: 1 MiB; at most [`BLOCK_BYTES_MAX`]. A larger one cannot be appended
    /// ([`Misuse::BlockTooLarge`](crate::Misuse::BlockTooLarge)). Each side tells the other what it
    /// accepts; at a peer that accepts less, a feed ends before its first larger block, which
    /// [`Refusal::BlockTooLarge`](crate::Refusal::BlockTooLarge) reports on both sides. A block is
    /// verified as a whole, and takes 8 s at 1 Mbit/s, less than [`Timing::request`].
    pub block_bytes: usize,
    /// Bytes in one append. Default: 8 MiB, eight of the largest blocks. A longer append fails
    /// ([`Misuse::AppendTooLarge`](crate::Misuse::AppendTooLarge)): the batch is in memory until it
    /// is durable.
    pub append_bytes: usize,
    /// Bytes of a frame once blocks were requested from the peer; before that they are
    /// [`FRAME_BYTES_MAX_UNASKED`]. Default: 1088 KiB, the largest block with its proof; raised to
    /// `block_bytes` and 64 KiB. A longer frame closes its connection.
    pub frame_bytes: usize,
    /// Channels of one peer that wait to be rejected, because they are of unknown protocols or
    /// feeds. Default: 8192, at 8 bytes each, so 64 KiB. Further ones get no answer. A frame of a
    /// peer that has proved nothing may hold the opens of as many, which are 1 MiB.
    pub channels: usize,
    /// Feeds of the group. Default: 1000000; an idle feed takes about 300 bytes, so 300 MB. Further
    /// feeds are declined, and no writer can be made
    /// ([`Misuse::TooManyFeeds`](crate::Misuse::TooManyFeeds)).
    pub feeds: usize,
    /// Bytes of one feed, counted with [`BLOCK_BYTES_BESIDE`] for each block. Default: 64 MiB,
    /// which are 219,000 blocks of 50 bytes, or 60 short messages a day for ten years. Beyond it
    /// nothing is appended ([`Misuse::FeedFull`](crate::Misuse::FeedFull)) and nothing accepted
    /// from peers ([`Event::Full`](crate::Event::Full)).
    pub feed_bytes: u64,
    /// Bytes of all feeds together, counted in the same way. Default: 1 GiB, 16 feeds of the
    /// largest size. Beyond it nothing is accepted from peers
    /// ([`Event::Full`](crate::Event::Full)).
    pub group_bytes: u64,
    /// Feeds that one peer may announce before their first block has arrived. Default: 1024; each
    /// takes about 300 bytes of memory and nothing on the disk, so 300 KiB a peer. A peer waits
    /// until it may announce more; one that does not wait is closed.
    pub aliases: u32,
    /// Bytes of ranges that one peer may send ahead of our disk. Default: 4 MiB, which allow 28
    /// MB/s for a round trip of 100 ms and a commit of 50 ms; raised to twice the largest block
    /// with its proof, so that one always fits while credit is on its way. A peer waits beyond it;
    /// one that does not wait is closed.
    pub window_bytes: usize,
    /// Bytes of blocks in one range that we send. Default: 64 KiB: the proof of a feed of 65,536
    /// blocks has up to 16 nodes of 40 bytes, which is 1 % of it, and ranges of many feeds still
    /// interleave, since one takes 5 ms at 100 Mbit/s. A larger block goes alone.
    pub range_bytes: usize,
    /// Blocks in one range. Default: 4096: blocks of 16 bytes fill a range. Peers learn it, and
    /// send no more; a range with more is dropped
    /// ([`Refusal::BlockTooLarge`](crate::Refusal::BlockTooLarge)).
    pub range_blocks: usize,
    /// Feeds of one peer that are served at once; a peer may want this many before it is served.
    /// Default: 4096, eight times our own `wants`, at 40 bytes each. Peers learn it, and want no
    /// more; one that does is closed.
    pub serves: usize,
    /// Store reads under way for one peer. Default: 16; with ranges of 64 KiB they hold 1 MiB. More
    /// wait.
    pub reads: usize,
    /// Bytes ready to be sent to one peer, beyond which nothing more is read for it. Default:
    /// 256 KiB: what 100 Mbit/s send in 20 ms, the time of a read from a disk.
    pub send_bytes: usize,
    /// Bytes of blocks that one peer is sent before it requests them, if it allows that. Default:
    /// 64 KiB, one range: the most that a peer wastes that refuses them. Beyond it feeds are only
    /// announced.
    pub push_bytes: usize,
    /// Feeds requested from one peer at once. Default: 512: 5,000 feeds a second for a round trip
    /// of 100 ms. More wait.
    pub wants: usize,
    /// Requests of the application that are not answered yet. Default: 65536, at 100 bytes each, so
    /// 6.5 MB. One more fails ([`Misuse::TooManyRequests`](crate::Misuse::TooManyRequests)).
    pub requests: usize,
    /// Bytes of blocks in the answer to one read. Default: 1 MiB, the largest block. An answer with
    /// fewer blocks than requested is the consequence; at least one comes.
    pub read_bytes: usize,
    /// Bytes of a message of a reconciliation, which may come in parts. Default: 3 MiB: 65,536
    /// entries of 48 bytes. A longer one closes its connection.
    pub reconcile_bytes: usize,
    /// Bytes of incomplete reconciliation messages of all peers together. Default: 24 MiB, eight of
    /// the longest messages. Beyond it, the connection is closed whose message has stalled for
    /// longest.
    pub partial_bytes: usize,
    /// Bytes of snapshots of our sets, for all peers together that are reconciled with under a salt
    /// of their own: 32 to 80 for each feed and peer. Default: 64 MiB: eight peers with 100,000
    /// feeds each. For a peer beyond it all feeds are listed.
    pub snapshot_bytes: usize,
    /// Peers whose checkpoints are stored, so that reconnecting costs what has changed since.
    /// Default: 1024; each takes 77 bytes in the store, so 79 KB. The oldest is dropped.
    pub known_peers: usize,
    /// Feeds that have changed since the oldest checkpoint; at least 1. Default: 16384; each takes
    /// 40 bytes in the store and 32 in memory, so 512 KiB. Peers whose checkpoint is older count as
    /// unknown.
    pub known_changes: usize,
    /// Runs of blocks that can be cleared in one feed. Default: 256; each takes up to 12 bytes in
    /// every commit of the feed, so 3 KiB. Clearing one more fails
    /// ([`Misuse::TooManyRuns`](crate::Misuse::TooManyRuns)).
    pub cleared_runs: usize,
    /// Feeds that are refused, accepted by name, or removed. Default: 65536; each takes about 100
    /// bytes, so 6.5 MB. One more ruling fails
    /// ([`Misuse::TooManyRulings`](crate::Misuse::TooManyRulings)).
    pub rulings: usize,
    /// Stored fork proofs. Default: 1024; each takes up to 5 KiB, so 5 MiB. Of the forked feeds whose
    /// proof is older, 32 bytes are kept: they stay frozen, and other peers are not notified.
    pub forks: usize,
    /// Offers of one peer that are remembered though the feeds are not admitted, so that the feeds
    /// can be accepted while the peer is connected. Default: 1024; each takes about 100 bytes, so
    /// 100 KiB. Further offers are declined and not reported.
    pub remembered_offers: usize,
    /// Downloads of one feed that are open. Default: 64: they run one after another, and the
    /// application can join adjacent runs. One more fails
    /// ([`Misuse::Downloading`](crate::Misuse::Downloading)).
    pub downloads: usize,
    /// Hypercore's channels that a peer may open on one connection, one for each feed, and that we
    /// offer. Default: 0: none is opened or answered, and only members of the group are served.
    /// Otherwise every peer that knows a feed's key gets the feed, as from any hypercore. Further
    /// channels are rejected.
    pub hypercore_channels: usize,
    /// Requests to one peer for one feed that are not answered yet. Default: 256; with blocks of
    /// 4 KiB they are 1 MiB, which 40 Mbit/s take 200 ms for. More wait.
    pub hypercore_fetches: usize,
    /// Requests of one peer that are not answered yet. Default: 65536, those of 1,365 feeds:
    /// JavaScript has up to 48 open for a feed. One more closes the connection.
    pub hypercore_requests: usize,
}

/// Longest frame before the handshake is over. No message of it is longer than 96 bytes; the rest
/// is for what newer versions add.
pub const FRAME_BYTES_MAX_EARLY: usize = 4 * 1024;

/// Longest frame of a member from which no block was requested yet: twice the length up to which
/// frames are filled, since only a block needs more.
pub const FRAME_BYTES_MAX_UNASKED: usize = 128 * 1024;

/// Bytes of one `open` of hypercore's channel in a batch, which are about 90: a discovery key, a
/// capability, the protocol's name and their lengths. A corestore opens the channels of all its
/// cores in one frame, before it proves anything.
pub(crate) const OPEN_MESSAGE_BYTES_MAX: usize = 128;

/// Largest block that fits a frame with its proof. The length of a frame has 24 bits, so it has at
/// most 16,777,215 bytes; 1 MiB of them remain for the proof and for other messages.
pub const BLOCK_BYTES_MAX: usize = 15 * 1024 * 1024;

/// Bytes that a block counts besides its own: its keys, its share of the tree, and space in pages.
/// A store in a file takes 180 to 240 bytes for each small block, as measured; pages of powers of
/// two can double the bytes of large ones.
pub const BLOCK_BYTES_BESIDE: u64 = 256;

/// Bytes of a frame besides a block: its proof, at most 80 nodes of 40 bytes, and the messages
/// before it, with which a frame is filled up to 64 KiB.
const FRAME_BYTES_BESIDE: usize = 64 * 1024;

/// No limit is larger than this, so that sums and products of a few of them fit 64 bits.
const COUNT_MAX: usize = 1 << 30;

impl Limits {
    /// The same limits, with those that depend on each other adjusted to be consistent.
    pub(crate) fn consistent(mut self) -> Self {
        self.block_bytes = self.block_bytes.min(BLOCK_BYTES_MAX);
        // Sums and products of these are formed later, and a file may contain any number.
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
        // The log of changes is a ring: it needs a place.
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
            channels: 8_192,
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
            partial_bytes: 24 * 1024 * 1024,
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

/// Time-outs. `None` turns a timer off.
///
/// Each field states its default with the derivation, and what happens when the time is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timing {
    /// From the first byte to an open channel. Default: 10 s: the handshake takes three flights and
    /// the channel one, so each may take 2.5 s. The connection closes.
    pub handshake: Option<Duration>,
    /// A connection that sent nothing for this long sends an empty message. Default: 5 s, a third
    /// of `dead`, so that two may be lost.
    pub keep_alive: Option<Duration>,
    /// A connection that received nothing for this long is closed. Default: 15 s: three messages of
    /// the peer's `keep_alive` are missing.
    pub dead: Option<Duration>,
    /// A peer that owes ranges and sent none for this long is not asked again until it sends one;
    /// its feeds are requested from others. Default: 10 s: a range of 64 KiB takes 9.4 s at
    /// 56 kbit/s. A connection of [`Mode::Once`](crate::Mode::Once) closes.
    pub request: Option<Duration>,
    /// If a peer does not continue a reconciliation for this long, all feeds are listed. Default:
    /// 30 s: the longest message of 3 MiB takes 25 s at 1 Mbit/s.
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

#[cfg(test)]
mod tests;
