//! Rules decide the fate of bytes.
//!
//! Rule: the rules are asked in their order, and the first verdict wins; without one, a piece is
//! delivered.

use std::fmt;

use multifeed_core::Duration;
use multifeed_core::rng::Rng;

use crate::link::LinkId;
use crate::node::NodeId;

/// Most rules of one world: each is asked about each piece.
const RULES_MAX: usize = 4_096;

/// A piece of a stream that is about to leave.
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
    /// The moment, in microseconds.
    pub at: u64,
}

/// What becomes of a piece. All but the first three damage the stream: on a link in the clear
/// nothing can tell that from a peer that lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It arrives.
    Deliver,
    /// It arrives later, and what follows it does too.
    Delay(Duration),
    /// The connection breaks instead.
    Reset,
    /// A bit of it flips.
    Corrupt,
    /// It never arrives.
    Lose,
    /// It arrives twice.
    Duplicate,
    /// It arrives before the piece that was sent before it.
    Reorder,
    /// Half of it arrives, and then the connection breaks.
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

    pub(crate) fn judge(&mut self, crossing: &Crossing, chance: &mut Rng) -> Verdict {
        let verdict = self.0.iter_mut().find_map(|rule| rule(crossing, chance));
        verdict.unwrap_or(Verdict::Deliver)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rules", self.0.len())
    }
}
