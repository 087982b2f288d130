//! One connection, from its first byte on. Rule: a connection knows channels and no trees.

pub mod secure;
