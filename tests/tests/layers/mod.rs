//! Import graph of a crate, read from its sources, and the layers that its files belong to.
//!
//! Rule: an import counts for the file that defines the imported name, so re-exports neither hide
//! nor invent one. Test code (`tests.rs`, `tests/`, `#[cfg(test)]`) and doc text do not count.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

mod cycles;
mod module_tree;
mod order;
mod paths;
mod resolve;
#[cfg(test)]
mod tests;

/// One file that names something of another file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Import {
    /// The importing file, relative to the crate's `src`.
    pub(crate) from: String,
    pub(crate) line: usize,
    /// The file that defines the name.
    pub(crate) to: String,
    pub(crate) name: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} imports {}: {}", self.from, self.line, self.to, self.name)
    }
}

/// The files of one crate and their imports.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Without test files.
    files: BTreeSet<String>,
    /// Files on disk that no `mod` declaration reaches.
    orphans: BTreeSet<String>,
    imports: BTreeSet<Import>,
}

impl Graph {
    /// Reads the crate whose sources are in this folder.
    ///
    /// # Panics
    ///
    /// If a file cannot be read or parsed.
    pub(crate) fn of(src: &Path) -> Self {
        let tree = module_tree::Tree::read(src);
        let imports = resolve::imports(&tree);
        Self { files: tree.product_files(), orphans: tree.orphans(src), imports }
    }

    /// All imports between different files, sorted by file and line.
    pub(crate) fn imports(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter()
    }

    /// Groups of files that import each other, directly or through others of the group.
    pub(crate) fn cycles(&self) -> Vec<BTreeSet<&str>> {
        cycles::of(&self.files, &self.imports)
    }

    /// Everything that breaks the layer order which this list defines, one line each.
    ///
    /// The list names the bottom layer first, one per line: `name: path path …`. A path is a file
    /// (`time.rs`) or a folder (`wire/`, which includes `wire.rs`); the longest path that matches a
    /// file decides its layer. `#` starts a comment.
    pub(crate) fn violations(&self, list: &str) -> Vec<String> {
        let mut found: Vec<String> =
            self.orphans.iter().map(|file| format!("{file} belongs to no module")).collect();
        found.extend(order::violations(&self.files, &self.imports, list));
        for cycle in self.cycles() {
            let files: Vec<_> = cycle.iter().copied().collect();
            found.push(format!("import cycle of {} files: {}", files.len(), files.join(", ")));
            let inside = |import: &&Import| {
                cycle.contains(import.from.as_str()) && cycle.contains(import.to.as_str())
            };
            found.extend(self.imports.iter().filter(inside).map(|import| format!("  {import}")));
        }
        found
    }
}
