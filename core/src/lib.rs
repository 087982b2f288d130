//! The protocol of multifeed: bytes in, bytes out; no IO, no clock, no chance of its own.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod chance;
pub mod crypto;
pub mod peer;
pub mod wire;
