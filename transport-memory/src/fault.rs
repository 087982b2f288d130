//! The kinds of faults, and how often each took effect.
//!
//! Rule: a fault is counted where it takes effect, not where it is requested. A scenario with a
//! fault that never took effect proves nothing.

use std::fmt;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One kind of fault.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Fault { $($(#[$doc])* $variant,)* }

        impl Fault {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in scenarios and reports.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

faults! {
    /// A connection breaks; both ends notice, and bytes in flight are lost.
    Reset = "reset",
    /// A link is down for a while.
    Cut = "cut",
    /// All links between two halves are down for a while.
    Partition = "partition",
    /// Everything from one half to the other is held back, but not in the other direction.
    OneWayPartition = "one_way_partition",
    /// One direction of a link stops silently.
    HalfOpen = "half_open",
    /// One direction of a link drops to a few bytes per second.
    SlowReader = "slow_reader",
    /// A piece arrives much later than others.
    DelaySpike = "delay_spike",
    /// A bit of a piece flips.
    Corruption = "corruption",
    /// A piece disappears from the stream.
    Loss = "loss",
    /// A piece arrives twice.
    Duplication = "duplication",
    /// A piece arrives before its predecessor.
    Reorder = "reorder",
    /// Only the first bytes of a piece arrive, then the connection breaks.
    Truncation = "truncation",
    /// A process dies and restarts; the operating system closes its connections.
    ProcessCrash = "process_crash",
    /// A machine loses power; its peers are not notified.
    PowerLoss = "power_loss",
    /// A crash loses at least one commit in progress.
    LostWrite = "lost_write",
    /// A crash splits a group of commits: the first are durable, the others are not.
    TornWrite = "torn_write",
    /// A commit fails; some of its group may be durable.
    CommitError = "commit_error",
    /// A commit fails because the disk is full.
    DiskFull = "disk_full",
    /// A read fails.
    ReadError = "read_error",
    /// A read omits an existing entry.
    ShortRead = "short_read",
    /// A stored bit flips permanently.
    BitRot = "bit_rot",
    /// A commit takes one second.
    SlowDisk = "slow_disk",
    /// A node restarts with an old copy of its disk.
    OldBackup = "old_backup",
    /// A clock jumps forward.
    ClockForward = "clock_forward",
    /// A clock jumps back.
    ClockBackward = "clock_backward",
    /// A clock stands still for a while.
    ClockFreeze = "clock_freeze",
    /// A node joins late.
    Join = "join",
    /// A node leaves permanently.
    Leave = "leave",
    /// An adversary changes a block that it forwards.
    ForgedBlock = "forged_block",
    /// An adversary changes a proof that it forwards.
    ForgedProof = "forged_proof",
    /// An adversary changes a signature that it forwards.
    ForgedSignature = "forged_signature",
    /// An author signs two histories and sends them to different peers.
    Equivocation = "equivocation",
    /// An adversary replays the bytes of another connection.
    ReplayedSession = "replayed_session",
    /// An adversary offers feeds that do not exist.
    FeedFlood = "feed_flood",
    /// An adversary announces a frame or a length that is too large.
    OversizedLength = "oversized_length",
    /// An adversary offers everything and sends nothing.
    NeverAnswers = "never_answers",
    /// An adversary sends ranges that no peer requested.
    Unasked = "unasked",
    /// An adversary sends more bytes of blocks than its credit allows.
    Overrun = "overrun",
    /// An adversary sends a frame one byte at a time.
    SlowDrip = "slow_drip",
    /// An adversary does not know the group key.
    WrongCapability = "wrong_capability",
    /// An adversary sends random bytes.
    Garbage = "garbage",
    /// An adversary sends random bytes as the cells of its sketches.
    GarbageCells = "garbage_cells",
    /// An adversary claims more feeds than it holds.
    WrongCounts = "wrong_counts",
    /// An adversary reflects its peer's claim.
    ReflectedRoot = "reflected_root",
    /// An adversary replays its claim of another connection.
    ReplayedClaim = "replayed_claim",
    /// An adversary starts a reconciliation and never continues it.
    StalledReconcile = "stalled_reconcile",
}

impl Fault {
    /// The fault with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// Every fault of an adversary; the others affect honest nodes, their disks and links.
    pub fn adversarial() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|fault| fault.is_adversarial())
    }

    /// Whether an adversary commits this fault.
    pub fn is_adversarial(self) -> bool {
        self >= Self::ForgedBlock
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often each fault took effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl Default for FaultCounts {
    fn default() -> Self {
        Self([0; Fault::ALL.len()])
    }
}

impl FaultCounts {
    /// How often this fault took effect.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Each fault with its count, including zero.
    pub fn iter(&self) -> impl Iterator<Item = (Fault, u64)> + '_ {
        Fault::ALL.iter().map(|fault| (*fault, self.of(*fault)))
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }

    pub(crate) fn record(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }
}
