//! The contract of every store, checked against a plain map.

use std::collections::BTreeMap;

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use multifeed_store::{Check, DiskStore, FaultStore, MemoryStore, Scan, Store};
use proptest::collection::vec;
use proptest::prelude::*;

/// A store under test that can be closed and reopened.
trait Subject {
    type Store: Store;
    fn open(&mut self) -> Self::Store;
    fn reopen(&mut self, store: Self::Store) -> Self::Store;
}

struct Memory;

impl Subject for Memory {
    type Store = FaultStore<MemoryStore>;

    fn open(&mut self) -> Self::Store {
        FaultStore::new(MemoryStore::new())
    }

    fn reopen(&mut self, mut store: Self::Store) -> Self::Store {
        store.inner_mut().crash(0);
        store
    }
}

struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Subject for Disk {
    type Store = DiskStore;

    fn open(&mut self) -> Self::Store {
        DiskStore::open(self.0.path().join("feeds"), Check::Full).unwrap()
    }

    fn reopen(&mut self, store: Self::Store) -> Self::Store {
        drop(store);
        self.open()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Vec<Write>>),
    Read(Vec<StoreKey>),
    Scan(Scan),
    Reopen,
}

/// Few distinct keys, so that writes collide.
fn key() -> impl Strategy<Value = StoreKey> {
    (0..3u8, 0..6u8).prop_map(|(kind, index)| named(kind, index))
}

fn named(kind: u8, index: u8) -> StoreKey {
    let mut bytes = [0; 13];
    (bytes[0], bytes[12]) = (kind, index);
    StoreKey::from_bytes(bytes)
}

fn put(key: StoreKey, value: Vec<u8>) -> Write {
    Write::Put(key, value.into())
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (key(), vec(any::<u8>(), 0..40)).prop_map(|(key, value)| put(key, value)),
        1 => key().prop_map(Write::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let scan =
        (key(), key(), 0..8usize, 0..120usize).prop_map(|(from, until, entries_max, bytes_max)| {
            Scan { from, until, entries_max, bytes_max }
        });
    prop_oneof![
        4 => vec(vec(write(), 0..6), 0..4).prop_map(Step::Commit),
        3 => vec(key(), 0..5).prop_map(Step::Read),
        4 => scan.prop_map(Step::Scan),
        1 => Just(Step::Reopen),
    ]
}

/// The documentation of `Scan`, implemented in the simplest way.
fn scan_of(model: &BTreeMap<StoreKey, Bytes>, scan: &Scan) -> Vec<(StoreKey, Bytes)> {
    let mut found: Vec<(StoreKey, Bytes)> = Vec::new();
    for (key, value) in model {
        let bytes = found.iter().map(|(_, value)| value.len()).sum::<usize>() + value.len();
        if *key < scan.from || *key >= scan.until {
            continue;
        }
        if found.len() == scan.entries_max || (bytes > scan.bytes_max && !found.is_empty()) {
            break;
        }
        found.push((*key, value.clone()));
    }
    found
}

fn conforms(mut subject: impl Subject, steps: Vec<Step>) {
    let mut model = BTreeMap::new();
    let mut store = subject.open();
    for step in steps {
        match step {
            Step::Commit(commits) => {
                let group: Vec<&[Write]> = commits.iter().map(Vec::as_slice).collect();
                store.commit(&group).unwrap();
                for write in commits.into_iter().flatten() {
                    match write {
                        Write::Put(key, value) => model.insert(key, value),
                        Write::Delete(key) => model.remove(&key),
                    };
                }
            }
            Step::Read(keys) => {
                let expected: Vec<_> = keys.iter().map(|key| model.get(key).cloned()).collect();
                assert_eq!(store.read(&keys).unwrap(), expected);
            }
            Step::Scan(scan) => {
                assert_eq!(store.scan(&scan).unwrap(), scan_of(&model, &scan), "{scan:?}");
            }
            Step::Reopen => store = subject.reopen(store),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_behaves_like_a_map(steps in vec(step(), 0..40)) {
        conforms(Memory, steps);
    }
}

proptest! {
    // Each case creates and syncs a file.
    #![proptest_config(ProptestConfig {
        cases: 64, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn disk_behaves_like_a_map(steps in vec(step(), 0..40)) {
        conforms(Disk::new(), steps);
    }
}

fn edge_cases(mut subject: impl Subject) {
    let mut store = subject.open();
    let (low, high) = (StoreKey::from_bytes([0; 13]), StoreKey::from_bytes([255; 13]));
    let all = Scan { from: low, until: high, entries_max: 10, bytes_max: 10 };
    let a = Bytes::from_static(b"0123456789");

    assert_eq!(store.scan(&all).unwrap(), [], "a scan of an empty store is empty");
    store.commit(&[]).unwrap();
    store.commit(&[&[]]).unwrap();

    let [one, two, three] = [1, 2, 3].map(|index| named(0, index));
    store
        .commit(&[
            &[Write::Put(one, Bytes::new()), Write::Put(one, a.clone()), Write::Delete(two)],
            &[Write::Put(two, a.clone()), Write::Delete(three), Write::Put(three, Bytes::new())],
        ])
        .unwrap();
    let every = [Some(a.clone()), Some(a.clone()), Some(Bytes::new())];
    assert_eq!(store.read(&[one, two, three]).unwrap(), every, "the later write wins");
    assert_eq!(store.read(&[two, two]).unwrap(), [Some(a.clone()), Some(a.clone())]);

    let keys = |scan| {
        let found = store.scan(&scan).unwrap();
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(keys(all), [one], "the second entry would exceed the byte limit");
    assert_eq!(keys(Scan { bytes_max: 0, ..all }), [one], "the first entry is always returned");
    assert_eq!(keys(Scan { bytes_max: 20, ..all }), [one, two, three], "exactly the limit");
    assert_eq!(keys(Scan { bytes_max: usize::MAX, entries_max: 2, ..all }), [one, two]);
    assert_eq!(keys(Scan { entries_max: 0, ..all }), []);
    assert_eq!(keys(Scan { from: two, until: three, ..all }), [two], "the end is exclusive");
    assert_eq!(keys(Scan { from: two, until: two, ..all }), []);
    assert_eq!(keys(Scan { from: three, until: one, ..all }), []);

    store.commit(&[&[Write::Put(high, vec![7; 1 << 20].into())]]).unwrap();
    let store = subject.reopen(store);
    assert_eq!(store.read(&[high]).unwrap()[0].as_ref().map(Bytes::len), Some(1 << 20));
}

#[test]
fn memory_handles_edge_cases() {
    edge_cases(Memory);
}

#[test]
fn disk_handles_edge_cases() {
    edge_cases(Disk::new());
}
