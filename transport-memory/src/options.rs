//! Options of nodes, their disks and the links between them.

use multifeed_core::{Admission, Duration, Group, Limits, Mode, Timing};

/// Most events of one node that the application has not taken yet.
pub const EVENTS_KEPT_MAX: usize = 16_384;

/// One multifeed of a world.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The group whose feeds it holds.
    pub group: Group,
    /// Its limits.
    pub limits: Limits,
    /// Its timeouts.
    pub timing: Timing,
    /// Which feeds it admits that the application has not ruled on.
    pub admission: Admission,
    /// Its disk.
    pub disk: DiskOptions,
    /// Most events that the application has not taken; the oldest are dropped and counted.
    pub events_kept: usize,
}

impl NodeOptions {
    /// A multifeed with the core's default limits and timeouts.
    pub fn new(group: Group) -> Self {
        let (limits, timing) = (Limits::default(), Timing::default());
        let disk = DiskOptions::default();
        let admission = Admission::default();
        Self { group, limits, timing, admission, disk, events_kept: EVENTS_KEPT_MAX }
    }

    /// Sets the disk.
    #[must_use]
    pub fn disk(mut self, disk: DiskOptions) -> Self {
        self.disk = disk;
        self
    }

    /// Sets how many events are kept for the application.
    #[must_use]
    pub fn events_kept(mut self, most: usize) -> Self {
        self.events_kept = most.min(EVENTS_KEPT_MAX);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the admission policy.
    #[must_use]
    pub fn admission(mut self, admission: Admission) -> Self {
        self.admission = admission;
        self
    }

    /// Sets the timeouts.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }
}

/// The timing of a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskOptions {
    /// From a read to its reply. Zero means immediately and without an event, as from a cache.
    pub read: Duration,
    /// From a commit to its durability. Commits that wait meanwhile share the next sync.
    pub commit: Duration,
    /// Additional random time for both.
    pub jitter: Duration,
    /// The order of replies.
    pub replies: Replies,
}

/// The order in which a disk replies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replies {
    /// In request order, if they took equally long.
    InOrder,
    /// In random order.
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
    /// A disk that replies immediately.
    pub fn instant() -> Self {
        let zero = Duration::ZERO;
        Self { read: zero, commit: zero, jitter: zero, replies: Replies::InOrder }
    }
}

/// One pipe between two nodes, and the connections made over it.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// From one end to the other.
    pub delay: Duration,
    /// Additional random delay; bytes stay in order.
    pub jitter: Duration,
    /// Bytes per second in each direction; `None` means no limit.
    pub bandwidth: Option<u64>,
    /// Bytes in flight in one direction, above which the sender is not polled.
    pub buffer_bytes: usize,
    /// Where the stream is cut.
    pub pieces: Pieces,
    /// How its bytes are protected.
    pub security: Security,
    /// When its connections end on their own.
    pub mode: Mode,
    /// When a broken connection is dialled again; `None` means never. A connection that one side
    /// closed for a violation or in sync is not dialled again.
    pub redial: Option<Duration>,
}

/// Where a byte stream is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pieces {
    /// As the sender writes them, up to 64 KiB.
    Large,
    /// Anywhere: pieces of random lengths up to this many bytes.
    Random(usize),
    /// Into pieces of this many bytes.
    Exactly(usize),
}

/// How the bytes of a link are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Not at all: plaintext frames, without cryptography.
    Plain,
    /// With a Noise handshake and the secret stream, as on a network.
    Noise,
}

/// Default of the bytes in flight in one direction: about what the socket buffers of both ends
/// hold.
const BUFFER_BYTES: usize = 256 * 1024;

impl Default for LinkOptions {
    /// 20 ms delay, up to a fifth more at random, unlimited bandwidth, plaintext, live, redialled
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
    /// Sets the delay and the additional random delay.
    #[must_use]
    pub fn delay(mut self, delay: Duration, jitter: Duration) -> Self {
        (self.delay, self.jitter) = (delay, jitter);
        self
    }

    /// Sets the bytes per second in each direction.
    #[must_use]
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = Some(bytes_per_second);
        self
    }

    /// Sets where the stream is cut.
    #[must_use]
    pub fn pieces(mut self, pieces: Pieces) -> Self {
        self.pieces = pieces;
        self
    }

    /// Sets the protection.
    #[must_use]
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Sets when connections end.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}
