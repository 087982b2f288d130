//! See `multifeed_store::fuzzing::store_file`.
#![no_main]

// The engine answers some damage with a panic, which the store catches; libFuzzer's hook would end
// the process before. What is not caught still does.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| ())),
    |data: &[u8]| multifeed_store::fuzzing::store_file(data)
);
