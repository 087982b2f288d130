use super::*;

#[test]
fn the_namespaces_are_those_of_hypercore() {
    assert_eq!(TREE, hash::namespace("hypercore", 0));
    assert_eq!(MANIFEST, hash::namespace("hypercore", 3));
}
