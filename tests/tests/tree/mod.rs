//! The files of the repository, as the style tests read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders without files of ours, or without text.
const SKIPPED: [&str; 7] =
    ["target", "node_modules", ".git", "corpus", "artifacts", "coverage", "snapshots"];

/// Generated files.
const WRITTEN: [&str; 3] = ["Cargo.lock", "package-lock.json", "LICENSE-APACHE"];

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root of the repository, with slashes.
    pub(crate) name: String,
    /// Its contents.
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file of ours with one of these endings.
pub(crate) fn all(ends: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), "", ends, &mut found);
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty(), "no file ends with {ends:?}");
    found
}

fn collect(folder: &Path, prefix: &str, ends: &[&str], found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let Ok(own) = entry.file_name().into_string() else { continue };
        let name = format!("{prefix}{own}");
        if entry.file_type().unwrap().is_dir() {
            if !SKIPPED.contains(&own.as_str()) {
                collect(&entry.path(), &format!("{name}/"), ends, found);
            }
        } else if ends.contains(&own.rsplit('.').next().unwrap_or_default())
            && !WRITTEN.contains(&own.as_str())
            || own == "run" && ends.contains(&"run")
        {
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push(File { name, text });
        }
    }
}
