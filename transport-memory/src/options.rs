//! How nodes, their disks and the links between them behave.

use multifeed_core::{Admission, Duration, Group, Limits, Mode, Timing};

use crate::node::EVENTS_KEPT_MAX;

/// One multifeed of a world.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The group whose feeds it holds.
    pub group: Group,
    /// Its bounds.
    pub limits: Limits,
    /// Its time-outs.
    pub timing: Timing,
    /// Which feeds it takes that nobody said anything about.
    pub take: Admission,
    /// Its disk.
    pub disk: DiskOptions,
    /// Events that nobody has taken yet, at most; beyond, the oldest are dropped and counted.
    pub events_kept: usize,
}

impl NodeOptions {
    /// A multifeed with the limits and time-outs that are the core's defaults.
    pub fn new(group: Group) -> Self {
        let (limits, timing) = (Limits::default(), Timing::default());
        let disk = DiskOptions::default();
        let take = Admission::default();
        Self { group, limits, timing, take, disk, events_kept: EVENTS_KEPT_MAX }
    }

    /// The same, with another disk.
    #[must_use]
    pub fn disk(mut self, disk: DiskOptions) -> Self {
        self.disk = disk;
        self
    }

    /// The same, where fewer events are kept for those who take them.
    #[must_use]
    pub fn events_kept(mut self, most: usize) -> Self {
        self.events_kept = most.min(EVENTS_KEPT_MAX);
        self
    }

    /// The same, with other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same, where other feeds are taken.
    #[must_use]
    pub fn take(mut self, take: Admission) -> Self {
        self.take = take;
        self
    }

    /// The same, with other time-outs.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }
}

/// How long a disk takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskOptions {
    /// From a read to its reply. Zero: at once, without an event, as from a cache.
    pub read: Duration,
    /// From a commit to its being durable. Commits that wait meanwhile share the next one.
    pub commit: Duration,
    /// Random time on top of both.
    pub jitter: Duration,
    /// In which order replies come.
    pub replies: Replies,
}

/// In which order the replies of a disk come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replies {
    /// In that of the requests, where they took equally long.
    InOrder,
    /// In any.
    Shuffled,
}

impl Default for DiskOptions {
    /// A solid-state disk: reads 100 µs, commits 2 ms.
    fn default() -> Self {
        Self {
            read: Duration::from_micros(100),
            commit: Duration::from_millis(2),
            jitter: Duration::from_micros(200),
            replies: Replies::InOrder,
        }
    }
}

impl DiskOptions {
    /// A disk that answers at once.
    pub fn instant() -> Self {
        let zero = Duration::ZERO;
        Self { read: zero, commit: zero, jitter: zero, replies: Replies::InOrder }
    }
}

/// One pipe between two nodes, and the connections that are made over it.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// From one end to the other.
    pub delay: Duration,
    /// Random time on top; bytes stay in order all the same.
    pub jitter: Duration,
    /// Bytes per second each way; `None`: no limit.
    pub bandwidth: Option<u64>,
    /// Bytes under way in one direction, beyond which nothing more is pulled from the sender.
    pub buffer_bytes: usize,
    /// Where the stream is cut.
    pub pieces: Pieces,
    /// What protects its bytes.
    pub security: Security,
    /// When its connections end by themselves.
    pub mode: Mode,
    /// After how long a connection that broke is made anew; `None`: never. A connection that one
    /// side closed for the other's fault, or in sync, is not made anew.
    pub redial: Option<Duration>,
}

/// Where a byte stream is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pieces {
    /// As the sender gives them, up to 64 KiB.
    Large,
    /// Anywhere: pieces of random lengths up to this many bytes.
    Random(usize),
    /// Into pieces of this many bytes.
    Exactly(usize),
}

/// What protects the bytes of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Nothing: frames in the clear, which cost no cryptography.
    Plain,
    /// A Noise handshake and the secret stream, as on a network.
    Noise,
}

/// Bytes under way in one direction of a link with default options: about what the sockets of
/// both ends hold.
const BUFFER_BYTES: usize = 256 * 1024;

impl Default for LinkOptions {
    /// 20 ms, a fifth of it more by chance, no limit of bandwidth, in the clear, live, made anew
    /// after a second.
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(4),
            bandwidth: None,
            buffer_bytes: BUFFER_BYTES,
            pieces: Pieces::Large,
            security: Security::Plain,
            mode: Mode::Live,
            redial: Some(Duration::from_secs(1)),
        }
    }
}

impl LinkOptions {
    /// The same, with a delay and random time on top.
    #[must_use]
    pub fn delay(mut self, delay: Duration, jitter: Duration) -> Self {
        (self.delay, self.jitter) = (delay, jitter);
        self
    }

    /// The same, with so many bytes per second each way.
    #[must_use]
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = Some(bytes_per_second);
        self
    }

    /// The same, cut otherwise.
    #[must_use]
    pub fn pieces(mut self, pieces: Pieces) -> Self {
        self.pieces = pieces;
        self
    }

    /// The same, protected otherwise.
    #[must_use]
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// The same, with connections that end otherwise.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}
