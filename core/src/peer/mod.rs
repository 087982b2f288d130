//! One connection, from its first byte on.
//!
//! Rule: this module knows channels and no trees.

pub(crate) mod capability;
mod channels;
pub(crate) mod connection;
pub mod handshake_claim;
mod rejects;
pub mod secure;
