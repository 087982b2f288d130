//! A reconciliation session: two sides find out what differs between their sets.
//!
//! Rule: the initiator decodes and the responder encodes, so the requesting side does the work. A
//! session works on a snapshot, its [`View`], which must not change. `Agreed` is sent only after
//! roots over whole keys were compared.
//!
//! ```text
//!   initiator                           responder
//!            ⇄ Claim: roots and number of feeds
//!              roots equal: Agreed, no more messages
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
//! Peers with the same checkpoint need no cells: each side with changes sends `Changed` at once.

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
