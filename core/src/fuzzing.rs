//! Bodies of the fuzz targets. A target is a few lines, and a crash becomes a test here.
//!
//! Rule: a body accepts any bytes and fails only if the code under test has a bug. Each checks more
//! than the absence of panics; its doc comment lists the claims.

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
