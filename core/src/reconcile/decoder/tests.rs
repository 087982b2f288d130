use std::collections::BTreeSet;
use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::reconcile::changes::Toggles;
use crate::reconcile::sketch::Sketch;
use crate::reconcile::testing::{group_salt, tokens};
use crate::rng::Rng;
use crate::wire::slice::CELLS_MAX;
use crate::wire::slice::TOKEN_MAX;

/// Cells of a difference, without counts.
fn cells(start: u32, cells: Vec<u64>) -> Slice {
    Slice { start, cells, counts: Vec::new() }
}

/// The cells `start..end` of a sketch of these tokens.
fn difference(tokens: &[Token], start: u32, end: u32) -> Slice {
    let sketch = Sketch::of(CELLS_MAX as usize, tokens.iter().copied());
    sketch.slice(start..end, &Toggles::default(), 0).unwrap()
}

/// Decodes a difference cell by cell after an initial slice, as a session does. With fewer cells,
/// the decoder would mistake 1 in 4,096 sums of tokens for a token.
fn decode(tokens: &[Token]) -> Decoder {
    let mut decoder = Decoder::default();
    let all = difference(tokens, 0, 20 * tokens.len() as u32 + 64);
    let (first, others) = all.cells.split_at(tokens.len().max(32));
    let mut progress = decoder.extend(&cells(0, first.to_vec()));
    for cell in others {
        match progress {
            Ok(Progress::Partial) => {}
            Ok(Progress::Complete) => return decoder,
            Err(error) => panic!("{error:?} with {} tokens", tokens.len()),
        }
        progress = decoder.extend(&cells(decoder.cells(), vec![*cell]));
    }
    panic!("{} tokens are not decoded after 20 cells for each", tokens.len());
}

/// The decoder after the first cells of a difference, in slices of these lengths.
fn in_pieces(tokens: &[Token], cuts: &[u32]) -> Decoder {
    let mut decoder = Decoder::default();
    for cut in cuts {
        let start = decoder.cells();
        decoder.extend(&difference(tokens, start, start + cut)).unwrap();
    }
    decoder
}

/// While cells are missing, the tokens found are a guess that may depend on the slices: a sum looks
/// like a token with probability 1/4,096, and the sums in the cells depend on the order of peeling.
/// No guess may lose a token, and enough cells must correct every guess.
fn assert_cuts_do_not_matter(tokens: &[Token], cuts: &[u32]) {
    let mut pieces = in_pieces(tokens, cuts);
    let end = pieces.cells();
    let mut whole = in_pieces(tokens, &[end]);
    assert_eq!(pieces.was_empty, whole.was_empty);
    assert_eq!(pieces.counts, whole.counts);

    let came = difference(tokens, 0, end);
    let more = difference(tokens, end, end + 20 * tokens.len() as u32 + 64);
    let expected: BTreeSet<Token> = tokens.iter().copied().collect();
    for decoder in [&mut pieces, &mut whole] {
        let found = difference(&decoder.tokens().collect::<Vec<_>>(), 0, end);
        let sums = decoder.cells.iter().zip(&found.cells).map(|(left, found)| left ^ found);
        assert!(
            sums.eq(came.cells.iter().copied()),
            "the cells and the found tokens add up to the input"
        );
        assert_eq!(decoder.extend(&more), Ok(Progress::Complete));
        assert!(decoder.tokens().eq(expected.iter().copied()));
    }
}

proptest! {
    #[test]
    fn every_difference_is_decoded(numbers in prop::collection::btree_set(any::<u64>(), 1..200)) {
        let tokens = tokens(group_salt(), numbers);
        let decoder = decode(&tokens);
        let expected: BTreeSet<Token> = tokens.into_iter().collect();
        prop_assert!(decoder.tokens().eq(expected));
    }

    #[test]
    fn splitting_the_cells_does_not_matter(
        count in 1u64..100,
        cuts in prop::collection::vec(1u32..40, 1..30),
    ) {
        assert_cuts_do_not_matter(&tokens(group_salt(), 0..count), &cuts);
    }

    #[test]
    fn decoding_ends_for_any_cells(
        garbage in prop::collection::vec((0u64..=TOKEN_MAX, any::<bool>()), 1..500),
        cut in 1usize..100,
    ) {
        let cell = |&(bits, is_token): &(u64, bool)| {
            if is_token { Token::of_id(bits).bits() } else { bits }
        };
        let mut decoder = Decoder::default();
        let garbage: Vec<u64> = garbage.iter().map(cell).collect();
        for part in garbage.chunks(cut) {
            let result = decoder.extend(&cells(decoder.cells(), part.to_vec()));
            prop_assert_ne!(result, Err(Undecodable::OutOfPlace));
        }
        assert_bounded(&decoder);
    }
}

fn assert_bounded(decoder: &Decoder) {
    let cells = decoder.cells.len();
    assert!(decoder.peels <= 3 * cells + 64);
    assert!(decoder.found.len() <= decoder.peels);
    assert!(decoder.spent.len() <= 2 * decoder.peels);
    assert!(decoder.queue.len() <= cells);
}

#[test]
fn a_guess_that_depends_on_the_splitting_is_corrected() {
    let tokens = tokens(group_salt(), 0..83);
    let cuts = [23, 37, 30, 4, 16];
    let (pieces, whole) = (in_pieces(&tokens, &cuts), in_pieces(&tokens, &[cuts.iter().sum()]));
    let is_false = |token: &Token| !tokens.contains(token);
    assert_eq!(pieces.tokens().filter(is_false).count(), 1, "cell 0 looks like a token");
    assert_eq!(whole.tokens().filter(is_false).count(), 0, "another order has no false token");
    assert_cuts_do_not_matter(&tokens, &cuts);
}

#[test]
fn cells_out_of_sequence_are_rejected() {
    let mut decoder = Decoder::default();
    decoder.extend(&cells(0, vec![1, 2])).unwrap();
    for start in [0, 1, 3] {
        assert_eq!(decoder.extend(&cells(start, vec![0])), Err(Undecodable::OutOfPlace));
    }
    assert_eq!(decoder.cells(), 2);
}

#[test]
fn equal_sets_are_complete_at_once() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.extend(&cells(0, vec![0; 24])), Ok(Progress::Complete));
    assert_eq!(decoder.len(), 0);
}

#[test]
fn a_token_in_a_foreign_cell_is_not_decoded() {
    let token = Token::of_id(7);
    let own: Vec<u32> = {
        let mut indices = Indices::of(token);
        core::iter::from_fn(|| indices.next_below(100)).collect()
    };
    let foreign = (0..100).find(|index| !own.contains(index)).unwrap();
    let mut garbage = vec![0; 100];
    garbage[foreign as usize] = token.bits();
    let mut decoder = Decoder::default();
    assert_eq!(decoder.extend(&cells(0, garbage)), Ok(Progress::Partial));
    assert_eq!((decoder.len(), decoder.peels), (0, 0));
}

#[test]
fn decoding_ends_with_one_token_in_every_cell() {
    let mut decoder = Decoder::default();
    let copies = vec![Token::of_id(7).bits(); 100_000];
    assert!(decoder.extend(&cells(0, copies)).is_ok_and(|progress| progress == Progress::Partial));
    assert_bounded(&decoder);
}

#[test]
fn decoding_ends_with_another_token_in_each_cell() {
    // Each cell shows a token of its own, and decoding one changes other cells.
    let mut rng = Rng::new([1; 32]);
    let crafted = (0..20_000u32).map(|index| {
        loop {
            let token = Token::of_id(rng.u64());
            let mut indices = Indices::of(token);
            while indices.next_below(index).is_some() {}
            if index > 200 || indices.next_below(index + 1).is_some() {
                return token.bits();
            }
        }
    });
    let mut decoder = Decoder::default();
    let result = decoder.extend(&cells(0, crafted.collect()));
    assert_ne!(result, Ok(Progress::Complete));
    assert_bounded(&decoder);
}

#[test]
fn garbage_yields_almost_no_tokens() {
    let mut rng = Rng::new([2; 32]);
    let garbage = (0..CELLS_MAX).map(|_| rng.u64() & TOKEN_MAX).collect();
    let mut decoder = Decoder::default();
    assert_eq!(decoder.extend(&cells(0, garbage)), Ok(Progress::Partial));
    assert!(decoder.peels < 100, "{}", decoder.peels);
}

fn is_in_cell_1(token: Token) -> bool {
    let mut indices = Indices::of(token);
    indices.next_below(1);
    indices.next_below(2).is_some()
}

/// Three tokens whose sum looks like a token, all four in cell 1. Found by search.
fn false_token(rng: &mut Rng) -> ([Token; 3], Token) {
    loop {
        let three: [Token; 3] = core::array::from_fn(|_| Token::of_id(rng.u64()));
        let sum = three.iter().fold(0, |sum, token| sum ^ token.bits());
        let Some(token) = Token::of_cell(sum) else { continue };
        if is_in_cell_1(token) && three.iter().all(|token| is_in_cell_1(*token)) {
            return (three, token);
        }
    }
}

#[test]
fn a_sum_that_looks_like_a_token_is_restored() {
    let mut rng = Rng::new([3; 32]);
    for more in 2..8 {
        let (three, sum) = false_token(&mut rng);
        let mut tokens = three.to_vec();
        let others = core::iter::repeat_with(|| Token::of_id(rng.u64()));
        tokens.extend(others.filter(|token| !is_in_cell_1(*token)).take(more));
        let all = difference(&tokens, 0, 200);

        let mut decoder = Decoder::default();
        decoder.extend(&cells(0, all.cells[..2].to_vec())).unwrap();
        assert!(decoder.tokens().any(|token| token == sum), "cell 1 shows the sum");
        for (at, cell) in (2..).zip(&all.cells[2..]) {
            decoder.extend(&cells(at, vec![*cell])).unwrap();
        }
        assert!(!decoder.spent.is_empty(), "the sum was restored");
        let expected: BTreeSet<Token> = tokens.iter().copied().collect();
        assert_eq!(decoder.tokens().collect::<BTreeSet<_>>(), expected);
        assert_eq!(decoder.full, 0);
    }
}
