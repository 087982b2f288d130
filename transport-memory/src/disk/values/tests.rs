use super::*;

#[test]
fn equal_values_are_in_memory_once_and_others_are_not_touched() {
    let mut values = Values::default();
    let (first, second) = (Bytes::from(vec![1; 9]), Bytes::from(vec![1; 9]));
    assert_eq!(values.share(&first).as_ptr(), first.as_ptr());
    assert_eq!(values.share(&second).as_ptr(), first.as_ptr());
    assert_eq!(values.share(&Bytes::from(vec![2; 9])), vec![2; 9]);
}

#[test]
fn a_value_with_the_hash_of_another_stays_itself() {
    let mut values = Values::default();
    let (value, other) = (Bytes::from_static(b"value"), Bytes::from_static(b"other"));
    values.share(&value);
    values.known.values_mut().for_each(|known| *known = other.clone());
    assert_eq!(values.share(&value), value);
}

#[test]
fn values_are_bounded() {
    let mut values = Values::default();
    for number in 0..=VALUES_MAX as u64 {
        values.share(&Bytes::copy_from_slice(&number.to_le_bytes()));
        assert!(values.known.len() <= VALUES_MAX);
    }
}
