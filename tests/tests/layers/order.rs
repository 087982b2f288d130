//! The list of layers, and what breaks it.

use std::collections::{BTreeMap, BTreeSet};

use super::Import;

/// Where a layer list puts a path.
struct Place<'a> {
    /// Index from the bottom.
    layer: usize,
    name: &'a str,
}

/// Reads a list: each path with its layer. Faults of the list itself go to `found`.
fn parse<'a>(list: &'a str, found: &mut Vec<String>) -> BTreeMap<&'a str, Place<'a>> {
    let mut places = BTreeMap::new();
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    for (layer, line) in lines.filter(|line| !line.is_empty()).enumerate() {
        let Some((name, paths)) = line.split_once(':') else {
            found.push(format!("the layer list has a line without a colon: {line}"));
            continue;
        };
        for path in paths.split_whitespace() {
            if places.insert(path, Place { layer, name: name.trim() }).is_some() {
                found.push(format!("the layer list names {path} twice"));
            }
        }
    }
    places
}

/// Whether a listed path stands for a file.
fn is_match(path: &str, file: &str) -> bool {
    path == file
        || path.strip_suffix('/').is_some_and(|folder| {
            file.starts_with(path) || file.strip_suffix(".rs") == Some(folder)
        })
}

/// Unlisted files, listed paths that do not exist, and imports of a higher layer.
pub(super) fn violations(
    files: &BTreeSet<String>,
    imports: &BTreeSet<Import>,
    list: &str,
) -> Vec<String> {
    let mut found = Vec::new();
    let places = parse(list, &mut found);
    let place_of = |file: &str| {
        let matching = places.iter().filter(|(path, _)| is_match(path, file));
        matching.max_by_key(|(path, _)| path.len()).map(|(_, place)| place)
    };
    for path in places.keys() {
        if !files.iter().any(|file| is_match(path, file)) {
            found.push(format!("the layer list names {path}, which does not exist"));
        }
    }
    for file in files.iter().filter(|file| place_of(file).is_none()) {
        found.push(format!("{file} is in no layer"));
    }
    for import in imports {
        let (Some(from), Some(to)) = (place_of(&import.from), place_of(&import.to)) else {
            continue;
        };
        if to.layer > from.layer {
            found.push(format!(
                "{}:{} imports {} (layer {} above {}): {}",
                import.from, import.line, import.to, to.name, from.name, import.name
            ));
        }
    }
    found
}
