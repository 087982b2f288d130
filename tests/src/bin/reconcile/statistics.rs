//! The number of cells per difference, over many decodings.
#![expect(clippy::print_stdout, reason = "the report of this program")]

use multifeed_core::fuzzing::cells_to_decode;
use multifeed_core::rng::Rng;

/// Differences, decodings of each, and the mean number of cells per difference that the design of
/// the mapping found.
const CASES: [(u64, u64, f64); 5] = [
    (10, 40_000, 1.72),
    (100, 8_000, 1.365),
    (1_000, 800, 1.215),
    (10_000, 60, 1.178),
    (100_000, 4, 1.168),
];

/// Prints mean, quantiles and wrong decodings.
pub(crate) fn print() {
    println!("| differences | decodings | mean | expected | off | p50 | p99 | wrong |");
    println!("|{}", "--:|".repeat(8));
    for (difference, runs, expected) in CASES {
        let mut rng = Rng::new([difference as u8; 32]);
        let (mut cells, mut wrong) = (Vec::new(), 0);
        for _ in 0..runs {
            let ids: Vec<u64> = (0..difference).map(|_| rng.u64() >> 28).collect();
            let (needed, is_right) = cells_to_decode(&ids);
            wrong += u64::from(!is_right);
            cells.push(f64::from(needed) / difference as f64);
        }
        cells.sort_by(f64::total_cmp);
        let mean = cells.iter().sum::<f64>() / runs as f64;
        let off = 100.0 * (mean / expected - 1.0);
        let quantile = |hundredths: usize| cells[(cells.len() - 1) * hundredths / 100];
        println!(
            "| {difference} | {runs} | {mean:.3} | {expected:.3} | {off:+.1} % | {:.3} | {:.3} | \
             {wrong} |",
            quantile(50),
            quantile(99)
        );
    }
}
