//! The modules of a crate: which file each is in, what it defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::Visit;

use super::paths::Reader;

/// A name that a `use` declaration brings into a module.
#[derive(Debug)]
pub(super) struct Binding {
    /// `None` for a glob.
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    pub(super) is_reexport: bool,
}

/// A path in code.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// A file's module, or an inline module of it.
#[derive(Debug)]
pub(super) struct Module {
    /// Relative to `src`, with slashes.
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    /// The root of the crate that it belongs to: a package has a library and binaries.
    pub(super) root: usize,
    pub(super) children: BTreeMap<String, usize>,
    pub(super) items: BTreeSet<String>,
    pub(super) bindings: Vec<Binding>,
    pub(super) named: Vec<Named>,
    /// Whether it or a parent is declared under `#[cfg(test)]`.
    pub(super) is_test: bool,
}

/// All modules of a package.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    /// The library's root, by which the binaries name it.
    pub(super) library: Option<(String, usize)>,
    /// Where each macro is defined: those of one module are visible in its children.
    pub(super) macros: BTreeMap<String, usize>,
}

impl Tree {
    /// Reads all that is reached from `lib.rs`, `main.rs` and `bin/`.
    pub(super) fn read(src: &Path) -> Self {
        let mut tree = Self::default();
        if src.join("lib.rs").exists() {
            let root = tree.read_root(src, "lib.rs");
            tree.library = Some((library_name(src), root));
        }
        if src.join("main.rs").exists() {
            tree.read_root(src, "main.rs");
        }
        for entry in fs::read_dir(src.join("bin")).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_folder = src.join(format!("bin/{name}/main.rs")).exists();
            let file =
                if is_folder { format!("bin/{name}/main.rs") } else { format!("bin/{name}") };
            if file.ends_with(".rs") {
                tree.read_root(src, &file);
            }
        }
        tree
    }

    fn read_root(&mut self, src: &Path, file: &str) -> usize {
        let root = self.modules.len();
        let folder = file.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
        self.add(file, None, root, false);
        self.read_file(src, root, &folder.unwrap_or_default());
        root
    }

    pub(super) fn add(
        &mut self,
        file: &str,
        parent: Option<usize>,
        root: usize,
        is_test: bool,
    ) -> usize {
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            root,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            bindings: Vec::new(),
            named: Vec::new(),
            is_test: is_test || is_test_file(file),
        });
        self.modules.len() - 1
    }

    /// Reads a module's file and those of its children, which are in `folder`.
    fn read_file(&mut self, src: &Path, module: usize, folder: &str) {
        let file = self.modules[module].file.clone();
        let text = fs::read_to_string(src.join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        let mut reader = Reader::new(self, module, folder);
        reader.visit_file(&parsed);
        for outline in reader.into_outlines() {
            let beside = format!("{}{}.rs", outline.folder, outline.name);
            let inside = format!("{}{}/mod.rs", outline.folder, outline.name);
            let file = if src.join(&beside).exists() { beside } else { inside };
            let root = self.modules[outline.parent].root;
            let child = self.add(&file, Some(outline.parent), root, outline.is_test);
            self.modules[outline.parent].children.insert(outline.name.clone(), child);
            self.read_file(src, child, &format!("{}{}/", outline.folder, outline.name));
        }
    }

    /// Files that hold more than tests.
    pub(super) fn product_files(&self) -> BTreeSet<String> {
        let modules = self.modules.iter().filter(|module| !module.is_test);
        modules.map(|module| module.file.clone()).collect()
    }

    /// Files below `src` that no module is in.
    pub(super) fn orphans(&self, src: &Path) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        collect(src, "", &mut files);
        for module in &self.modules {
            files.remove(&module.file);
        }
        files.retain(|file| !is_test_file(file));
        files
    }

    /// Whether `module` is `ancestor` or below it.
    pub(super) fn is_within(&self, module: usize, ancestor: usize) -> bool {
        let mut at = Some(module);
        while let Some(here) = at {
            if here == ancestor {
                return true;
            }
            at = self.modules[here].parent;
        }
        false
    }
}

/// `tests.rs`, and what is in a folder `tests`.
fn is_test_file(file: &str) -> bool {
    file.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// The package's name in its manifest beside `src`, as code names it.
fn library_name(src: &Path) -> String {
    let manifest = fs::read_to_string(src.join("../Cargo.toml")).unwrap_or_default();
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    name.unwrap_or_default().trim_matches('"').replace('-', "_")
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.insert(name);
        }
    }
}
