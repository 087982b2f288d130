//! The kinds of faults, and how often each has struck.
//!
//! Rule: a fault is counted where it takes effect, not where it is asked for; a scenario that
//! names one which never struck has shown nothing.

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
    /// A connection breaks; both ends hear of it, what was under way is lost.
    Reset = "reset",
    /// A link is taken down for a while.
    Cut = "cut",
    /// All links between two halves are taken down for a while.
    Partition = "partition",
    /// Everything from one half to the other is held, and the ways back are not.
    OneWayPartition = "one_way_partition",
    /// One direction of a link stops without a word.
    HalfOpen = "half_open",
    /// One direction of a link falls to a few bytes per second.
    SlowReader = "slow_reader",
    /// A piece is much later than others.
    DelaySpike = "delay_spike",
    /// A bit of a piece flips.
    Corruption = "corruption",
    /// A piece vanishes from the stream.
    Loss = "loss",
    /// A piece comes twice.
    Duplication = "duplication",
    /// A piece comes before the one that it was sent after.
    Reorder = "reorder",
    /// Only the first bytes of a piece come, and then the connection breaks.
    Truncation = "truncation",
    /// A process dies and starts again; the system closes its connections.
    ProcessCrash = "process_crash",
    /// A machine loses its power; its peers hear nothing.
    PowerLoss = "power_loss",
    /// A crash found commits under way and lost at least one of them.
    LostWrite = "lost_write",
    /// A crash cut a group of commits in two: the first are durable, the others are not.
    TornWrite = "torn_write",
    /// A commit fails; some of its group may be durable.
    CommitError = "commit_error",
    /// A commit fails for want of space.
    DiskFull = "disk_full",
    /// A read fails.
    ReadError = "read_error",
    /// A read comes back without an entry that is there.
    ShortRead = "short_read",
    /// A bit on the disk flips for good.
    BitRot = "bit_rot",
    /// A commit takes a second.
    SlowDisk = "slow_disk",
    /// A node comes back with the disk of an earlier day.
    OldBackup = "old_backup",
    /// A clock jumps ahead.
    ClockForward = "clock_forward",
    /// A clock jumps back.
    ClockBackward = "clock_backward",
    /// A clock stands still for a while.
    ClockFreeze = "clock_freeze",
    /// A node joins late.
    Join = "join",
    /// A node leaves for good.
    Leave = "leave",
    /// A liar changes a block that it passes on.
    ForgedBlock = "forged_block",
    /// A liar changes a proof that it passes on.
    ForgedProof = "forged_proof",
    /// A liar changes a signature that it passes on.
    ForgedSignature = "forged_signature",
    /// An author signs two histories and tells them to different peers.
    Equivocation = "equivocation",
    /// A liar says again what another connection said.
    ReplayedSession = "replayed_session",
    /// A liar names feeds that nobody holds.
    FeedFlood = "feed_flood",
    /// A liar announces a frame or a length that is too large.
    OversizedLength = "oversized_length",
    /// A liar offers everything and sends nothing.
    NeverAnswers = "never_answers",
    /// A liar sends ranges that nobody asked for.
    Unasked = "unasked",
    /// A liar sends more bytes of blocks than it was granted.
    Overrun = "overrun",
    /// A liar sends a frame a byte at a time.
    SlowDrip = "slow_drip",
    /// A liar does not know the group's key.
    WrongCapability = "wrong_capability",
    /// A liar sends bytes of chance.
    Garbage = "garbage",
    /// A liar sends bytes of chance for the cells of its sketches.
    GarbageCells = "garbage_cells",
    /// A liar says that it holds more feeds than it does.
    WrongCounts = "wrong_counts",
    /// A liar says back what its peer said of its own sets.
    ReflectedRoot = "reflected_root",
    /// A liar says of its sets what it said on another connection.
    ReplayedClaim = "replayed_claim",
    /// A liar begins to reconcile and never goes on.
    StalledReconcile = "stalled_reconcile",
}

impl Fault {
    /// The fault of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// Every kind of liar: the others happen to honest nodes, their disks and links.
    pub fn lies() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|fault| fault.is_lie())
    }

    /// Whether it is what a node does that lies.
    pub fn is_lie(self) -> bool {
        self >= Self::ForgedBlock
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often each fault has struck.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl Default for FaultCounts {
    fn default() -> Self {
        Self([0; Fault::ALL.len()])
    }
}

impl FaultCounts {
    /// How often one has.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Each with its count, also those that have not.
    pub fn iter(&self) -> impl Iterator<Item = (Fault, u64)> + '_ {
        Fault::ALL.iter().map(|fault| (*fault, self.of(*fault)))
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }

    pub(crate) fn strike(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }
}
