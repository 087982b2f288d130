//! See `multifeed_core::fuzzing::tampered`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| multifeed_core::fuzzing::tampered(data));
