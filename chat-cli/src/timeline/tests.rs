use super::*;
use crate::message;

#[test]
fn new_block_carries_time_and_seen_heads() {
    let head = Head { feed: [7; 32], index: 3, digest: [9; 16] };
    let now = "2026-11-22T08:00:00.123Z".parse().unwrap();
    let block = message::encode(
        &message::Draft { seen: std::slice::from_ref(&head), ..message::Draft::new("ada", "hi") },
        now,
    )
    .unwrap();
    let name = Block { feed: [1; 32], index: 4 };
    let arrived = new_block(&Envelope::Plain, name, &block, &message::decode(&block));
    assert_eq!(arrived.block, name);
    assert_eq!(arrived.claimed_ms, Some(now.as_millisecond()));
    assert_eq!(arrived.seen, [head]);
    assert_eq!(arrived.digest, message::seen::digest(&block));
    let broken = new_block(&Envelope::Plain, name, b"{}", &message::decode(b"{}"));
    assert_eq!((broken.claimed_ms, broken.seen), (None, Vec::new()));
}
