use super::*;
use crate::MemoryStore;

fn key(index: u8) -> StoreKey {
    StoreKey::from_bytes([index; 13])
}

fn put(index: u8) -> Vec<Write> {
    vec![Write::Put(key(index), Bytes::from_static(&[0b1010]))]
}

fn kind<T: std::fmt::Debug>(result: Result<T, Failure>) -> FailureKind {
    result.unwrap_err().kind()
}

#[test]
fn a_failed_commit_closes_the_store_and_may_be_durable_in_part() {
    for (outcome, kept) in
        [(CommitOutcome::Lost, 0), (CommitOutcome::Kept(1), 1), (CommitOutcome::Kept(9), 2)]
    {
        let mut store = FaultStore::new(MemoryStore::new());
        store.fail_commit(FailureKind::Full, outcome);
        assert_eq!(kind(store.commit(&[&put(1), &put(2)])), FailureKind::Full);
        assert_eq!(kind(store.commit(&[&put(3)])), FailureKind::Closed);
        assert_eq!(kind(store.read(&[key(1)])), FailureKind::Closed);
        store.reopen();
        assert_eq!(store.inner().len(), kept);
        store.commit(&[&put(3)]).unwrap();
    }
}

#[test]
fn a_read_fault_fires_once() {
    let mut store = FaultStore::new(MemoryStore::new());
    store.fail_read(FailureKind::Io);
    assert_eq!(kind(store.read(&[])), FailureKind::Io);
    assert_eq!(store.read(&[key(1)]).unwrap(), [None]);
}

#[test]
fn a_corrupt_bit_is_read_flipped_until_the_key_is_written() {
    let mut store = FaultStore::new(MemoryStore::new());
    store.commit(&[&put(1), &put(2)]).unwrap();
    store.corrupt(key(1), 8);
    store.corrupt(key(3), 0);
    let read = |store: &FaultStore<_>| store.read(&[key(1), key(2), key(3)]).unwrap();
    let value = |byte: u8| Some(Bytes::from(vec![byte]));
    assert_eq!(read(&store), [value(0b1011), value(0b1010), None]);
    let scan = Scan { from: key(1), until: key(9), entries_max: 1, bytes_max: 9 };
    assert_eq!(store.scan(&scan).unwrap(), [(key(1), Bytes::from_static(&[0b1011]))]);
    store.commit(&[&put(1)]).unwrap();
    assert_eq!(read(&store), [value(0b1010), value(0b1010), None]);
}
