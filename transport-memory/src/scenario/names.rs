//! Former names of built-in scenarios.
//!
//! Rule: a renamed scenario still derives its scripts from its first name, so that its seeds keep
//! their meaning, and is still found by it.

/// The name of each renamed scenario, and its first name.
const RENAMED: &[(&str, &str)] = &[
    ("a-network-split-in-halves", "two-halves-apart"),
    ("a-peer-that-exceeds-its-credit", "a-peer-that-sends-more-than-it-was-granted"),
    ("adversaries-on-encrypted-streams", "liars-behind-a-seal"),
    ("adversaries-with-false-claims", "liars-about-their-sets"),
    ("an-author-that-equivocates", "an-author-with-two-tongues"),
    ("damaged-bytes-on-encrypted-streams", "damaged-bytes-on-sealed-streams"),
    ("disks-with-bit-rot", "disks-that-rot"),
    ("one-adversary-of-each-kind", "liars-in-the-mesh"),
    ("peers-that-never-answer", "peers-that-owe-and-never-answer"),
];

/// The present name of a scenario that is given by either name.
pub(super) fn present(name: &str) -> &str {
    RENAMED.iter().find(|(_, first)| *first == name).map_or(name, |(present, _)| present)
}

/// The first name of a scenario.
pub(super) fn first(name: &str) -> &str {
    RENAMED.iter().find(|(present, _)| *present == name).map_or(name, |(_, first)| first)
}
