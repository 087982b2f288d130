use super::*;

fn key(number: u8) -> FeedKey {
    FeedKey([number; 32])
}

fn refused() -> Ruling {
    Ruling { decision: Decision::Refused, signed: 0, leaving: None }
}

fn place(write: &Write) -> u32 {
    match write {
        Write::Put(key, _) | Write::Delete(key) => record::slot_of(key),
    }
}

#[test]
fn admission_follows_the_ruling_then_the_default() {
    for (take, unknown) in
        [(Admission::All, KeyRuling::Accepted), (Admission::AcceptedOnly, KeyRuling::Undecided)]
    {
        let mut policy = Policy::new(take);
        assert_eq!(policy.admit(&key(1)), unknown);
        policy.rule(&key(1), refused());
        assert_eq!(policy.admit(&key(1)), KeyRuling::Refused);
        policy.accept(&key(1), 0);
        assert_eq!(policy.admit(&key(1)), KeyRuling::Accepted);
    }
}

#[test]
fn rulings_have_distinct_places_and_a_damaged_one_keeps_its_place() {
    let mut policy = Policy::new(Admission::All);
    policy.load(1, None);
    policy.load(u32::MAX, Some((key(9), refused())));
    let places: BTreeSet<u32> =
        (0..4).map(|number| place(&policy.rule(&key(number), refused()))).collect();
    assert_eq!(places, BTreeSet::from([0, 2, 3, 4]));
    assert!(policy.has_damaged());
    assert_eq!(place(&policy.rule(&key(9), refused())), u32::MAX);
    let freed = place(&policy.accept(&key(2), 0).unwrap());
    assert_eq!(place(&policy.rule(&key(7), refused())), freed);
}

#[test]
fn signed_lengths_are_kept_until_the_blocks_are_held_again() {
    let mut policy = Policy::new(Admission::All);
    policy.rule(&key(1), Ruling { decision: Decision::Removed, signed: 5, leaving: None });
    policy.accept(&key(1), 4);
    assert_eq!(policy.find(&key(1)).unwrap().signed, 5);
    policy.accept(&key(1), 5);
    assert_eq!(policy.find(&key(1)), None);
}

#[test]
fn rulings_are_read_back_and_a_flipped_bit_is_damage() {
    for decision in [Decision::Accepted, Decision::Refused, Decision::Removed] {
        let ruling = Ruling { decision, signed: 7, leaving: Some(3) };
        let value = record::encode_ruling(&key(1), &ruling);
        assert_eq!(record::decode_ruling(&value), Ok((key(1), ruling)));
        let mut bytes = value.to_vec();
        bytes[33] ^= 1;
        assert!(record::decode_ruling(&bytes).is_err());
    }
}
