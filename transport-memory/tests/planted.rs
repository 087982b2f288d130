//! Bugs that patches plant in a copy of the core, to see that each law catches its bug.
//!
//! `tests/planted/` has a patch per bug, the switch that the patches ask (`planted.rs`) and the
//! check (`check.rs`). No product code knows of them. The check compiles the core again, so it is
//! ignored by default: `cargo test -p multifeed-memory --test planted -- --ignored`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the copy consists of; the workspace's lock file pins its dependencies.
const CRATES: [&str; 3] = ["core", "store", "transport-memory"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planted")
}

/// An empty folder below the target directory, each time.
fn scratch(name: &str) -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if scratch.exists() {
        fs::remove_dir_all(&scratch).unwrap();
    }
    fs::create_dir_all(&scratch).unwrap();
    scratch
}

fn patches() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut patches: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "patch")).collect();
    patches.sort();
    patches
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" {
                copy(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Applies every patch to a copy, or says which one does not fit.
fn apply(copy: &Path) {
    for patch in patches() {
        let output = Command::new("git")
            .current_dir(copy)
            // The copy is inside the repository: without this, git would look for its root.
            .env("GIT_CEILING_DIRECTORIES", copy.parent().unwrap().canonicalize().unwrap())
            .args(["apply", "--whitespace=nowarn"])
            .arg(&patch)
            .output()
            .expect("git is installed");
        assert!(
            output.status.success(),
            "{} does not apply to core/src any more; plant its bug by hand in the changed code and \
             write the patch again, as CONTRIBUTING.md says:\n{}",
            patch.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn every_patch_applies_to_the_core() {
    let scratch = scratch("planted-patches");
    copy(&root().join("core/src"), &scratch.join("core/src"));
    apply(&scratch);
}

/// `AcceptsAnySignature` is planted by `accepts-any-signature.patch`.
fn bug_of(patch: &Path) -> String {
    let name = patch.file_stem().unwrap().to_str().unwrap();
    let words = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect()
}

#[test]
fn each_bug_has_a_patch_and_a_law() {
    let [bugs, check] =
        ["planted.rs", "check.rs"].map(|name| fs::read_to_string(folder().join(name)).unwrap());
    let patches = patches();
    for patch in &patches {
        let bug = bug_of(patch);
        let text = fs::read_to_string(patch).unwrap();
        assert!(text.contains(&format!("planted::Bug::{bug})")), "{bug} is not in its patch");
        assert!(check.contains(&format!("(Bug::{bug},")), "{bug} has no law");
    }
    let variant = bugs.split("pub enum Bug {").nth(1).unwrap().split('}').next().unwrap();
    let is_variant = |line: &&str| line.trim_start().starts_with(char::is_uppercase);
    let count = variant.lines().filter(is_variant).count();
    assert_eq!(patches.len(), count, "a patch per bug");
}

#[test]
#[ignore = "compiles the core again: a lane of .ci/run"]
fn every_planted_bug_is_caught_by_its_law() {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");
    let copied = scratch("planted/workspace");
    for name in CRATES {
        copy(&root().join(name), &copied.join(name));
    }
    // The core's unit tests read the vectors; they are not compiled here.
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find(|line| line.starts_with("members = ")).unwrap();
    let manifest = manifest.replace(members, &format!("members = {CRATES:?}"));
    fs::write(copied.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root().join("Cargo.lock"), copied.join("Cargo.lock")).unwrap();
    apply(&copied);

    fs::copy(folder().join("planted.rs"), copied.join("core/src/planted.rs")).unwrap();
    let lib = copied.join("core/src/lib.rs");
    let text = fs::read_to_string(&lib).unwrap();
    fs::write(&lib, format!("{text}\n#[doc(hidden)]\npub mod planted;\n")).unwrap();
    let check = copied.join("transport-memory/tests/planted_check.rs");
    fs::copy(folder().join("check.rs"), check).unwrap();

    // Cargo drops the packages that the copy lacks from the lock file, so it is not `--locked`.
    let status = Command::new(env!("CARGO"))
        .current_dir(&copied)
        .env("CARGO_TARGET_DIR", base.join("target"))
        // The core's own assertions would end a run before the law sees the bug.
        .env("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false")
        .args(["test", "--offline", "--package", "multifeed-memory", "--test", "planted_check"])
        .status()
        .unwrap();
    assert!(status.success(), "the check failed: its output is above");
}
