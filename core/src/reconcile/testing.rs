//! Test items, equal to those of the model in `tests/golden/generate/reconcile.py`, and the results
//! of the model.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::token::{Item, Salt, Token};
use crate::crypto::hash::{Hash, blake2b};

/// The rows of a golden table.
pub(crate) fn golden(table: &str) -> Vec<Value> {
    let text = include_str!("../../../tests/golden/reconcile.json");
    let mut all: Value = serde_json::from_str(text).unwrap();
    serde_json::from_value(all[table].take()).unwrap()
}

/// Lower-case hex, as in the golden file.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

pub(crate) fn discovery_key(number: u64) -> Hash {
    blake2b(&[b"feed", &number.to_le_bytes()])
}

pub(crate) fn key_item(number: u64) -> Item {
    Item::Key(discovery_key(number))
}

pub(crate) fn handshake_hash() -> [u8; 64] {
    core::array::from_fn(|at| at as u8)
}

pub(crate) fn group_salt() -> Salt {
    Salt::group(&core::array::from_fn(|at| at as u8))
}

/// Tokens of the keys with these numbers.
pub(crate) fn tokens(salt: Salt, numbers: impl IntoIterator<Item = u64>) -> Vec<Token> {
    numbers.into_iter().map(|number| salt.token(&key_item(number))).collect()
}
