//! The disk store over a simulated disk: crashes, faults and damage at every place.

mod platter;

use std::collections::BTreeMap;
use std::io::ErrorKind;

use self::platter::{Op, Platter};
use super::*;

const COMMITS: u64 = 24;

fn key(index: u64) -> StoreKey {
    let mut bytes = [3; 13];
    bytes[5..].copy_from_slice(&index.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

/// The writes of one append: a block, and a record that is written anew.
fn append(index: u64) -> Vec<Write> {
    let block = vec![index as u8; 100 + 300 * (index as usize % 5)];
    vec![
        Write::Put(key(index), block.into()),
        Write::Put(key(1 << 40), vec![index as u8; 250].into()),
    ]
}

type Entries = BTreeMap<StoreKey, Bytes>;

fn after(commits: u64) -> Entries {
    let writes = (0..commits).flat_map(append);
    writes
        .filter_map(|write| match write {
            Write::Put(key, value) => Some((key, value)),
            Write::Delete(_) => None,
        })
        .collect()
}

fn open(platter: &Platter, state: State) -> Result<DiskStore, Failure> {
    DiskStore::with(platter.clone(), Path::new("simulated"), state)
}

fn all(store: &DiskStore) -> Result<Entries, Failure> {
    let (from, until) = (StoreKey::from_bytes([0; 13]), StoreKey::from_bytes([255; 13]));
    let scan = Scan { from, until, entries_max: usize::MAX, bytes_max: usize::MAX };
    Ok(store.scan(&scan)?.into_iter().collect())
}

/// A closed store of `COMMITS` appends.
fn filled() -> Platter {
    let platter = Platter::new(Vec::new());
    let mut store = open(&platter, State::Empty).unwrap();
    for index in 0..COMMITS {
        store.commit(&[&append(index)]).unwrap();
    }
    drop(store);
    platter
}

#[test]
fn a_group_of_any_size_is_one_sync() {
    let platter = Platter::new(Vec::new());
    let mut store = open(&platter, State::Empty).unwrap();
    let appends: Vec<Vec<Write>> = (0..100).map(append).collect();
    let group: Vec<&[Write]> = appends.iter().map(Vec::as_slice).collect();
    let syncs = |store: &mut DiskStore, group: &[&[Write]]| {
        let before = platter.syncs();
        store.commit(group).unwrap();
        platter.syncs() - before
    };
    assert_eq!(syncs(&mut store, &group[..1]), 1);
    assert_eq!(syncs(&mut store, &group), 1);
    assert_eq!(syncs(&mut store, &[]), 0);
    assert_eq!(syncs(&mut store, &[&[], &[]]), 0);
}

/// What a power cut can leave: the writes before the last sync, and of those after it any.
#[test]
fn what_was_acknowledged_survives_a_power_cut_anywhere() {
    let platter = Platter::new(Vec::new());
    let mut store = open(&platter, State::Empty).unwrap();
    let base = platter.bytes();
    let start = platter.ops().len();
    let mut acknowledged = Vec::new();
    for index in 0..COMMITS {
        store.commit(&[&append(index)]).unwrap();
        acknowledged.push(platter.ops().len() - start);
    }
    let ops = platter.ops().split_off(start);
    // The simulated disk keeps the store's own drop from being part of what is replayed.
    drop(store);

    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut images = 0;
    let (mut synced, mut pending) = (base, Vec::<Op>::new());
    for (place, op) in ops.into_iter().enumerate() {
        match op {
            Op::Sync => pending.drain(..).for_each(|op| op.apply(&mut synced)),
            op => pending.push(op),
        }
        let least = acknowledged.iter().filter(|end| **end <= place + 1).count() as u64;
        for which in 0..6 {
            let image = platter::cut(&synced, &pending, which, &mut chance);
            let store = open(&Platter::new(image), State::Complete(Check::Quick))
                .unwrap_or_else(|failure| panic!("op {place}, image {which}: {failure:?}"));
            let found = all(&store).unwrap();
            let most = (least + 1).min(COMMITS);
            assert!(
                (least..=most).any(|commits| found == after(commits)),
                "op {place}, image {which}: {} entries where {least} were acknowledged",
                found.len()
            );
            images += 1;
        }
    }
    assert!(images > 1_000, "{images} images");
}

#[test]
fn an_error_at_any_operation_loses_nothing_acknowledged_and_closes_the_store() {
    for (error, kind) in
        [(ErrorKind::StorageFull, FailureKind::Full), (ErrorKind::Other, FailureKind::Io)]
    {
        let (mut place, mut struck) = (0, 0);
        loop {
            let platter = Platter::new(Vec::new());
            let mut store = open(&platter, State::Empty).unwrap();
            platter.fail_at(place, error);
            let outcome = (0..COMMITS).try_for_each(|index| {
                store.commit(&[&append(index)]).map_err(|failure| (index, failure))
            });
            let Err((acknowledged, failure)) = outcome else {
                break;
            };
            assert_eq!(failure.kind(), kind, "{failure:?} at {place}");
            assert_eq!(store.commit(&[&append(0)]).unwrap_err().kind(), FailureKind::Closed);
            assert_eq!(store.read(&[key(0)]).unwrap_err().kind(), FailureKind::Closed);
            assert_eq!(all(&store).unwrap_err().kind(), FailureKind::Closed);
            drop(store);

            platter.heal();
            let store = open(&platter, State::Complete(Check::Quick)).unwrap();
            let found = all(&store).unwrap();
            assert!(found == after(acknowledged) || found == after(acknowledged + 1), "{place}");
            (place, struck) = (place + 1, struck + 1);
        }
        assert!(struck > 50, "{struck} places");
    }
}

/// Opens a damaged file; every value that comes back must be one that was written.
fn outcome(bytes: Vec<u8>, check: Check) -> Result<Entries, FailureKind> {
    let store = open(&Platter::new(bytes), State::Complete(check)).map_err(|f| f.kind())?;
    let written = after(COMMITS);
    let keys: Vec<_> = written.keys().copied().collect();
    for (key, value) in keys.iter().flat_map(|key| Some((key, store.read(&[*key]).ok()?))) {
        let is_written = value[0].as_ref().is_none_or(|value| {
            (0..COMMITS).any(|index| append(index).contains(&Write::Put(*key, value.clone())))
        });
        assert!(is_written, "{key:?} is read as {value:?}");
    }
    all(&store).map_err(|failure| failure.kind())
}

#[test]
fn a_flipped_byte_is_found_or_harmless() {
    let bytes = filled().bytes();
    let written = after(COMMITS);
    let (mut found, mut harmless, mut missed) = (0, 0, 0);
    for place in (0..bytes.len()).step_by(97) {
        // Pages that were never used are as good as each other.
        let page = place / 4096 * 4096;
        if bytes[page..bytes.len().min(page + 4096)].iter().all(|byte| *byte == 0) {
            continue;
        }
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x5a;
        match outcome(damaged.clone(), Check::Whole) {
            Ok(entries) => {
                assert_eq!(entries, written, "byte {place}");
                harmless += 1;
            }
            Err(kind) => {
                let expected = [FailureKind::Damaged, FailureKind::Closed];
                assert!(expected.contains(&kind), "byte {place}: {kind:?}");
                found += 1;
            }
        }
        missed += usize::from(outcome(damaged, Check::Quick).is_ok_and(|it| it != written));
    }
    assert!(found > 50, "{found} found, {harmless} harmless, {missed} missed by a quick check");
}

#[test]
fn a_file_cut_anywhere_never_panics() {
    let bytes = filled().bytes();
    let lengths = (0..40).chain((0..bytes.len()).step_by(bytes.len() / 60));
    for length in lengths.chain([bytes.len() - 1]) {
        for check in [Check::Quick, Check::Whole] {
            if let Ok(entries) = outcome(bytes[..length].to_vec(), check) {
                assert_eq!(entries, after(COMMITS), "cut to {length}");
            }
        }
    }
    let empty = outcome(Vec::new(), Check::Quick);
    assert_eq!(empty, Err(FailureKind::Damaged), "never taken for a new store");
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let platter = filled();
    let database = Database::builder().create_with_backend(platter.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(FORMAT).unwrap().insert("version", FORMAT_VERSION + 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let failure = open(&platter, State::Complete(Check::Quick)).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::TooNew { found: FORMAT_VERSION + 1 });
    let words = "the store has the newer format 2: \"simulated\"";
    assert_eq!(failure.to_string(), words);
}

#[test]
fn a_foreign_file_of_the_same_engine_is_refused() {
    let platter = Platter::new(Vec::new());
    drop(Database::builder().create_with_backend(platter.clone()).unwrap());
    let failure = open(&platter, State::Complete(Check::Quick)).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Damaged);
}
