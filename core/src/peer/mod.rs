//! One connection, from its first byte on. Rule: this room knows channels and no trees.

mod capability;
mod channels;
pub(crate) mod connection;
pub mod secure;
