//! The crate `hypercore`, a second implementation of feeds, beside ours: the same blocks make the
//! same trees, each accepts the other's proofs, and both replicate over TCP.
//!
//! Rule: what the crate cannot do is excluded by name, and `faults.rs` shows it with the smallest
//! input. `MULTIFEED_THOROUGH=1` runs 10,000 cases of each property.
//!
//! The crate knows no manifests, so all feeds here are cores whose key is the author's public key.

mod bridge;
mod faults;
mod live;
mod proofs;
mod trees;

/// The number of cases of each property.
fn cases() -> u32 {
    if std::env::var_os("MULTIFEED_THOROUGH").is_some() { 10_000 } else { 48 }
}
