use super::*;

#[test]
fn equal_values_share_memory() {
    let mut values = Values::default();
    let (first, second) = (Bytes::from(vec![1; 9]), Bytes::from(vec![1; 9]));
    assert_eq!(values.share(&first).as_ptr(), first.as_ptr());
    assert_eq!(values.share(&second).as_ptr(), first.as_ptr());
    assert_eq!(values.share(&Bytes::from(vec![2; 9])), vec![2; 9]);
}

#[test]
fn a_hash_collision_does_not_mix_up_values() {
    let mut values = Values::default();
    let (value, other) = (Bytes::from_static(b"value"), Bytes::from_static(b"other"));
    values.share(&value);
    values.known.values_mut().for_each(|known| *known = other.clone());
    assert_eq!(values.share(&value), value);
}

#[test]
fn remembered_values_are_bounded() {
    let mut values = Values::default();
    for number in 0..=VALUES_MAX as u64 {
        values.share(&Bytes::copy_from_slice(&number.to_le_bytes()));
        assert!(values.known.len() <= VALUES_MAX);
    }
}
