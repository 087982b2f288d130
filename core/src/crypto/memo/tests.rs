use super::*;
use crate::crypto::sign::KeyPair;

fn triple(block: u32) -> (PublicKey, [u8; 4], Signature) {
    let pair = KeyPair::from_seed(&[7; 32]);
    let message = block.to_le_bytes();
    (pair.public_key(), message, pair.sign(&message))
}

/// Whether the memo saves the verification of a triple.
fn is_known(
    memo: &SignatureMemo,
    (key, message, signature): &(PublicKey, [u8; 4], Signature),
) -> bool {
    memo.knows(&fingerprint(key, message, signature))
}

#[test]
fn a_valid_signature_is_checked_once() {
    let (memo, it) = (SignatureMemo::new(), triple(1));
    assert!(!is_known(&memo, &it));
    assert!(verify_once(Some(&memo), &it.0, &it.1, &it.2));
    assert!(is_known(&memo, &it) && is_known(&memo.clone(), &it));
    assert!(verify_once(Some(&memo), &it.0, &it.1, &it.2));
}

#[test]
fn a_forged_signature_fails_despite_a_valid_entry_and_is_not_cached() {
    let (memo, it) = (SignatureMemo::new(), triple(1));
    assert!(verify_once(Some(&memo), &it.0, &it.1, &it.2));
    for bit in 0..512 {
        let mut forged = it;
        forged.2.0[bit / 8] ^= 1 << (bit % 8);
        for _ in 0..2 {
            assert!(!verify_once(Some(&memo), &forged.0, &forged.1, &forged.2), "bit {bit}");
        }
        assert!(!is_known(&memo, &forged));
    }
    let other = KeyPair::from_seed(&[8; 32]).public_key();
    assert!(!verify_once(Some(&memo), &other, &it.1, &it.2), "another key");
    assert!(!verify_once(Some(&memo), &it.0, &[9; 4], &it.2), "another message");
}

#[test]
fn own_signatures_are_cached_as_valid() {
    let (memo, it) = (SignatureMemo::new(), triple(1));
    remember_own(Some(&memo), &it.0, &it.1, &it.2);
    assert!(is_known(&memo, &it));
}

#[test]
fn a_memo_is_bounded_and_forgets_the_oldest_of_a_set() {
    let memo = SignatureMemo::new();
    assert_eq!(memo.sets.len() * WAYS, SIGNATURES_REMEMBERED_MAX);
    let of_one_set = |number: u32| [5, number, 0, 0, 0, 0, 0, 0];
    for number in 0..=WAYS as u32 {
        memo.remember(&of_one_set(number));
    }
    assert!(!memo.knows(&of_one_set(0)));
    assert!((1..=WAYS as u32).all(|number| memo.knows(&of_one_set(number))));
}
