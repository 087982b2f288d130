//! Prints the imports and import cycles of a crate, and what breaks its layers:
//! `cargo run -p multifeed-tests --example layers -- core/src`.

#![expect(clippy::print_stdout, reason = "it is meant to be read")]

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "../tests/layers/mod.rs"]
mod layers;

fn main() {
    let mut arguments = env::args_os().skip(1);
    let src = arguments.next().map(PathBuf::from).expect("the first argument is a folder `src`");
    let graph = layers::Graph::of(&src);
    println!("imports:");
    for import in graph.imports() {
        println!("{import}");
    }
    println!("\nimport cycles:");
    for cycle in graph.cycles() {
        let files: Vec<_> = cycle.into_iter().collect();
        println!("{} files: {}", files.len(), files.join(", "));
    }
    let list = arguments.next().map(PathBuf::from).or_else(|| list_of(&src));
    if let Some(list) = list.filter(|list| list.exists()) {
        println!("\nagainst {}:", list.display());
        let text = fs::read_to_string(list).expect("the list can be read");
        for violation in graph.violations(&text) {
            println!("{violation}");
        }
    }
}

/// The committed list of the package whose sources these are.
fn list_of(src: &Path) -> Option<PathBuf> {
    let manifest = fs::read_to_string(src.join("../Cargo.toml")).ok()?;
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = "))?;
    let file = format!("tests/border/layers-{}.txt", name.trim_matches('"'));
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
}
