//! Finds names that resemble a mistyped word.

use crate::sanitize::fold;

/// The most names that an error lists. Chosen: more than three suggestions do not help.
const NAMES_MAX: usize = 3;
/// The lowest Jaro similarity (0 to 1) of a suggestion. Chosen: `kichen` finds `kitchen` and
/// `chicken`, and unrelated words find nothing; see the tests.
const SIMILARITY_MIN: f64 = 0.75;

/// Returns the names most similar to a word, best first.
pub fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = fold(word);
    let mut rated: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro(&word, &fold(name)), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    rated.into_iter().take(NAMES_MAX).map(|(_, name)| name).collect()
}
