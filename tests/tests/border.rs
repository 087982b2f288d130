//! The core's boundary: what it may use, its dependencies and features, and each crate's layers.
//!
//! `MULTIFEED_RENEW=1 cargo test -p multifeed-tests --test border` regenerates the snapshot of its
//! dependencies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

mod layers;

/// What a function of its inputs must not use: clocks, randomness, threads, the operating system,
/// and collections whose order does not follow from their contents.
const BANNED: [&str; 16] = [
    "std::",
    "HashMap",
    "HashSet",
    "RandomState",
    "Instant::now",
    "SystemTime",
    "thread",
    "getrandom",
    "OsRng",
    "thread_rng",
    "async",
    "await",
    "static mut",
    "static ",
    "thread_local",
    "unsafe",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The core's files, without test files.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_core_is_no_std() {
    let lib = fs::read_to_string(root().join("core/src/lib.rs")).unwrap();
    assert!(lib.lines().any(|line| line == "#![no_std]"));
    // Only tests use it; nothing else in the file names it.
    let place = lib.find("extern crate std;").unwrap();
    assert!(lib[..place].ends_with("#[cfg(test)]\n"));
}

#[test]
fn the_core_uses_nothing_outside_its_inputs() {
    let mut files = Vec::new();
    sources(&root().join("core/src"), &mut files);
    assert!(files.len() > 30, "{files:?}");
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (line, number) in text.lines().zip(1..) {
            let code = line.split("//").next().unwrap_or_default();
            for word in BANNED.iter().filter(|word| names(code, word)) {
                found.push(format!("{}:{number}: {word}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether code contains a word, not as a part of a longer word or of a lifetime.
fn names(code: &str, word: &str) -> bool {
    let mut places = code.match_indices(word);
    places.any(|(place, _)| {
        let before = code[..place].chars().next_back();
        let after = code[place + word.len()..].chars().next();
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let begins = before.is_none_or(|letter| !is_part(letter) && letter != '\'');
        begins && (!word.ends_with(is_part) || after.is_none_or(|letter| !is_part(letter)))
    })
}

#[test]
fn only_whole_words_match() {
    assert!(names("use std::fmt;", "std::") && names("static A: u8 = 0;", "static "));
    assert!(!names("nostd::fmt", "std::") && !names("&'static str", "static "));
    assert!(names("async fn a()", "async") && !names("asynchronous", "async"));
}

/// A package with its dependencies, as `cargo tree` prints them for one platform, so that the
/// result is the same on every machine.
fn tree(package: &str, edges: &str) -> BTreeSet<String> {
    let target = "x86_64-unknown-linux-gnu";
    let tree = cargo(&[
        "tree",
        "--locked",
        "--package",
        package,
        "--edges",
        edges,
        "--prefix",
        "none",
        "--target",
        target,
        "--format",
        "{p}",
    ]);
    let tree = String::from_utf8(tree).unwrap();
    tree.lines().map(|line| line.split(" (").next().unwrap_or(line).to_owned()).collect()
}

#[test]
fn the_core_has_the_committed_dependencies() {
    let names = tree("multifeed-core", "normal")
        .into_iter()
        .filter(|name| !name.starts_with("multifeed-core "));
    let list: String = names.flat_map(|name| [name, "\n".to_owned()]).collect();
    let path = root().join("tests/tests/border/dependencies.txt");
    if env::var_os("MULTIFEED_RENEW").is_some() {
        fs::write(&path, &list).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        list == committed,
        "the core's dependencies are not those of tests/tests/border/dependencies.txt; if each \
         new one is no_std and wanted, set MULTIFEED_RENEW=1 to write the list anew:\n{list}"
    );
}

#[test]
fn no_dependency_of_the_core_is_given_std() {
    let features = tree("multifeed-core", "features,no-dev,no-build,no-proc-macro");
    assert!(features.iter().any(|line| line.ends_with(" feature \"alloc\"")), "{features:?}");
    let with_std: Vec<_> =
        features.iter().filter(|line| line.ends_with(" feature \"std\"")).collect();
    assert!(with_std.is_empty(), "{with_std:?}");
}

#[test]
fn the_core_has_no_features() {
    let metadata = cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let core = packages.iter().find(|package| package["name"] == "multifeed-core").unwrap();
    assert_eq!(core["features"], serde_json::json!({}));
}

/// Fails with every import that breaks the layers of a package, and with every import cycle.
#[track_caller]
fn assert_layered(package: &str, folder: &str) {
    let path = format!("tests/tests/border/layers-{package}.txt");
    let list = fs::read_to_string(root().join(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let found = layers::Graph::of(&root().join(folder).join("src")).violations(&list);
    assert!(found.is_empty(), "{path}:\n{}", found.join("\n"));
}

#[test]
fn core_imports_follow_its_layers() {
    assert_layered("multifeed-core", "core");
}

#[test]
fn store_imports_follow_its_layers() {
    assert_layered("multifeed-store", "store");
}

#[test]
fn memory_imports_follow_its_layers() {
    assert_layered("multifeed-memory", "transport-memory");
}

#[test]
fn tcp_imports_follow_its_layers() {
    assert_layered("multifeed-tcp", "transport-tcp");
}

#[test]
fn chat_imports_follow_its_layers() {
    assert_layered("multichat", "chat-cli");
}

#[test]
fn internal_modules_of_the_core_are_hidden_from_its_documentation() {
    let lib = fs::read_to_string(root().join("core/src/lib.rs")).unwrap();
    let lines: Vec<&str> = lib.lines().collect();
    let shown = lines.windows(2).filter_map(|pair| {
        let module = pair[1].strip_prefix("pub mod ")?.strip_suffix(';')?;
        (pair[0] != "#[doc(hidden)]").then_some(module)
    });
    assert_eq!(shown.collect::<Vec<_>>(), ["record"]);
}

#[test]
fn importer_imports_follow_its_layers() {
    assert_layered("import-hypercore", "import-hypercore");
}
