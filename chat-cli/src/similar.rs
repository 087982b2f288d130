//! Names that resemble a mistyped word.

/// The most names that an error lists.
const NAMES_MAX: usize = 3;
/// Below this likeness two names have nothing to do with each other (Jaro, 0 to 1).
const SIMILARITY_MIN: f64 = 0.75;

/// The names most like a word, best first.
pub fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut rated: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro(&word, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    rated.into_iter().take(NAMES_MAX).map(|(_, name)| name).collect()
}
