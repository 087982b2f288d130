use proptest::prelude::*;

use super::*;

#[test]
fn parts_are_hashed_as_one() {
    assert_eq!(blake2b(&[b"ab", b"", b"c"]), blake2b(&[b"abc"]));
    assert_eq!(keyed(&[1; 32], &[b"ab", b"c"]), keyed(&[1; 32], &[b"abc"]));
    assert_ne!(keyed(&[1; 32], &[b"abc"]), keyed(&[1; 64], &[b"abc"]));
    assert_ne!(keyed(&[1; 32], &[b"abc"]), blake2b(&[b"abc"]));
}

#[test]
fn blake2b_256_of_nothing() {
    let hash = blake2b(&[]);
    assert_eq!(hash[..8], [0x0e, 0x57, 0x51, 0xc0, 0x26, 0xe5, 0x43, 0xb2]);
}

proptest! {
    #[test]
    fn inputs_are_hashed_as_defined(
        block in prop::collection::vec(any::<u8>(), 0..300),
        byte_length: u64,
        left: [u8; 32],
        right: [u8; 32],
    ) {
        let length = (block.len() as u64).to_le_bytes();
        prop_assert_eq!(leaf(&block), blake2b(&[&[0], &length, &block]));
        let length = byte_length.to_le_bytes();
        prop_assert_eq!(
            parent(byte_length, &left, &right),
            blake2b(&[&[1], &length, &left, &right])
        );
        let root = [left.as_slice(), &7u64.to_le_bytes(), &length].concat();
        let other = [right.as_slice(), &9u64.to_le_bytes(), &length].concat();
        prop_assert_eq!(
            tree([(left, 7, byte_length), (right, 9, byte_length)]),
            blake2b(&[&[2], &root, &other])
        );
    }
}
