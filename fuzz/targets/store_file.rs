//! See `multifeed_store::fuzzing::store_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| multifeed_store::fuzzing::store_file(data));
