use bytes::Bytes;

use super::*;

fn key(index: u8) -> StoreKey {
    StoreKey::from_bytes([index; 13])
}

#[test]
fn a_read_waits_for_the_group_only_if_it_touches_a_written_key() {
    let mut group = Group::default();
    assert!(!group.writes_any_of(&[key(4)]));
    group.add_keys(&[Write::Put(key(4), Bytes::new()), Write::Delete(key(7))]);
    assert!(group.writes_any_of(&[key(1), key(4)]), "a put");
    assert!(group.writes_any_of(&[key(7)]), "a delete");
    assert!(!group.writes_any_of(&[key(5), key(6)]));
    assert!(!group.writes_any_of(&[]));

    let overlaps = |from, until| {
        let (from, until) = (key(from), key(until));
        group.writes_any_in(&Scan { from, until, entries_max: 1, bytes_max: 1 })
    };
    assert!(overlaps(0, 9));
    assert!(overlaps(4, 5));
    assert!(overlaps(5, 8));
    assert!(!overlaps(5, 7), "the end is exclusive");
    assert!(!overlaps(0, 4));
    assert!(!overlaps(8, 9));
    assert!(!overlaps(9, 0));
}
