//! Rules decide what happens to bytes in flight.
//!
//! Rule: the rules are asked in order, and the first verdict wins. Without a verdict, a piece is
//! delivered.

use std::fmt;

use multifeed_core::Duration;
use multifeed_core::rng::Rng;

use crate::link::LinkId;
use crate::node::NodeId;

/// Most rules of one world; each is asked about each piece.
const RULES_MAX: usize = 4_096;

/// A piece of a stream that is about to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crossing {
    /// The link.
    pub link: LinkId,
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// Its length.
    pub bytes: usize,
    /// The time, in microseconds.
    pub at: u64,
}

/// What happens to a piece. All but the first three damage the stream; on a plaintext link, a node
/// cannot distinguish that from an adversary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It arrives.
    Deliver,
    /// It arrives later, and so do its successors.
    Delay(Duration),
    /// The connection breaks instead.
    Reset,
    /// One of its bits flips.
    Corrupt,
    /// It never arrives.
    Lose,
    /// It arrives twice.
    Duplicate,
    /// It arrives before its predecessor.
    Reorder,
    /// Half of it arrives, then the connection breaks.
    Truncate,
}

type Rule = Box<dyn FnMut(&Crossing, &mut Rng) -> Option<Verdict> + Send>;

/// The rules of a world.
#[derive(Default)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    pub(crate) fn add(&mut self, rule: Rule) {
        assert!(self.0.len() < RULES_MAX, "a world has at most {RULES_MAX} rules");
        self.0.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn judge(&mut self, crossing: &Crossing, rng: &mut Rng) -> Verdict {
        let verdict = self.0.iter_mut().find_map(|rule| rule(crossing, rng));
        verdict.unwrap_or(Verdict::Deliver)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rules", self.0.len())
    }
}
