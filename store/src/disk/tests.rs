//! The disk store over a simulated disk: crashes, faults and damage at every place.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::*;
use crate::{Cut, Fault, FaultKind, Image, Op, Platter, Tear};

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

const PATH: &str = "simulated";

fn create(platter: &Platter) -> DiskStore {
    DiskStore::create_on(platter.clone(), PATH).unwrap()
}

fn open(image: Image, check: Check) -> Result<DiskStore, Failure> {
    DiskStore::open_on(Platter::new(image), PATH, check)
}

fn all(store: &DiskStore) -> Result<Entries, Failure> {
    let (from, until) = (StoreKey::from_bytes([0; 13]), StoreKey::from_bytes([255; 13]));
    let scan = Scan { from, until, entries_max: usize::MAX, bytes_max: usize::MAX };
    Ok(store.scan(&scan)?.into_iter().collect())
}

/// A closed store of `COMMITS` appends.
fn filled() -> Image {
    let platter = Platter::new(Image::default());
    let mut store = create(&platter);
    for index in 0..COMMITS {
        store.commit(&[&append(index)]).unwrap();
    }
    drop(store);
    platter.image()
}

#[test]
fn a_group_of_any_size_is_one_sync() {
    let platter = Platter::new(Image::default());
    let mut store = create(&platter);
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

/// A few of the images that a power cut can leave of one state.
fn images(cut: &Cut<'_>, chance: &mut u64) -> Vec<Image> {
    let mut flip = || {
        *chance ^= *chance << 13;
        *chance ^= *chance >> 7;
        *chance ^= *chance << 17;
        *chance
    };
    let subset = flip();
    let mut images = vec![
        cut.subset(|_| true),
        cut.subset(|_| false),
        cut.subset(|place| subset >> (place % 64) & 1 == 1),
        cut.scattered(|| flip().is_multiple_of(2)),
    ];
    if let Some(Op::Write(_, bytes)) = cut.pending.last() {
        let place = flip() as usize % bytes.len();
        images.extend(cut.torn(Tear::Front(place), |_| true));
        images.extend(cut.torn(Tear::Back(place), |_| true));
    }
    images
}

/// The crash images of the whole project's tests run over far more of them, and over the core.
#[test]
fn what_was_acknowledged_survives_a_power_cut_anywhere() {
    let platter = Platter::recording(Image::default());
    let mut store = create(&platter);
    let start = platter.log_length();
    let mut synced = platter.image();
    let mut acknowledged = Vec::new();
    for index in 0..COMMITS {
        store.commit(&[&append(index)]).unwrap();
        acknowledged.push(platter.log_length());
    }
    let ops = platter.log();
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut count, mut first) = (0, start);
    for place in start..ops.len() {
        if ops[place] == Op::Sync {
            ops[first..place].iter().for_each(|op| synced.apply(op));
            first = place;
        }
        let cut = Cut { synced: &synced, pending: &ops[first..=place] };
        let least = acknowledged.iter().filter(|end| **end <= place + 1).count() as u64;
        for image in images(&cut, &mut chance) {
            let store = open(image, Check::Quick).unwrap_or_else(|f| panic!("op {place}: {f:?}"));
            let found = all(&store).unwrap();
            let most = (least + 1).min(COMMITS);
            assert!(
                (least..=most).any(|commits| found == after(commits)),
                "op {place}: {} entries where {least} were acknowledged",
                found.len()
            );
            count += 1;
        }
    }
    assert!(count > 1_000, "{count} images");
}

/// An error, and the kind of failure that it is told as.
const ERRORS: [(FaultKind, FailureKind); 3] = [
    (FaultKind::Error(ErrorKind::StorageFull), FailureKind::Full),
    (FaultKind::Error(ErrorKind::Other), FailureKind::Io),
    (FaultKind::ShortWrite, FailureKind::Full),
];

#[test]
fn an_error_at_any_operation_loses_nothing_acknowledged_and_closes_the_store() {
    for (kind, expected) in ERRORS {
        let (mut place, mut struck) = (0, 0);
        loop {
            let platter = Platter::new(Image::default());
            let mut store = create(&platter);
            let at = platter.operations() + place;
            platter.fail(Fault { at, kind, stays: true });
            let outcome = (0..COMMITS).try_for_each(|index| {
                store.commit(&[&append(index)]).map_err(|failure| (index, failure))
            });
            let Err((acknowledged, failure)) = outcome else {
                break;
            };
            assert_eq!(failure.kind(), expected, "{failure:?} at {place}");
            assert_eq!(store.commit(&[&append(0)]).unwrap_err().kind(), FailureKind::Closed);
            assert_eq!(store.read(&[key(0)]).unwrap_err().kind(), FailureKind::Closed);
            assert_eq!(all(&store).unwrap_err().kind(), FailureKind::Closed);
            drop(store);

            let store = open(platter.image(), Check::Quick).unwrap();
            let found = all(&store).unwrap();
            assert!(found == after(acknowledged) || found == after(acknowledged + 1), "{place}");
            (place, struck) = (place + 1, struck + 1);
        }
        assert!(struck > 50, "{struck} places");
    }
}

/// Opens a damaged file; every value that comes back must be one that was written.
fn outcome(image: Image, check: Check) -> Result<Entries, FailureKind> {
    let store = open(image, check).map_err(|failure| failure.kind())?;
    let written = after(COMMITS);
    let keys: Vec<_> = written.keys().copied().collect();
    for (key, value) in keys.iter().flat_map(|key| Some((key, store.read(&[*key]).ok()?))) {
        let is_written = value[0].as_ref().filter(|value| !value.is_empty()).is_none_or(|value| {
            (0..COMMITS).any(|index| append(index).contains(&Write::Put(*key, value.clone())))
        });
        assert!(is_written, "{key:?} is read as {value:?}");
    }
    all(&store).map_err(|failure| failure.kind())
}

#[test]
fn a_flipped_byte_is_found_or_harmless() {
    let image = filled();
    let written = after(COMMITS);
    let (mut found, mut harmless, mut missed) = (0, 0, 0);
    // Pages that were never used are as good as each other.
    let used: Vec<_> = image.used().collect();
    for place in used.into_iter().flatten().step_by(97) {
        let mut damaged = image.clone();
        damaged.flip(place, 0x5a);
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

/// Where the value of a block lies in a file: its bytes are like no others.
fn place_of(image: &Image, index: u64) -> u64 {
    let block = vec![index as u8; 100];
    let bytes = image.to_bytes();
    bytes.windows(100).position(|window| window == block).unwrap() as u64
}

#[test]
fn a_damaged_value_is_read_as_empty_and_costs_no_other() {
    let mut image = filled();
    let place = place_of(&image, 5);
    image.flip(place, 1);
    let mut written = after(COMMITS);
    assert_ne!(written.insert(key(5), Bytes::new()), Some(Bytes::new()));
    let store = open(image, Check::Quick).unwrap();
    assert_eq!(all(&store).unwrap(), written);
    let values = store.read(&[key(4), key(5)]).unwrap();
    assert_eq!(values, [written.get(&key(4)).cloned(), Some(Bytes::new())]);
}

#[test]
fn a_damaged_file_never_panics_when_it_is_closed() {
    let image = filled();
    let used: Vec<_> = image.used().flatten().collect();
    // Pages of the engine's tree of trees, which it writes when it is closed, are among them.
    for place in used.into_iter().step_by(7) {
        let mut damaged = image.clone();
        damaged.flip(place, 0xff);
        drop(open(damaged, Check::Quick));
    }
}

#[test]
fn a_file_cut_anywhere_never_panics() {
    let image = filled();
    let length = image.length();
    let lengths = (0..40).chain((0..length).step_by(length as usize / 60));
    for length in lengths.chain([length - 1]) {
        for check in [Check::Quick, Check::Whole] {
            let mut cut = image.clone();
            cut.set_length(length);
            if let Ok(entries) = outcome(cut, check) {
                assert_eq!(entries, after(COMMITS), "cut to {length}");
            }
        }
    }
    let empty = outcome(Image::default(), Check::Quick);
    assert_eq!(empty, Err(FailureKind::Damaged), "never taken for a new store");
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let platter = Platter::new(filled());
    let database = Database::builder().create_with_backend(Backend(platter.clone())).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(FORMAT).unwrap().insert("version", FORMAT_VERSION + 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let failure = open(platter.image(), Check::Quick).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::TooNew { found: FORMAT_VERSION + 1 });
    let words = "the store has the newer format 2: \"simulated\"";
    assert_eq!(failure.to_string(), words);
}

#[test]
fn a_foreign_file_of_the_same_engine_is_refused() {
    let platter = Platter::new(Image::default());
    drop(Database::builder().create_with_backend(Backend(platter.clone())).unwrap());
    let failure = open(platter.image(), Check::Quick).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Damaged);
}
