use std::vec::Vec;

use serde_json::Value;

use super::*;
use crate::reconcile::testing::{discovery_key, golden, handshake_hash, key_item};
use crate::wire::slice::TOKEN_MAX;

fn salts() -> [Salt; 2] {
    let group_key = core::array::from_fn(|at| at as u8);
    [Salt::group(&group_key), Salt::fresh(&handshake_hash(), 1)]
}

#[test]
fn tokens_match_the_golden_file() {
    let rows = golden("tokens").into_iter().map(|row| (key_item(number(&row, "number")), row));
    let heads = golden("heads").into_iter().map(|row| {
        let [feed, length, fork] = ["number", "length", "fork"].map(|name| number(&row, name));
        (Item::Head(discovery_key(feed), length, fork), row)
    });
    let [group, fresh] = salts();
    let mut count = 0;
    for (item, row) in rows.chain(heads) {
        assert_eq!(group.token(&item).bits(), number(&row, "group"), "{row}");
        assert_eq!(fresh.token(&item).bits(), number(&row, "fresh"), "{row}");
        count += 1;
    }
    assert_eq!(count, 23);
}

fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap()
}

#[test]
fn every_attempt_has_its_own_salt() {
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
fn only_a_cell_with_one_token_yields_it() {
    let [salt, _] = salts();
    let tokens: Vec<Token> = (0..1_000).map(|index| salt.token(&key_item(index))).collect();
    assert!(tokens.iter().all(|token| Token::of_cell(token.bits()) == Some(*token)));
    assert!(tokens.iter().all(|token| token.bits() <= TOKEN_MAX));
    // A linear check would accept every sum of three tokens.
    let sums = tokens.windows(3).map(|three| three.iter().fold(0, |sum, one| sum ^ one.bits()));
    let shown = sums.filter(|sum| Token::of_cell(*sum).is_some()).count();
    assert!(shown <= 3, "{shown} of 998, where 1 in 4,096 is expected");
}

#[test]
fn narrow_ids_collide() {
    let salt = salts()[0].narrow(20);
    assert!((0..1_000).all(|index| salt.token(&key_item(index)).id().trailing_zeros() >= 16));
}
