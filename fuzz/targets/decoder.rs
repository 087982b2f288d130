//! See `multifeed_core::fuzzing::decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| multifeed_core::fuzzing::decoder(data));
