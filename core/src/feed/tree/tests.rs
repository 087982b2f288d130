use super::*;

fn leaf(block: u64) -> Node {
    Node::leaf(block, &block.to_le_bytes())
}

fn roots(length: u64) -> Vec<Node> {
    let mut fold = Fold::default();
    (0..length).for_each(|block| fold.push(leaf(block), |_| ()).unwrap());
    fold.into_roots()
}

#[test]
fn a_cover_of_a_prefix_equals_the_full_roots_of_flat_tree() {
    for length in 0..300u64 {
        let mut expected = Vec::new();
        flat_tree::full_roots(length * 2, &mut expected);
        assert!(cover(0, length).eq(expected), "length {length}");
    }
}

#[test]
fn span_counts_the_leaves_below() {
    for index in 0..500 {
        assert_eq!(span(index), flat_tree::count_leaves(index));
    }
}

#[test]
fn every_split_folds_to_the_same_roots() {
    let length = 37;
    let mut all = Vec::new();
    let mut fold = Fold::default();
    for block in 0..length {
        all.push(leaf(block));
        fold.push(leaf(block), |made| all.push(*made)).unwrap();
    }
    let find = |index| *all.iter().find(|node| node.index == index).unwrap();
    for start in 0..=length {
        for end in start..=length {
            let mut cut = Fold::default();
            cover(0, start).for_each(|index| cut.push(find(index), |_| ()).unwrap());
            (start..end).for_each(|block| cut.push(leaf(block), |_| ()).unwrap());
            cover(end, length).for_each(|index| cut.push(find(index), |_| ()).unwrap());
            assert_eq!(cut.roots(), fold.roots(), "{start}..{end}");
        }
    }
    assert!(are_roots(fold.roots(), length));
    assert!(!are_roots(fold.roots(), length + 1));
}

#[test]
fn sizes_that_do_not_add_up_are_a_bad_proof() {
    let mut fold = Fold::default();
    let huge = |index| Node { index, size: u64::MAX, hash: [0; 32] };
    fold.push(huge(0), |_| ()).unwrap();
    assert_eq!(fold.push(huge(2), |_| ()), Err(Violation::BadProof));
    let far = |index| Node { index, size: BYTE_LENGTH_MAX, hash: [0; 32] };
    let mut fold = Fold::default();
    fold.push(far(0), |_| ()).unwrap();
    assert_eq!(fold.push(far(2), |_| ()), Err(Violation::BadProof));
    assert!(!are_roots(&[far(1), far(4)], 3));
}

#[test]
fn new_parents_lie_between_the_old_and_the_new_roots() {
    let mut made = Vec::new();
    let mut fold = Fold::of(&roots(3));
    fold.push(leaf(3), |node| made.push(node.index)).unwrap();
    assert_eq!(made, [5, 3]);
}
