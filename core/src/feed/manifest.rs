//! Derives a feed's key and the bytes that its author signs: hypercore 11's manifest, version 1,
//! with one Ed25519 signer and the group's namespace (hypercore `lib/verifier.js`,
//! `lib/messages.js`).
//!
//! Rule: only this file knows how a key is derived from a public key, and what a signature covers.

use serde::{Deserialize, Serialize};

use crate::crypto::hash::{self, Hash};
use crate::crypto::sign::{KeyPair, PublicKey, Signature};
use crate::crypto::{SignatureMemo, verify_once};
use crate::id::FeedKey;
use crate::wire::codec::Reader;
use crate::wire::hypercore::Manifest;

/// How a feed's key is derived from its author's public key, which also determines what its author
/// signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// From a manifest with our group's namespace.
    #[default]
    Group,
    /// From a manifest with another namespace, such as hypercore 11's default.
    Namespace([u8; 32]),
    /// The key is the public key, as in hypercore 10.
    Compat,
}

/// Length of a manifest with one signer, in bytes.
pub const MANIFEST_BYTES: usize = Manifest::BYTES;

/// `hash::namespace("hypercore", 0)`, under which heads are signed. Both constants are
/// precomputed because every head and every new feed needs one.
const TREE: Hash = [
    0x9f, 0xac, 0x70, 0xb5, 0x0c, 0xa1, 0x4e, 0xfc, 0x4e, 0x91, 0xc8, 0x33, 0xb2, 0x04, 0xe7, 0x5b,
    0x8b, 0x5a, 0xad, 0x8b, 0x58, 0x81, 0xbf, 0xc0, 0xad, 0xb5, 0xef, 0x38, 0xa3, 0x27, 0x5b, 0x9c,
];

/// `hash::namespace("hypercore", 3)`, under which manifests are hashed.
const MANIFEST: Hash = [
    0xe6, 0x4b, 0x71, 0x08, 0xea, 0xcc, 0xe4, 0x7c, 0xfc, 0x61, 0xac, 0x85, 0x05, 0x68, 0xf5, 0x5f,
    0x8b, 0x15, 0xb8, 0x2e, 0xc5, 0xed, 0x78, 0xc4, 0xec, 0x59, 0x7b, 0x03, 0x6e, 0x2a, 0x14, 0x98,
];

/// The manifest of `public_key`'s feed in the group of `feed_namespace`, as hypercore encodes it.
///
/// Version 1, no flags, hash BLAKE2b, quorum 1, 1 signer: Ed25519, namespace, public key.
pub fn manifest(feed_namespace: &[u8; 32], public_key: &PublicKey) -> [u8; MANIFEST_BYTES] {
    Manifest { namespace: *feed_namespace, public_key: public_key.0 }.encode()
}

/// The key of `public_key`'s feed in the group of `feed_namespace`.
#[doc(alias = "manifestHash")]
pub fn feed_key(feed_namespace: &[u8; 32], public_key: &PublicKey) -> FeedKey {
    let manifest = manifest(feed_namespace, public_key);
    FeedKey(hash::blake2b(&[&MANIFEST, &manifest]))
}

/// The 112 bytes that an author signs for a head
/// (hypercore `lib/caps.js`, `treeSignable`).
pub fn signable(key: &FeedKey, tree_hash: &Hash, length: u64, fork: u64) -> [u8; 112] {
    let mut bytes = [0; 112];
    bytes[..32].copy_from_slice(&TREE);
    bytes[32..64].copy_from_slice(&key.0);
    bytes[64..96].copy_from_slice(tree_hash);
    bytes[96..104].copy_from_slice(&length.to_le_bytes());
    bytes[104..].copy_from_slice(&fork.to_le_bytes());
    bytes
}

/// The 80 bytes that an author signs if the key is the public key
/// (hypercore `lib/caps.js`, `treeSignableCompat`).
fn signable_compat(tree_hash: &Hash, length: u64, fork: u64) -> [u8; 80] {
    let mut bytes = [0; 80];
    bytes[..32].copy_from_slice(&TREE);
    bytes[32..64].copy_from_slice(tree_hash);
    bytes[64..72].copy_from_slice(&length.to_le_bytes());
    bytes[72..].copy_from_slice(&fork.to_le_bytes());
    bytes
}

/// Signs a head.
pub fn sign(
    key_pair: &KeyPair,
    key: &FeedKey,
    tree_hash: &Hash,
    length: u64,
    fork: u64,
) -> Signature {
    key_pair.sign(&signable(key, tree_hash, length, fork))
}

/// Whether the author signed this head. `memo` is used by simulators only.
pub fn is_signed(
    public_key: &PublicKey,
    key: &FeedKey,
    tree_hash: &Hash,
    head: &super::Head,
    memo: Option<&SignatureMemo>,
) -> bool {
    let signable = signable(key, tree_hash, head.length, head.fork);
    verify_once(memo, public_key, &signable, &head.signature)
}

/// Whether the author signed this head of a feed whose key is the public key.
pub(crate) fn is_signed_compat(
    public_key: &PublicKey,
    tree_hash: &Hash,
    head: &super::Head,
    memo: Option<&SignatureMemo>,
) -> bool {
    let signable = signable_compat(tree_hash, head.length, head.fork);
    verify_once(memo, public_key, &signable, &head.signature)
}

/// Decodes a signature that a peer encoded as [`wire_signature`], or as 64 plain bytes for
/// [`Origin::Compat`]. `None`: it is malformed, or of a signer that the manifest does not have.
pub(crate) fn read_signature(origin: Origin, bytes: &[u8]) -> Option<Signature> {
    let mut reader = Reader::new(bytes);
    if origin != Origin::Compat && (reader.uint().ok()? == 0 || reader.uint().ok()? != 0) {
        return None;
    }
    let signature = reader.array().ok().map(Signature);
    // libsodium accepts exactly 64 bytes. The other form is followed by a patch.
    signature.filter(|_| origin != Origin::Compat || reader.is_empty())
}

/// A signature as hypercore 11 puts it on the wire for a manifest with one signer: 1 signature,
/// of signer 0, the bytes, no patch (hypercore `lib/multisig.js`).
pub fn wire_signature(signature: &Signature) -> [u8; 68] {
    let mut bytes = [0; 68];
    bytes[0] = 1;
    bytes[2..66].copy_from_slice(&signature.0);
    bytes
}

#[cfg(test)]
mod tests;
