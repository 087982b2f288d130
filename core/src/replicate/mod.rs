//! The exchange of feeds with one peer.
//!
//! Rule: only this module knows both trees and connections.

mod aliases;
mod announcements;
mod context;
mod downloads;
mod fork_proof;
pub(crate) mod forked_prefixes;
mod forks;
mod frame;
pub(crate) mod hypercore;
mod offers;
mod partial;
mod peer_feed;
pub(crate) mod peer_limits;
mod push;
mod range;
mod reconcile;
mod refetch;
mod session;
mod sync_checkpoint;
mod uploads;

pub(crate) use context::{Context, FetchAssignments};
pub(crate) use fork_proof::store_fork;
pub(crate) use reconcile::Reconciliation;
pub(crate) use session::{PeerHello, Session};
