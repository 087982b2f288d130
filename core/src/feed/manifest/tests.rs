use super::*;

#[test]
fn namespaces_match_hypercore() {
    assert_eq!(TREE, hash::namespace("hypercore", 0));
    assert_eq!(MANIFEST, hash::namespace("hypercore", 3));
}
