//! See `multifeed_store::fuzzing::store_file`.
#![no_main]

// The engine panics on some damage, and the store catches that. libFuzzer's hook would abort the
// process first, so it is replaced. Uncaught panics still abort.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| ())),
    |data: &[u8]| multifeed_store::fuzzing::store_file(data)
);
