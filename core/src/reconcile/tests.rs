//! What the algebra costs. The rest of this room is tested beside its files.

use std::hint::black_box;
use std::println;
use std::time::Instant;

use super::changes::{Toggle, Toggles};
use super::decoder::Decoder;
use super::root::Root;
use super::sketch::{CELLS_MAX, Sketch};
use super::testing::{group_salt, key_item};
use super::token::Token;
use crate::chance::Chance;

/// Nanoseconds of each of `times`, the least of five runs.
fn cost(times: u64, mut run: impl FnMut()) -> u64 {
    let runs = (0..5).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_nanos() as u64 / times
    });
    runs.min().unwrap_or_default()
}

#[test]
#[ignore = "prints times: cargo test --release -- --ignored --nocapture prints_the_costs"]
#[expect(clippy::print_stdout, reason = "it is there to be read")]
fn prints_the_costs() {
    const TIMES: u64 = 10_000;
    let salt = group_salt();
    let items: std::vec::Vec<_> = (0..TIMES).map(key_item).collect();
    let token = cost(TIMES, || {
        items.iter().for_each(|item| _ = black_box(salt.token(item)));
    });
    println!("token: {token} ns");

    let tokens: std::vec::Vec<Token> = items.iter().map(|item| salt.token(item)).collect();
    for items in [500, 8_000, 1_000_000] {
        let mut sketch = Sketch::for_items(items);
        let insert = cost(TIMES, || tokens.iter().for_each(|token| sketch.insert(*token)));
        println!("insert into {} cells: {insert} ns", sketch.cells());
    }

    let mut root = Root::empty();
    let put_off = cost(1_000, || items[..1_000].iter().for_each(|item| root.insert(*item)));
    let fold = cost(1_000, || {
        items[..1_000].iter().for_each(|item| root.insert(*item));
        root.fold();
    });
    println!("root, put off: {put_off} ns, folded: {fold} ns");

    let (mut sketch, mut toggles) = (Sketch::for_items(1_000_000), Toggles::default());
    for token in &tokens[..4_000] {
        sketch.insert(*token);
        toggles.push(Toggle::Inserted(*token));
    }
    let undo = cost(4_000, || _ = black_box(sketch.slice(1_000..2_000, &toggles, 0)));
    println!("undoing one change of 1,000 cells: {undo} ns");

    let mut chance = Chance::new([1; 32]);
    for difference in [10u64, 100, 1_000, 10_000, 100_000] {
        let tokens = (0..difference).map(|_| Token::of_id(chance.u64()));
        let sketch = Sketch::of(CELLS_MAX as usize, tokens);
        let end = (difference as u32 * 5 / 2).min(CELLS_MAX);
        let slice = sketch.slice(0..end, &Toggles::default(), 0).expect("nothing changed");
        let decode = cost(difference, || {
            let mut decoder = Decoder::default();
            decoder.extend(&slice).expect("cells of tokens");
            black_box(decoder.len());
        });
        println!("decoding one of {difference}: {decode} ns");
    }
}
