//! See `multifeed_core::fuzzing::peers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| multifeed_core::fuzzing::peers(data));
