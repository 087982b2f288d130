use super::*;

fn key(index: u8) -> StoreKey {
    StoreKey::from_bytes([index; 13])
}

fn put(index: u8, value: &'static str) -> Write {
    Write::Put(key(index), Bytes::from_static(value.as_bytes()))
}

fn value(store: &MemoryStore, index: u8) -> Option<&str> {
    store.entries.get(&key(index)).map(|value| std::str::from_utf8(value).unwrap())
}

/// Three staged commits over one durable one, which write over each other.
fn staged() -> MemoryStore {
    let mut store = MemoryStore::new();
    store.commit(&[&[put(1, "a"), put(2, "b")]]).unwrap();
    store.stage(&[put(1, "c"), put(1, "d"), put(3, "e")]);
    store.stage(&[Write::Delete(key(1)), Write::Delete(key(9))]);
    store.stage(&[put(1, "f"), Write::Delete(key(2))]);
    store
}

#[test]
fn a_crash_keeps_a_prefix_of_what_was_staged() {
    let left = |keep| {
        let mut store = staged();
        store.crash(keep);
        assert_eq!(store.staged(), 0);
        [1, 2, 3].map(|index| value(&store, index).map(str::to_owned))
    };
    let some = |word: &str| Some(word.to_owned());
    assert_eq!(left(0), [some("a"), some("b"), None]);
    assert_eq!(left(1), [some("d"), some("b"), some("e")]);
    assert_eq!(left(2), [None, some("b"), some("e")]);
    assert_eq!(left(3), [some("f"), None, some("e")]);
    assert_eq!(left(99), left(3));
}

#[test]
fn what_is_synced_survives() {
    let mut store = staged();
    store.sync(2);
    assert_eq!(store.staged(), 1);
    assert_eq!(value(&store, 1), Some("f"), "reads see what is staged");
    store.crash(0);
    assert_eq!([1, 2, 3].map(|index| value(&store, index)), [None, Some("b"), Some("e")]);
}

#[test]
fn a_commit_makes_durable_what_was_staged_before_it() {
    let mut store = staged();
    store.commit(&[&[put(4, "g")]]).unwrap();
    assert_eq!(store.staged(), 0);
    store.crash(0);
    assert_eq!(value(&store, 1), Some("f"));
}

#[test]
fn a_backup_holds_what_is_durable() {
    let mut store = staged();
    let backup = store.snapshot();
    assert_eq!(value(&backup, 1), Some("a"));
    assert_eq!(value(&store, 1), Some("f"), "the store goes on");
    store.crash(0);
    assert_eq!(store, backup);
}

#[test]
fn bytes_are_counted_through_writes_and_crashes() {
    let mut store = staged();
    let counted = |store: &MemoryStore| store.entries.values().map(|v| 13 + v.len()).sum::<usize>();
    assert_eq!(store.byte_size(), counted(&store));
    store.crash(1);
    assert_eq!(store.byte_size(), counted(&store));
    assert_eq!((store.len(), store.byte_size(), store.is_empty()), (3, 42, false));
}
