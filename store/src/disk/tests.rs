//! The disk store on a simulated disk: power cuts, I/O errors and corruption at every position.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::*;
use crate::sim_disk::image::{DiskImage, DiskOp};
use crate::sim_disk::power_cut::{PowerCut, Tear};
use crate::sim_disk::{Fault, FaultKind, SimDisk};

const COMMITS: u64 = 24;

fn key(index: u64) -> StoreKey {
    let mut bytes = [3; 13];
    bytes[5..].copy_from_slice(&index.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

/// The writes of one append: a block, and a record that every append overwrites.
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

fn create(disk: &SimDisk) -> DiskStore {
    DiskStore::create_on(disk.clone(), PATH).unwrap()
}

fn open(image: DiskImage, check: Check) -> Result<DiskStore, Failure> {
    DiskStore::open_on(SimDisk::new(image), PATH, check)
}

fn all(store: &DiskStore) -> Result<Entries, Failure> {
    let (from, until) = (StoreKey::from_bytes([0; 13]), StoreKey::from_bytes([255; 13]));
    let scan = Scan { from, until, entries_max: usize::MAX, bytes_max: usize::MAX };
    Ok(store.scan(&scan)?.into_iter().collect())
}

/// A closed store of `COMMITS` appends.
fn filled_image() -> DiskImage {
    let disk = SimDisk::new(DiskImage::default());
    let mut store = create(&disk);
    for index in 0..COMMITS {
        store.commit(&[&append(index)]).unwrap();
    }
    drop(store);
    disk.image()
}

#[test]
fn a_group_of_any_size_costs_one_sync() {
    let disk = SimDisk::new(DiskImage::default());
    let mut store = create(&disk);
    let appends: Vec<Vec<Write>> = (0..100).map(append).collect();
    let group: Vec<&[Write]> = appends.iter().map(Vec::as_slice).collect();
    let syncs = |store: &mut DiskStore, group: &[&[Write]]| {
        let before = disk.syncs();
        store.commit(group).unwrap();
        disk.syncs() - before
    };
    assert_eq!(syncs(&mut store, &group[..1]), 1);
    assert_eq!(syncs(&mut store, &group), 1);
    assert_eq!(syncs(&mut store, &[]), 0);
    assert_eq!(syncs(&mut store, &[&[], &[]]), 0);
}

/// Some of the images that one power cut can leave.
fn images(cut: &PowerCut<'_>, random: &mut u64) -> Vec<DiskImage> {
    let mut flip = || {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random
    };
    let subset = flip();
    let mut images = vec![
        cut.subset(|_| true),
        cut.subset(|_| false),
        cut.subset(|index| subset >> (index % 64) & 1 == 1),
        cut.scattered(|| flip().is_multiple_of(2)),
    ];
    if let Some(DiskOp::Write(_, bytes)) = cut.pending.last() {
        let at = flip() as usize % bytes.len();
        images.extend(cut.torn(Tear::Front(at), |_| true));
        images.extend(cut.torn(Tear::Back(at), |_| true));
    }
    images
}

/// The binary `crash` of multifeed-tests checks far more images, with the core on top.
#[test]
fn acknowledged_commits_survive_a_power_cut_at_any_operation() {
    let disk = SimDisk::recording(DiskImage::default());
    let mut store = create(&disk);
    let start = disk.log_length();
    let mut synced = disk.image();
    let mut acknowledged = Vec::new();
    for index in 0..COMMITS {
        store.commit(&[&append(index)]).unwrap();
        acknowledged.push(disk.log_length());
    }
    let ops = disk.log();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut count, mut first) = (0, start);
    for op in start..ops.len() {
        if ops[op] == DiskOp::Sync {
            ops[first..op].iter().for_each(|earlier| synced.apply(earlier));
            first = op;
        }
        let cut = PowerCut { synced: &synced, pending: &ops[first..=op] };
        let least = acknowledged.iter().filter(|end| **end <= op + 1).count() as u64;
        for image in images(&cut, &mut random) {
            let store = open(image, Check::Quick).unwrap_or_else(|f| panic!("op {op}: {f:?}"));
            let found = all(&store).unwrap();
            let most = (least + 1).min(COMMITS);
            assert!(
                (least..=most).any(|commits| found == after(commits)),
                "op {op}: {} entries where {least} were acknowledged",
                found.len()
            );
            count += 1;
        }
    }
    assert!(count > 1_000, "{count} images");
}

/// Injected faults, and the kind of failure that the store reports.
const ERRORS: [(FaultKind, FailureKind); 3] = [
    (FaultKind::Error(ErrorKind::StorageFull), FailureKind::Full),
    (FaultKind::Error(ErrorKind::Other), FailureKind::Io),
    (FaultKind::ShortWrite, FailureKind::Full),
];

#[test]
fn an_error_at_any_operation_closes_the_store_and_loses_no_acknowledged_commit() {
    for (kind, expected) in ERRORS {
        let (mut index, mut failed) = (0, 0);
        loop {
            let disk = SimDisk::new(DiskImage::default());
            let mut store = create(&disk);
            let at = disk.operations() + index;
            disk.inject(Fault { at, kind, is_permanent: true });
            let outcome = (0..COMMITS).try_for_each(|index| {
                store.commit(&[&append(index)]).map_err(|failure| (index, failure))
            });
            let Err((acknowledged, failure)) = outcome else {
                break;
            };
            assert_eq!(failure.kind(), expected, "{failure:?} at {index}");
            assert_eq!(store.commit(&[&append(0)]).unwrap_err().kind(), FailureKind::Closed);
            assert_eq!(store.read(&[key(0)]).unwrap_err().kind(), FailureKind::Closed);
            assert_eq!(all(&store).unwrap_err().kind(), FailureKind::Closed);
            drop(store);

            let store = open(disk.image(), Check::Quick).unwrap();
            let found = all(&store).unwrap();
            assert!(found == after(acknowledged) || found == after(acknowledged + 1), "{index}");
            (index, failed) = (index + 1, failed + 1);
        }
        assert!(failed > 50, "{failed} operations");
    }
}

/// Opens a corrupt file. Every value that is read must be one that was written.
fn outcome(image: DiskImage, check: Check) -> Result<Entries, FailureKind> {
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
fn a_flipped_byte_is_detected_or_harmless() {
    let image = filled_image();
    let written = after(COMMITS);
    let (mut found, mut harmless, mut missed) = (0, 0, 0);
    // Unused pages are all alike.
    let used: Vec<_> = image.used_ranges().collect();
    for offset in used.into_iter().flatten().step_by(97) {
        let mut damaged = image.clone();
        damaged.flip_bits(offset, 0x5a);
        match outcome(damaged.clone(), Check::Full) {
            Ok(entries) => {
                assert_eq!(entries, written, "byte {offset}");
                harmless += 1;
            }
            Err(kind) => {
                let expected = [FailureKind::Damaged, FailureKind::Closed];
                assert!(expected.contains(&kind), "byte {offset}: {kind:?}");
                found += 1;
            }
        }
        missed += usize::from(outcome(damaged, Check::Quick).is_ok_and(|it| it != written));
    }
    assert!(found > 50, "{found} found, {harmless} harmless, {missed} missed by a quick check");
}

/// Returns the offset of a block's value in a file; its bytes are unique.
fn offset_of(image: &DiskImage, index: u64) -> u64 {
    let block = vec![index as u8; 100];
    let bytes = image.to_bytes();
    bytes.windows(100).position(|window| window == block).unwrap() as u64
}

#[test]
fn a_corrupt_value_is_read_as_empty_and_affects_no_other() {
    let mut image = filled_image();
    let offset = offset_of(&image, 5);
    image.flip_bits(offset, 1);
    let mut written = after(COMMITS);
    assert_ne!(written.insert(key(5), Bytes::new()), Some(Bytes::new()));
    let store = open(image, Check::Quick).unwrap();
    assert_eq!(all(&store).unwrap(), written);
    let values = store.read(&[key(4), key(5)]).unwrap();
    assert_eq!(values, [written.get(&key(4)).cloned(), Some(Bytes::new())]);
}

#[test]
fn closing_a_corrupt_file_never_panics() {
    let image = filled_image();
    let used: Vec<_> = image.used_ranges().flatten().collect();
    // These include pages of the engine's table of tables, which it writes when it closes.
    for offset in used.into_iter().step_by(7) {
        let mut damaged = image.clone();
        damaged.flip_bits(offset, 0xff);
        drop(open(damaged, Check::Quick));
    }
}

#[test]
fn a_file_truncated_anywhere_never_panics() {
    let image = filled_image();
    let length = image.length();
    let lengths = (0..40).chain((0..length).step_by(length as usize / 60));
    for length in lengths.chain([length - 1]) {
        for check in [Check::Quick, Check::Full] {
            let mut cut = image.clone();
            cut.set_length(length);
            if let Ok(entries) = outcome(cut, check) {
                assert_eq!(entries, after(COMMITS), "truncated to {length}");
            }
        }
    }
    let empty = outcome(DiskImage::default(), Check::Quick);
    assert_eq!(empty, Err(FailureKind::Damaged), "an empty file is not a new store");
}

#[test]
fn a_newer_format_is_refused() {
    let disk = SimDisk::new(filled_image());
    let database = Database::builder().create_with_backend(Backend(disk.clone())).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(FORMAT).unwrap().insert("version", FORMAT_VERSION + 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let failure = open(disk.image(), Check::Quick).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::TooNew { found: FORMAT_VERSION + 1 });
    let words = "the store has the newer format 2: \"simulated\"";
    assert_eq!(failure.to_string(), words);
}

#[test]
fn another_database_of_the_same_engine_is_refused() {
    let disk = SimDisk::new(DiskImage::default());
    drop(Database::builder().create_with_backend(Backend(disk.clone())).unwrap());
    let failure = open(disk.image(), Check::Quick).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Damaged);
}
