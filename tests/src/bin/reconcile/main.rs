//! Measures reconciliation, and in the same run what else there is: `reconcile [--json]`.
//!
//! A table in Markdown, or a JSON object a line. Bytes go both ways and include the missing keys;
//! times are the least of some runs, on one thread, of both sides together. The last rows are whole
//! connections, with handshakes and blocks. With `--statistics` it
//! prints how many cells a difference takes instead.

mod drive;
mod rival;
mod row;
mod statistics;
mod whole;

use std::hint::black_box;
use std::time::Instant;

use drive::Pair;
use multifeed_core::rng::Rng;
use peak_alloc::PeakAlloc;
use row::{Row, Style};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Feeds that only the initiator holds, only the responder, and that are longer at one.
type Difference = (usize, usize, usize);

/// Whether two sides remember each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Acquaintance {
    Known,
    Unknown,
}

const DIFFERENCES: [Difference; 12] = [
    (0, 0, 0),
    (0, 1, 0),
    (1, 0, 0),
    (5, 5, 0),
    (0, 10, 0),
    (50, 50, 0),
    (0, 100, 0),
    (500, 500, 0),
    (5_000, 5_000, 0),
    (0, 0, 10),
    (0, 0, 1_000),
    (5, 5, 10),
];

/// What has changed since two sides that know each other met.
const KNOWN_DIFFERENCES: [Difference; 4] = [(0, 0, 10), (0, 0, 1_000), (5, 5, 0), (5, 5, 10)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let style = match arguments.iter().any(|argument| argument == "--json") {
        true => Style::Json,
        false => Style::Markdown,
    };
    if arguments.iter().any(|argument| argument == "--statistics") {
        statistics::print();
        return;
    }
    Row::head(style);
    for feeds in [1_000, 10_000, 100_000, 1_000_000] {
        sets_of(feeds, style);
    }
    for (what, bytes) in whole::connections() {
        row::print_connection(style, what, bytes);
    }
}

/// All rows for sets of so many feeds.
fn sets_of(feeds: usize, style: Style) {
    let before = MEMORY.current_usage();
    let mut pair = Pair::of(feeds);
    let bytes = MEMORY.current_usage() - before;
    let rival = rival::Storage::of(&pair);
    for difference in DIFFERENCES {
        let (one, two, changed) = difference;
        if one + two + changed > feeds / 4 {
            continue;
        }
        let acquaintance = Acquaintance::Unknown;
        let measured = pair.measure(difference, acquaintance);
        let rival = (changed == 0).then(|| rival.measure(difference));
        Row { feeds, difference, acquaintance, measured, rival }.print(style);
    }
    for difference in KNOWN_DIFFERENCES {
        if difference.2 <= feeds / 4 {
            let acquaintance = Acquaintance::Known;
            let measured = pair.measure(difference, acquaintance);
            Row { feeds, difference, acquaintance, measured, rival: None }.print(style);
        }
    }
    let (insert_ns, fold_ns) = inserts(&mut pair);
    row::print_upkeep(style, feeds, insert_ns, fold_ns, bytes as f64 / (2 * feeds) as f64);
}

/// What a feed costs to insert: into tokens, sketches and indices of both sets; and into both
/// roots.
fn inserts(pair: &mut Pair) -> (f64, f64) {
    const FEEDS: u32 = 500;
    let mut chance = Rng::new([77; 32]);
    let (mut insert, mut fold) = (f64::MAX, f64::MAX);
    for _ in 0..40 {
        let keys: Vec<[u8; 32]> = (0..FEEDS).map(|_| chance.array()).collect();
        let [side, _] = pair.sides();
        side.fold();
        let start = Instant::now();
        keys.iter().for_each(|key| side.insert(black_box(*key), 7));
        let inserted = Instant::now();
        side.fold();
        let per_feed = |time: std::time::Duration| time.as_nanos() as f64 / f64::from(FEEDS);
        insert = insert.min(per_feed(inserted - start));
        fold = fold.min(per_feed(inserted.elapsed()));
        keys.iter().for_each(|_| side.pop());
    }
    (insert, fold)
}
