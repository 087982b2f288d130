//! Finds the one change that repairs a broken invite.
//!
//! A wrong candidate passes the CRC-32 with a probability of 2⁻³², and there are at most 256 × 31
//! + 255 = 8,191 candidates. So a single match is almost certainly the intended invite.

use zeroize::Zeroizing;

use super::ALPHABET;
use super::decode::{check_length, decode};
use super::fix::{Fix, Repair};
use super::input::Symbols;

/// Tries every symbol at the position of the invalid character.
pub(super) fn replace(symbols: &Symbols, position: usize) -> Option<Repair> {
    check_length(symbols.len()).ok()?;
    let index = symbols.index(position)?;
    only(replacements(symbols, index))
}

/// Tries every symbol at every position, and every swap of neighbours.
pub(super) fn search(symbols: &Symbols) -> Option<Repair> {
    let replaced = (0..symbols.len()).flat_map(|index| replacements(symbols, index));
    let swapped = (1..symbols.len()).filter_map(|index| swap(symbols, index));
    only(replaced.chain(swapped))
}

fn replacements(symbols: &Symbols, index: usize) -> impl Iterator<Item = Repair> {
    let mut bytes = Zeroizing::new(symbols.as_bytes().to_vec());
    let found = symbols.char(index);
    let position = symbols.position(index);
    ALPHABET.chars().filter_map(move |right| {
        bytes[index] = right as u8;
        let invite = decode(&bytes).ok().filter(|_| right != found)?;
        Some(Repair { fix: Fix::Replace { position, found, right }, invite })
    })
}

fn swap(symbols: &Symbols, index: usize) -> Option<Repair> {
    let mut bytes = Zeroizing::new(symbols.as_bytes().to_vec());
    bytes.swap(index - 1, index);
    let invite = decode(&bytes).ok()?;
    let (position, second) = (symbols.position(index - 1), symbols.position(index));
    Some(Repair { fix: Fix::Swap { position, second }, invite })
}

/// Returns the candidate if there is exactly one. Of several, none is used.
pub(super) fn only(mut candidates: impl Iterator<Item = Repair>) -> Option<Repair> {
    let first = candidates.next()?;
    candidates.all(|other| other.invite == first.invite).then_some(first)
}
