use std::vec::Vec;

use super::*;
use crate::reconcile::testing::{discovery_key, handshake_hash, key_item};

fn salts() -> [Salt; 2] {
    let group_key = core::array::from_fn(|at| at as u8);
    [Salt::group(&group_key), Salt::fresh(&handshake_hash(), 1)]
}

#[test]
fn tokens_are_those_of_the_model() {
    // From tests/golden/generate/reconcile.py.
    let bits = |item| salts().map(|salt| salt.token(&item).bits());
    assert_eq!(bits(key_item(0)), [0xda_9642_ef43_8859, 0x3a_d944_1282_29d4]);
    assert_eq!(bits(key_item(1)), [0x12_06ad_ee3a_d80a, 0xcb_f6b2_dece_51ad]);
    assert_eq!(bits(key_item(2)), [0x44_ed8c_f258_b81e, 0xf5_1304_b3ae_0072]);
    let [group, fresh] = salts();
    let (short, long) =
        (Item::Head(discovery_key(0), 7, 0), Item::Head(discovery_key(0), 1 << 40, 3));
    assert_eq!(group.token(&short).bits(), 0xee_d222_a84d_9cbd);
    assert_eq!(fresh.token(&long).bits(), 0xe7_f606_5e31_4d1a);
}

#[test]
fn every_attempt_has_its_salt() {
    let token = |attempt| Salt::fresh(&handshake_hash(), attempt).token(&key_item(0));
    assert_ne!(token(0), token(1));
    assert_ne!(Salt::fresh(&[0; 64], 0).token(&key_item(0)), token(0));
}

#[test]
fn an_empty_cell_holds_no_token() {
    assert_eq!(Token::of_cell(0), None);
    assert_ne!(Token::of_id(0).bits(), 0);
}

#[test]
fn a_cell_of_one_token_shows_it_and_one_of_more_does_not() {
    let [salt, _] = salts();
    let tokens: Vec<Token> = (0..1_000).map(|index| salt.token(&key_item(index))).collect();
    assert!(tokens.iter().all(|token| Token::of_cell(token.bits()) == Some(*token)));
    assert!(tokens.iter().all(|token| token.bits() <= TOKEN_MAX));
    // A linear check would let each sum of three through.
    let sums = tokens.windows(3).map(|three| three.iter().fold(0, |sum, one| sum ^ one.bits()));
    let shown = sums.filter(|sum| Token::of_cell(*sum).is_some()).count();
    assert!(shown <= 1, "{shown} of 998, where 1 in 65,536 is expected");
}

#[test]
fn narrow_ids_collide() {
    let salt = salts()[0].narrow(20);
    assert!((0..1_000).all(|index| salt.token(&key_item(index)).id().trailing_zeros() >= 20));
}
