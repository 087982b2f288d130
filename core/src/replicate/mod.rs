//! One feed × one peer, and what a peer is told, asked and sent.
//!
//! Rule: only this room knows both trees and connections.

mod again;
mod compose;
mod edge;
mod fork;
pub(crate) mod hypercore;
mod names;
mod policy;
mod push;
mod range;
mod reconcile;
mod serve;
mod session;
mod settle;

pub(crate) use fork::keep_fork;
pub(crate) use reconcile::Reconciliation;
pub(crate) use session::{Context, Session, Sources};
