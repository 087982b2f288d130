//! Two sides that find out what differs between their sets, for the bytes of the difference.
//!
//! Rule: the initiator decodes, the responder encodes; who asks pays. A session is pinned to the
//! sets as its [`View`] shows them, which must not change under it. "Agreed" is said after roots
//! over whole keys were compared, never before.
//!
//! ```text
//!   initiator                           responder
//!            ⇄ Claim: roots and number of feeds
//!              roots equal: Agreed, nothing more is said
//!            ← Cells … ⇄ More               until they are decoded
//!            → Different: entries that the responder lacks, ids of those that we lack
//!            ← Entries                       left out where the initiator waits for none
//!              roots of the heads still differ:
//!            → More … ⇄ Cells                 of the heads
//!            → Changed: heads of ours
//!            ← Heads: theirs, in that order
//!            → Agreed: the root of both sets together
//! ```
//!
//! Two that remember the same of each other need no cells: each that has changed says
//! `Changed`, at once.

mod delta;
mod initiator;
mod responder;
mod step;

pub(crate) use delta::Delta;
pub(crate) use initiator::Initiator;
pub(crate) use responder::Responder;
pub(crate) use step::{
    DIFFERENCE_MAX, Outcome, Params, SessionError, StepResult, View, prefix_bits,
};

#[cfg(test)]
mod tests;
