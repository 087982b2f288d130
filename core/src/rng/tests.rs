use alloc::format;

use super::*;

#[test]
fn a_seed_always_gives_the_same_bytes() {
    let mut rng = Rng::new([0; 32]);
    // The first block of ChaCha20 under the zero key and nonce (draft-strombergson, TC1).
    let expected = [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90];
    assert_eq!(rng.array::<8>(), expected);
    assert_eq!(Rng::new([1; 32]).u64(), Rng::new([1; 32]).u64());
    assert_ne!(Rng::new([1; 32]).u64(), Rng::new([2; 32]).u64());
}

#[test]
fn bytes_do_not_depend_on_how_they_are_drawn() {
    let whole = Rng::new([3; 32]).array::<56>();
    let mut parts = Rng::new([3; 32]);
    assert_eq!(parts.array::<32>(), whole[..32]);
    assert_eq!(parts.array::<24>(), whole[32..]);
}

#[test]
fn a_child_has_another_sequence_than_its_parent() {
    let mut parent = Rng::new([4; 32]);
    let mut child = parent.child();
    let after = parent.u64();
    assert_ne!(child.u64(), after);

    let mut again = Rng::new([4; 32]);
    let mut other = again.child();
    other.array::<100>();
    assert_eq!(again.u64(), after, "draws of a child do not affect its parent");
}

#[test]
fn a_parent_is_reseeded_after_each_child() {
    let mut parent = Rng::new([4; 32]);
    let stream = Rng::new([4; 32]).array::<96>();
    let seed = |at: usize| <[u8; 32]>::try_from(&stream[at..at + 32]).unwrap();
    assert_eq!(parent.child().u64(), Rng::new(seed(0)).u64());
    assert_eq!(parent.u64(), Rng::new(seed(32)).u64());
}

#[test]
fn below_stays_below_and_reaches_everything() {
    let mut rng = Rng::new([5; 32]);
    let mut seen = [0u32; 7];
    for _ in 0..7_000 {
        seen[rng.below(7) as usize] += 1;
    }
    assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
    assert_eq!(rng.below(0), 0);
    assert_eq!(rng.below(1), 0);
    assert!((0..1_000).all(|_| rng.below(u64::MAX) < u64::MAX));
    assert!((0..1_000).all(|_| rng.below((1 << 63) + 1) <= 1 << 63));
}

#[test]
fn below_is_unbiased() {
    // Plain modulo of 2^64 values by 3 * 2^62 would give a third of the numbers twice the weight.
    let mut rng = Rng::new([6; 32]);
    let thirds = (0..3_000).filter(|_| rng.below(3 << 62).is_multiple_of(3)).count();
    assert!((900..1_100).contains(&thirds), "{thirds}");
}

#[test]
fn debug_output_hides_the_seed() {
    assert_eq!(format!("{:?}", Rng::new([7; 32])), "Rng(..)");
}
