use super::*;

#[test]
fn bounds_grow_with_their_causes_only() {
    let idle = Cost { links: 1, seconds: 20, ..Cost::default() };
    assert_eq!(idle.bytes_max(1), 2 * 5 * 20);
    assert_eq!(idle.events_max(1, None), 10);
    let one = Cost { blocks: 1, block_bytes: 1_000, ..idle };
    assert_eq!(one.bytes_max(2) - idle.bytes_max(2), 2 * 1_160);
    assert_eq!(one.events_max(2, None) - idle.events_max(2, None), 10);
    let long = Cost { block_bytes: 10 * PIECE_BYTES_MAX as u64, ..one };
    assert_eq!(long.events_max(2, None) - one.events_max(2, None), 20);
    let lied_to = Cost { adversary_bytes: 5_000, ..idle };
    assert_eq!(lied_to.events_max(2, Some(100)) - idle.events_max(2, Some(100)), 200);
    let greeted = Cost { honest_connections: 1, feeds: 10, ..idle };
    assert_eq!(greeted.bytes_max(1) - idle.bytes_max(1), HELLO_BYTES + 960);
}

#[test]
fn percentage_counts_only_delivered_bytes() {
    let cost = Cost { blocks: 10, block_bytes: 400, bytes: 4_000, ..Cost::default() };
    // Keep-alives of the link, not present here, exceed nothing: the subtraction saturates.
    assert_eq!(cost.percent(), 200);
}
