use super::*;

#[test]
fn siblings_lead_to_the_root() {
    // Blocks 0 to 7: the leaf of block 5 is 10, beside it 8, above them 9, beside that 13.
    assert_eq!(siblings(10, 3).collect::<Vec<_>>(), [8, 13, 3]);
    assert_eq!(parent_and_sibling(0), (1, 2));
    assert_eq!(siblings(10, 0).count(), 0);
}

#[test]
fn a_cover_is_of_the_largest_subtrees() {
    assert_eq!(cover(0, 13).collect::<Vec<_>>(), [7, 19, 24]);
    assert_eq!(cover(1, 8).collect::<Vec<_>>(), [2, 5, 11]);
    assert_eq!(cover(4, 4).count(), 0);
}

#[test]
fn a_subtree_contains_its_blocks() {
    let below: Vec<u64> = (0..16).filter(|block| contains(19, *block)).collect();
    assert_eq!(below, [8, 9, 10, 11]);
}
