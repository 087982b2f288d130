//! Bodies of the fuzz targets, so that a target is a few lines and a crash becomes a test here.
//!
//! Rule: a body takes any bytes and never fails but by a fault of the code under it. Each of them
//! claims more than that nothing panics; what it claims stands on the function.

mod canary;
mod connection;
mod hypercore;
mod map;
mod messages;
mod peers;
mod reconcile;
mod records;
mod secure;
mod session;
pub(crate) mod sides;

pub use canary::canary;
pub use connection::connection;
pub use hypercore::{hypercore, hypercore_channel};
pub use messages::{frame_and_mux, messages};
pub use peers::{peers, tampered};
pub use reconcile::{decoder, reconciliation};
pub use records::records;
pub use secure::secure;
pub use session::session;
pub use sides::{Cost, SessionEnd, Side, cells_to_decode, reconcile, reconcile_known};

#[cfg(test)]
mod tests;
