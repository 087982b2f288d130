//! See `multifeed_core::fuzzing::connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| multifeed_core::fuzzing::connection(data));
