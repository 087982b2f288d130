//! See `multifeed_core::fuzzing::hypercore_channel`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| multifeed_core::fuzzing::hypercore_channel(data));
