//! The primitives, each to the bit as Hypercore 11 has them. Nothing here knows a protocol's
//! messages or keeps state beyond its own cipher.

pub mod cipher;
pub mod hash;
mod memo;
pub mod noise;
pub(crate) mod seal;
pub mod sign;

pub use memo::{SIGNATURES_REMEMBERED_MAX, SignatureMemo};
pub(crate) use memo::{remember_own, verify_once};
