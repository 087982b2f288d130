//! Finds the file that defines what a path names, through re-exports.

use std::collections::BTreeSet;

use super::Import;
use super::module_tree::Tree;

/// What a path names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    Module(usize),
    /// Anything else, in the module that defines it.
    Item(usize),
}

/// All imports between different product files.
pub(super) fn imports(tree: &Tree) -> BTreeSet<Import> {
    let mut found = BTreeSet::new();
    for (at, module) in tree.modules.iter().enumerate().filter(|(_, module)| !module.is_test) {
        let mut add = |target: Option<Target>, path: &[String], line, is_reexport: bool| {
            // A module that is named alone is an empty import: the names in it are what counts.
            let Some(Target::Item(definer)) = target else { return };
            let is_of_child = is_reexport && tree.is_within(definer, at);
            let to = &tree.modules[definer];
            if to.file != module.file && !to.is_test && !is_of_child {
                let name = path.join("::");
                let (from, to) = (module.file.clone(), to.file.clone());
                found.insert(Import { from, line, to, name });
            }
        };
        for binding in &module.bindings {
            let target = Resolver::new(tree).path(at, &binding.path);
            add(target, &binding.path, binding.line, binding.is_reexport);
        }
        for named in &module.named {
            add(Resolver::new(tree).path(at, &named.path), &named.path, named.line, false);
        }
    }
    found
}

/// One look-up, which remembers where it was, for re-exports may form a circle.
struct Resolver<'a> {
    tree: &'a Tree,
    visited: BTreeSet<(usize, String, bool)>,
}

impl<'a> Resolver<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self { tree, visited: BTreeSet::new() }
    }

    /// `None` for what other crates define.
    fn path(&mut self, module: usize, path: &[String]) -> Option<Target> {
        let first = path.first()?;
        let own = &self.tree.modules[module];
        let is_last = path.len() == 1;
        let start = match first.as_str() {
            "crate" => Target::Module(own.root),
            "self" => Target::Module(module),
            "super" => Target::Module(own.parent?),
            "Self" => return None,
            name => match (self.member(module, name, is_last), &self.tree.library) {
                (Some(found), _) => found,
                (None, Some((library, root))) if library == name => Target::Module(*root),
                (None, _) if is_last => Target::Item(*self.tree.macros.get(name)?),
                (None, _) => return None,
            },
        };
        self.below(start, &path[1..])
    }

    fn below(&mut self, mut target: Target, rest: &[String]) -> Option<Target> {
        for (at, name) in rest.iter().enumerate() {
            // A variant, or an associated item: defined where its type is.
            let Target::Module(module) = target else { return Some(target) };
            target = if name == "super" {
                Target::Module(self.tree.modules[module].parent?)
            } else {
                // A name that a macro defines is not seen; its file is the module's.
                let found = self.member(module, name, at + 1 == rest.len());
                found.unwrap_or(Target::Item(module))
            };
        }
        Some(target)
    }

    /// What a name means in a module. A module and a function may have the same name: within a path
    /// it is the module, at its end the function.
    fn member(&mut self, module: usize, name: &str, is_last: bool) -> Option<Target> {
        if !self.visited.insert((module, name.to_owned(), is_last)) {
            return None;
        }
        let own = &self.tree.modules[module];
        let child = own.children.get(name).map(|child| Target::Module(*child));
        let item = own.items.contains(name).then_some(Target::Item(module));
        let direct = if is_last { item } else { child.or(item) };
        direct
            .or_else(|| self.imported(module, name))
            .or(child)
            .or_else(|| self.globbed(module, name, is_last))
    }

    fn imported(&mut self, module: usize, name: &str) -> Option<Target> {
        let bindings = &self.tree.modules[module].bindings;
        let named = bindings.iter().filter(|binding| binding.name.as_deref() == Some(name));
        named.map(|binding| &binding.path).find_map(|path| self.path(module, path))
    }

    fn globbed(&mut self, module: usize, name: &str, is_last: bool) -> Option<Target> {
        let bindings = &self.tree.modules[module].bindings;
        let globs = bindings.iter().filter(|binding| binding.name.is_none());
        globs.map(|binding| &binding.path).find_map(|path| match self.path(module, path)? {
            Target::Module(other) => self.member(other, name, is_last),
            Target::Item(_) => None,
        })
    }
}
