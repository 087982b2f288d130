//! Bytes and values, without state. Rule: nothing here remembers a connection, and nothing is
//! allocated by a length that a peer announced.

pub mod codec;
pub mod fork;
pub mod frame;
pub mod hypercore;
pub mod multifeed;
pub mod mux;
pub(crate) mod reconcile;
pub(crate) mod rice;
pub(crate) mod slice;
