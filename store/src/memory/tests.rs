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

/// A store with one durable commit and three staged ones, which overwrite each other.
fn staged() -> MemoryStore {
    let mut store = MemoryStore::new();
    store.commit(&[&[put(1, "a"), put(2, "b")]]).unwrap();
    store.stage(&[put(1, "c"), put(1, "d"), put(3, "e")]);
    store.stage(&[Write::Delete(key(1)), Write::Delete(key(9))]);
    store.stage(&[put(1, "f"), Write::Delete(key(2))]);
    store
}

#[test]
fn a_crash_keeps_a_prefix_of_the_staged_commits() {
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
fn synced_commits_survive_a_crash() {
    let mut store = staged();
    store.sync(2);
    assert_eq!(store.staged(), 1);
    assert_eq!(value(&store, 1), Some("f"), "reads see staged commits");
    store.crash(0);
    assert_eq!([1, 2, 3].map(|index| value(&store, index)), [None, Some("b"), Some("e")]);
}

#[test]
fn a_commit_makes_earlier_staged_commits_durable() {
    let mut store = staged();
    store.commit(&[&[put(4, "g")]]).unwrap();
    assert_eq!(store.staged(), 0);
    store.crash(0);
    assert_eq!(value(&store, 1), Some("f"));
}

#[test]
fn a_snapshot_holds_the_durable_commits_only() {
    let mut store = staged();
    let backup = store.snapshot();
    assert_eq!(value(&backup, 1), Some("a"));
    assert_eq!(value(&store, 1), Some("f"), "the store is unchanged");
    store.crash(0);
    assert_eq!(store, backup);
}

#[test]
fn byte_size_is_exact_after_writes_and_crashes() {
    let mut store = staged();
    let counted = |store: &MemoryStore| store.entries.values().map(|v| 13 + v.len()).sum::<usize>();
    assert_eq!(store.byte_size(), counted(&store));
    store.crash(1);
    assert_eq!(store.byte_size(), counted(&store));
    assert_eq!((store.len(), store.byte_size(), store.is_empty()), (3, 42, false));
}
