//! BLAKE2b-256 in the shapes that Hypercore gives it.
//!
//! Rule: inputs of different kinds differ in their first byte or in the key, never only in length.

use blake2::{
    Blake2b, Blake2bMac,
    digest::{Digest, FixedOutput, Update, consts::U32},
};

/// A BLAKE2b-256 hash.
pub type Hash = [u8; 32];

/// Tells a leaf, a parent and a set of roots apart: RFC 6962 against second preimages, as in
/// hypercore-crypto `index.js`.
const LEAF: u8 = 0;
const PARENT: u8 = 1;
const ROOTS: u8 = 2;

/// Hashes the concatenation of `parts`.
pub fn blake2b(parts: &[&[u8]]) -> Hash {
    let mut state = Blake2b::<U32>::new();
    for part in parts {
        Digest::update(&mut state, part);
    }
    state.finalize().into()
}

/// Hashes the concatenation of `parts` under a key of 1 to 64 bytes; another length does not
/// compile.
pub fn keyed<const N: usize>(key: &[u8; N], parts: &[&[u8]]) -> Hash {
    const { assert!(N > 0 && N <= 64, "a BLAKE2b key has 1 to 64 bytes") };
    // The length of the key is its only way to fail, and that was just settled.
    let mut state = Blake2bMac::<U32>::new_with_salt_and_personal(key, &[], &[])
        .expect("a key of 1 to 64 bytes");
    for part in parts {
        Update::update(&mut state, part);
    }
    state.finalize_fixed().into()
}

/// Derives the namespace `index` of `name`: hypercore-crypto `namespace`.
pub fn namespace(name: &str, index: u8) -> Hash {
    blake2b(&[&blake2b(&[name.as_bytes()]), &[index]])
}

/// Hashes one block of a feed. The block's length in bytes is a part of it.
pub fn leaf(block: &[u8]) -> Hash {
    let mut state = Blake2b::<U32>::new();
    let mut head = [0; 9];
    head[0] = LEAF;
    head[1..].copy_from_slice(&(block.len() as u64).to_le_bytes());
    Digest::update(&mut state, head);
    Digest::update(&mut state, block);
    state.finalize().into()
}

/// Hashes two sibling nodes that span `byte_length` bytes together. `left` has the lower index.
pub fn parent(byte_length: u64, left: &Hash, right: &Hash) -> Hash {
    let mut input = [0; 73];
    input[0] = PARENT;
    input[1..9].copy_from_slice(&byte_length.to_le_bytes());
    input[9..41].copy_from_slice(left);
    input[41..].copy_from_slice(right);
    Blake2b::<U32>::digest(input).into()
}

/// Hashes the roots of a tree, each as (hash, index in the flat tree, bytes below it), in the
/// order of their indices. This is what a feed's signature covers.
#[doc(alias = "treeHash")]
pub fn tree(roots: impl IntoIterator<Item = (Hash, u64, u64)>) -> Hash {
    let mut state = Blake2b::<U32>::new();
    Digest::update(&mut state, [ROOTS]);
    for (hash, index, byte_length) in roots {
        Digest::update(&mut state, hash);
        Digest::update(&mut state, index.to_le_bytes());
        Digest::update(&mut state, byte_length.to_le_bytes());
    }
    state.finalize().into()
}

/// Names the feed of `key` towards those who do not know the key.
#[doc(alias = "discoveryKey")]
pub fn discovery_key(key: &[u8; 32]) -> Hash {
    keyed(key, &[b"hypercore"])
}

#[cfg(test)]
mod tests;
