//! Import cycles: the strongly connected components of the graph, after Tarjan, "Depth-First
//! Search and Linear Graph Algorithms", 1972.

use std::collections::{BTreeMap, BTreeSet};

use super::Import;

/// Components of more than one file.
pub(super) fn of<'a>(
    files: &'a BTreeSet<String>,
    imports: &'a BTreeSet<Import>,
) -> Vec<BTreeSet<&'a str>> {
    let mut search = Search::default();
    for import in imports {
        search.next.entry(&import.from).or_default().insert(&import.to);
    }
    for file in files {
        if !search.order.contains_key(file.as_str()) {
            search.visit(file);
        }
    }
    search.cycles.sort();
    search.cycles
}

#[derive(Default)]
struct Search<'a> {
    next: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// When each file was first visited.
    order: BTreeMap<&'a str, usize>,
    /// The earliest file on the stack that each file reaches.
    lowest: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    cycles: Vec<BTreeSet<&'a str>>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, file: &'a str) {
        let own = self.order.len();
        self.order.insert(file, own);
        self.lowest.insert(file, own);
        self.stack.push(file);
        for next in self.next.get(file).cloned().unwrap_or_default() {
            let reached = if !self.order.contains_key(next) {
                self.visit(next);
                self.lowest[next]
            } else if self.stack.contains(&next) {
                self.order[next]
            } else {
                continue;
            };
            let lowest = self.lowest[file].min(reached);
            self.lowest.insert(file, lowest);
        }
        if self.lowest[file] == own {
            let start = self.stack.iter().position(|on_stack| *on_stack == file).unwrap();
            let component: BTreeSet<_> = self.stack.drain(start..).collect();
            if component.len() > 1 {
                self.cycles.push(component);
            }
        }
    }
}
