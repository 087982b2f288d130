//! The exchange of feeds with one peer.
//!
//! Rule: only this module knows both trees and connections.

mod aliases;
mod announcements;
mod context;
mod downloads;
mod forks;
mod frame;
pub(crate) mod hypercore;
mod offers;
mod peer_feed;
mod push;
mod range;
mod reconcile;
mod refetch;
mod session;
mod sync_checkpoint;
mod uploads;

pub(crate) use context::{Context, FetchAssignments};
pub(crate) use reconcile::Reconciliation;
pub(crate) use session::{Session, store_fork};
