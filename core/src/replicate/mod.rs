//! One feed × one peer, and what a peer is told, asked and sent.
//!
//! Rule: only this room knows both trees and connections.

mod aliases;
mod compose;
mod fork;
pub(crate) mod hypercore;
mod peer_feed;
mod policy;
mod push;
mod range;
mod reconcile;
mod refetch;
mod serve;
mod session;
mod sync_checkpoint;

pub(crate) use fork::store_fork;
pub(crate) use reconcile::Reconciliation;
pub(crate) use session::{Context, FetchAssignments, Session};
