//! Scenarios by name or file.

use std::path::Path;

use multifeed_memory::scenario::{Scenario, built_in, find_built_in};

use crate::with::With;

/// A scenario as the command line selects it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selected<'a> {
    /// A built-in scenario, or the path of a file.
    pub(crate) name: &'a str,
    /// Added faults.
    pub(crate) with: &'a With,
}

/// The built-in scenario with this name, or the scenario in this file.
pub(crate) fn find(name: &str) -> Result<Scenario, String> {
    if name.ends_with(".toml") {
        let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        let stem = Path::new(name).file_stem().unwrap_or_default();
        return Scenario::parse(&stem.to_string_lossy(), &text).map_err(|bad| bad.to_string());
    }
    let found = find_built_in(name).map_err(|bad| bad.to_string())?;
    found.ok_or_else(|| format!("there is no scenario {name}; try: simulate list"))
}

/// The scenarios with these names, or all built-in ones if there are no names.
pub(crate) fn find_all(names: &[String]) -> Result<Vec<Scenario>, String> {
    match names {
        [] => built_in().map_err(|bad| bad.to_string()),
        names => names.iter().map(|name| find(name)).collect(),
    }
}
