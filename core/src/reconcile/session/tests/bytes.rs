//! Checks the bytes of sessions against their budget.

use super::*;

/// Framing of one message.
const FRAME: usize = 3;

/// Bytes of a claim: type, version, flags, number of feeds, epoch and position, and two roots.
pub(super) const HELLO: usize = FRAME + 45;

fn varint(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// One bit of the length says whether a fork other than 0 follows.
fn head(head: &HeadOf) -> usize {
    varint(head.length << 1) + if head.fork > 0 { varint(head.fork) } else { 0 }
}

fn entries(entries: &[Entry]) -> usize {
    varint(entries.len() as u64) + entries.iter().map(|e| 32 + head(&e.head)).sum::<usize>()
}

fn prefixes(prefixes: &[u64], width: u32) -> usize {
    let mut packed = Vec::new();
    rice::encode(prefixes, width, &mut packed);
    let unpacked = rice::decode(&mut packed.as_slice(), prefixes.len(), width);
    assert_eq!(unpacked.as_deref(), Some(prefixes));
    varint(prefixes.len() as u64) + packed.len()
}

/// Bytes of a message to or from a responder with `feeds` feeds.
pub(super) fn of(message: &Message, feeds: u64) -> usize {
    let width = prefix_bits(feeds);
    FRAME
        + match message {
            Message::Cells(_, slice) => {
                let cells = Slice::bytes_of(slice.start, slice.cells.len() as u32);
                1 + varint(slice.start.into()) + cells
            }
            Message::More(_, end) => 1 + varint((*end).into()),
            Message::Different { entries: own, wanted } => entries(own) + prefixes(wanted, width),
            Message::Entries(own) => entries(own),
            Message::Changed { heads, entries: own } => {
                let ids: Vec<u64> = heads.iter().map(|(prefix, _)| *prefix).collect();
                let heads = heads.iter().map(|(_, of)| head(of)).sum::<usize>();
                prefixes(&ids, width) + heads + entries(own)
            }
            Message::Heads(heads) => heads.iter().map(head).sum(),
            Message::Agreed(_) => 8,
            Message::FallBack(_) => 1,
        }
}

/// Bytes in thousandths of the information content of the keys as a set:
/// 32·d - log2(a!·b!)/8 for a and b of them on the two sides.
fn of_bound(bytes: usize, only: [u64; 2]) -> u64 {
    let log2 = |count: u64| (1..=count).map(|factor| (factor as f64).log2()).sum::<f64>();
    let bound = 32.0 * (only[0] + only[1]) as f64 - (log2(only[0]) + log2(only[1])) / 8.0;
    (bytes as f64 / bound * 1_000.0) as u64
}

/// Mean bytes and flights (in tenths) of some sessions between sets of `feeds` feeds. Only feeds
/// that differ are created, because common ones affect neither the difference of two sketches nor
/// that of two roots.
fn mean(feeds: u64, only: [u64; 2], changed: u64, runs: u64) -> (usize, usize) {
    let (mut bytes, mut flights) = (0, 0);
    for seed in 0..runs {
        let mut rng = Rng::new([seed as u8; 32]);
        let [one, two] = sets(&mut rng, changed, only, changed);
        let nodes = nodes([&one, &two], group_salt(), [feeds as usize; 2]);
        let run = run(&nodes[0], &nodes[1], feeds - changed);
        assert_eq!(run.outcome, Outcome::Agreed, "{feeds} feeds, {only:?}, {changed}, {seed}");
        bytes += run.bytes;
        flights += run.flights;
    }
    (bytes / runs as usize, 10 * flights / runs as usize)
}

/// Checks the mean bytes of a case against its maximum.
fn assert_bytes(feeds: u64, only: [u64; 2], changed: u64, runs: u64, bytes_max: usize) {
    let (bytes, flights) = mean(feeds, only, changed, runs);
    let case = std::format!("{feeds} feeds, {only:?} new, {changed} changed");
    assert!(bytes <= bytes_max, "{case}: {bytes} bytes, {bytes_max} allowed");
    assert!(flights <= 110, "{case}: {flights} tenths of flights");
}

#[test]
fn new_feeds_cost_the_bytes_of_the_table() {
    for feeds in [1_000, 1_000_000] {
        assert_bytes(feeds, [0, 1], 0, 8, 400);
        assert_bytes(feeds, [1, 0], 0, 8, 400);
        assert_bytes(feeds, [5, 5], 0, 8, 750);
    }
    let all =
        [(1_000, [50, 50], 1_500), (1_000_000, [50, 50], 1_500), (1_000_000, [500, 500], 1_450)];
    for (feeds, only, share) in all.into_iter().take(cases(2, 3)) {
        let runs = 2_000 / (only[0] + only[1]);
        let (bytes, _) = mean(feeds, only, 0, runs);
        let of_bound = of_bound(bytes, only);
        assert!(of_bound <= share, "{feeds} feeds, {only:?} new: {bytes} bytes, {of_bound}");
    }
}

#[test]
fn new_lengths_cost_the_bytes_of_the_table() {
    assert_bytes(1_000_000, [0, 0], 1, 8, 400);
    assert_bytes(1_000_000, [0, 0], 1_000, 1, 30_000);
}

#[test]
#[ignore = "prints the table: cargo test --release -- --ignored --nocapture prints_the_table"]
#[expect(clippy::print_stdout, reason = "it is there to be read")]
fn prints_the_table() {
    std::println!("feeds, initiator's, responder's, changed: bytes, x bound / changed, flights");
    for feeds in [1_000u64, 10_000, 100_000, 1_000_000] {
        for (only, changed) in [
            ([0, 1], 0),
            ([1, 0], 0),
            ([5, 5], 0),
            ([0, 10], 0),
            ([50, 50], 0),
            ([0, 100], 0),
            ([500, 500], 0),
            ([0, 0], 1),
            ([0, 0], 10),
            ([0, 0], 100),
            ([0, 0], 1_000),
            ([5, 5], 10),
        ] {
            let all = only[0] + only[1] + changed;
            if all > feeds / 2 {
                continue;
            }
            let (bytes, flights) = mean(feeds, only, changed, 20_000 / (all + 100));
            let share = if changed == 0 {
                std::format!("{:.2}x", of_bound(bytes, only) as f64 / 1_000.0)
            } else {
                std::format!("{:.1} B", bytes as f64 / all as f64)
            };
            let flights = flights as f64 / 10.0;
            std::println!("{feeds}, {only:?}, {changed}: {bytes}, {share}, {flights}");
        }
    }
}
