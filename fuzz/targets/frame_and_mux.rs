//! See `multifeed_core::fuzzing::frame_and_mux`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| multifeed_core::fuzzing::frame_and_mux(data));
