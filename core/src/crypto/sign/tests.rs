use alloc::format;

use proptest::prelude::*;

use super::*;

#[test]
fn debug_shows_no_secret_and_a_short_key() {
    let pair = KeyPair::from_seed(&[7; 32]);
    assert_eq!(format!("{pair:?}"), "KeyPair(PublicKey(ea4a6c63…), ..)");
    assert_eq!(format!("{:?}", Signature([1; 64])), "Signature(01010101…)");
}

#[test]
fn keys_and_signatures_are_raw_bytes_in_a_message() {
    let pair = KeyPair::from_seed(&[7; 32]);
    let signature = pair.sign(b"block");
    let bytes = postcard::to_allocvec(&(pair.public_key(), signature)).unwrap();
    assert_eq!(bytes, [&pair.public_key().0[..], &signature.0].concat());
    assert_eq!(postcard::from_bytes(&bytes), Ok((pair.public_key(), signature)));
}

#[test]
fn a_small_order_key_verifies_nothing() {
    // Under the lax rule, the neutral element as key accepts R = B·s for any s, here s = 0.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(!verify(&PublicKey(neutral), b"anything", &Signature(signature)));
}

#[test]
fn a_non_canonical_signature_is_rejected() {
    let pair = KeyPair::from_seed(&[1; 32]);
    let mut signature = pair.sign(b"block");
    assert!(verify(&pair.public_key(), b"block", &signature));
    // s + l, the same number modulo the group's order.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in signature.0[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(!verify(&pair.public_key(), b"block", &signature));
}

proptest! {
    #[test]
    fn a_signature_is_valid_only_for_its_message(
        seed: [u8; 32],
        message in prop::collection::vec(any::<u8>(), 1..100),
        at: prop::sample::Index,
    ) {
        let pair = KeyPair::from_seed(&seed);
        let signature = pair.sign(&message);
        prop_assert!(verify(&pair.public_key(), &message, &signature));
        let mut other = message.clone();
        other[at.index(message.len())] ^= 1;
        prop_assert!(!verify(&pair.public_key(), &other, &signature));
        let mut forged = signature;
        forged.0[at.index(64)] ^= 1;
        prop_assert!(!verify(&pair.public_key(), &message, &forged));
    }

    #[test]
    fn any_bytes_may_be_verified(key: [u8; 32], low: [u8; 32], high: [u8; 32]) {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&low);
        signature[32..].copy_from_slice(&high);
        prop_assert!(!verify(&PublicKey(key), b"message", &Signature(signature)));
    }
}

#[test]
fn a_pair_is_generated_from_the_bytes_of_its_generator() {
    let mut rng = crate::rng::Rng::new([1; 32]);
    let [one, two] = [KeyPair::generate(&mut rng), KeyPair::generate(&mut rng)];
    assert_ne!(one.public_key(), two.public_key());
    let seed = crate::rng::Rng::new([1; 32]).array();
    assert_eq!(one.public_key(), KeyPair::from_seed(&seed).public_key());
}
