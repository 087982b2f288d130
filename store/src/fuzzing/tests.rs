//! Runs the body with a stable compiler, and checks the seeds of `fuzz/corpus`.
//!
//! `MULTIFEED_RENEW=1 cargo test -p multifeed-store fuzzing` regenerates the seeds.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::{entries, intact_file, store_file};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/store_file")
}

fn step(offset: usize, byte: u8) -> [u8; 4] {
    let [a, b, c, ..] = offset.to_le_bytes();
    [a, b, c, byte]
}

/// Returns where a value begins in the file.
fn offset_of(value: &[u8]) -> usize {
    let file = intact_file();
    file.windows(value.len()).position(|window| window == value).expect("it was written")
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let value = offset_of(&entries()[7].1);
    let half = intact_file().len() / 2;
    let with = |flags: u8, steps: &[[u8; 4]]| [&[flags][..], &steps.concat()].concat();
    vec![
        ("genuine", with(0, &[])),
        ("checked", with(2, &[])),
        ("corrupt", with(0, &[step(value + 9, 1)])),
        ("corrupt_checked", with(2, &[step(value + 9, 1)])),
        ("magic", with(0, &[step(0, 0xff)])),
        ("header", with(0, &[step(20, 0xff), step(64, 0xff), step(128, 0xff)])),
        ("cut", with(1, &[step(half, 0)])),
        ("empty", with(1, &[step(0, 0)])),
    ]
}

#[test]
fn the_body_accepts_the_corpus_and_inputs_near_it() {
    let files = fs::read_dir(folder()).unwrap();
    let mut count = 0;
    for file in files.map(Result::unwrap) {
        let input = fs::read(file.path()).unwrap();
        store_file(&input);
        for index in 0..input.len().min(24) {
            let mut near = input.clone();
            near[index] ^= 0x11;
            store_file(&near);
        }
        count += 1;
    }
    assert!(count >= seeds().len());
}

#[test]
fn the_committed_seeds_are_current() {
    for (name, bytes) in seeds() {
        let path = folder().join(name);
        if env::var_os("MULTIFEED_RENEW").is_some() {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let committed = fs::read(&path).unwrap_or_default();
        assert!(committed == bytes, "{name}: set MULTIFEED_RENEW=1 to regenerate it");
    }
}
