use bytes::Bytes;

use super::*;

fn key(index: u8) -> StoreKey {
    StoreKey::from_bytes([index; 13])
}

#[test]
fn a_read_waits_for_a_group_only_where_they_meet() {
    let mut touched = Touched::default();
    assert!(!touched.any_of(&[key(4)]));
    touched.add(&[Write::Put(key(4), Bytes::new()), Write::Delete(key(7))]);
    assert!(touched.any_of(&[key(1), key(4)]), "a put");
    assert!(touched.any_of(&[key(7)]), "a delete");
    assert!(!touched.any_of(&[key(5), key(6)]));
    assert!(!touched.any_of(&[]));

    let meets = |from, until| {
        let (from, until) = (key(from), key(until));
        touched.any_in(&Scan { from, until, entries_max: 1, bytes_max: 1 })
    };
    assert!(meets(0, 9));
    assert!(meets(4, 5));
    assert!(meets(5, 8));
    assert!(!meets(5, 7), "the end is not wanted");
    assert!(!meets(0, 4));
    assert!(!meets(8, 9));
    assert!(!meets(9, 0));
}
