//! Simulated disks, compared with plain vectors.

use proptest::prelude::*;

use super::power_cut::{PowerCut, Tear};
use super::*;

/// Any write or change of length.
fn change() -> impl Strategy<Value = DiskOp> {
    let write = (0u64..20_000, prop::collection::vec(any::<u8>(), 0..9_000));
    prop_oneof![
        4 => write.prop_map(|(offset, bytes)| DiskOp::Write(offset, bytes.into())),
        1 => (0u64..30_000).prop_map(DiskOp::SetLength),
    ]
}

fn apply(bytes: &mut Vec<u8>, op: &DiskOp) {
    match op {
        DiskOp::Write(offset, data) => {
            let (start, end) = (*offset as usize, *offset as usize + data.len());
            bytes.resize(bytes.len().max(end), 0);
            bytes[start..end].copy_from_slice(data);
        }
        DiskOp::SetLength(length) => bytes.resize(*length as usize, 0),
        DiskOp::Sync => {}
    }
}

proptest! {
    #[test]
    fn an_image_behaves_like_a_vector_of_bytes(ops in prop::collection::vec(change(), 0..12)) {
        let (mut image, mut bytes) = (DiskImage::default(), Vec::new());
        let mut before = image.clone();
        for op in &ops {
            before = image.clone();
            let earlier = bytes.clone();
            image.apply(op);
            apply(&mut bytes, op);
            prop_assert_eq!(image.length(), bytes.len() as u64);
            prop_assert_eq!(image.to_bytes(), &bytes[..]);
            let is_same = image.difference_hash(&before) == before.difference_hash(&before);
            prop_assert_eq!(is_same, bytes == earlier, "the hash depends on the bytes only");
            prop_assert_eq!(before.to_bytes(), earlier, "a clone is independent");
        }
        prop_assert_eq!(&DiskImage::from(&bytes[..]).to_bytes(), &bytes);
        let used: u64 = image.used_ranges().map(|page| page.end - page.start).sum();
        prop_assert!(used <= image.length());
        drop(before);
    }
}

fn pending() -> [DiskOp; 3] {
    let write = |offset, byte, count| DiskOp::Write(offset, vec![byte; count].into());
    [write(0, 1, 1_024), DiskOp::SetLength(4_096), write(2_048, 2, 1_024)]
}

#[test]
fn a_power_cut_leaves_the_selected_operations() {
    let synced = DiskImage::from(&[9; 3_072][..]);
    let cut = PowerCut { synced: &synced, pending: &pending() };
    let at = |image: &DiskImage, index: usize| image.to_bytes()[index];

    assert_eq!(cut.subset(|_| false), synced);
    let later = cut.subset(|index| index > 0);
    assert_eq!((at(&later, 0), at(&later, 2_048), later.length()), (9, 2, 4_096));

    let torn = |tear| cut.torn(tear, |_| true).unwrap();
    let around = |image: &DiskImage| [2_048 + 511, 2_048 + 512].map(|index| at(image, index));
    assert_eq!(around(&torn(Tear::Front(512))), [2, 9]);
    assert_eq!(around(&torn(Tear::Zeroed(512))), [2, 0]);
    assert_eq!(around(&torn(Tear::Back(512))), [9, 2]);
    assert_eq!(PowerCut { pending: &[DiskOp::Sync], ..cut }.torn(Tear::Front(1), |_| true), None);

    let mut asked = 0;
    let odd = cut.scattered(|| {
        asked += 1;
        asked % 2 == 1
    });
    assert_eq!(asked, 2 + 1 + 2, "two sectors, a length, two sectors");
    assert_eq!([0, 512, 2_048, 2_560].map(|index| at(&odd, index)), [1, 9, 9, 2]);
}

#[test]
fn writes_are_torn_at_sectors_and_small_ones_at_every_byte() {
    assert_eq!(Tear::all(4_096).count(), 7 * 3);
    assert_eq!(Tear::all(320).count(), 319 * 2);
    assert_eq!(Tear::all(0).chain(Tear::all(1)).count(), 0);
}

#[test]
fn a_fault_occurs_at_its_scheduled_operation() {
    let disk = SimDisk::recording(DiskImage::from(&[7; 8][..]));
    let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
    let full = Err(io::ErrorKind::StorageFull);
    disk.inject(Fault { at: 1, kind: FaultKind::ShortWrite, is_permanent: false });
    assert_eq!(kind(disk.write(0, &[1; 4])), Ok(()));
    assert_eq!(kind(disk.write(4, &[2; 4])), full, "the first half is written");
    assert_eq!(kind(disk.write(0, &[3; 1])), Ok(()));
    assert_eq!(disk.image().to_bytes(), [3, 1, 1, 1, 2, 2, 7, 7]);
    assert_eq!((disk.log_length(), disk.operations()), (3, 3));

    disk.inject(Fault { at: 3, kind: FaultKind::ShortRead, is_permanent: true });
    let mut out = [0; 4];
    assert_eq!(kind(disk.read(0, &mut out)), Err(io::ErrorKind::UnexpectedEof));
    assert_eq!(out, [3, 1, 0, 0]);
    assert_eq!(kind(disk.sync()), Ok(()), "not a read");

    disk.inject(Fault { at: 4, kind: FaultKind::Error(io::ErrorKind::Other), is_permanent: true });
    let other = Err(io::ErrorKind::Other);
    assert_eq!([kind(disk.sync()), kind(disk.set_length(1))], [other, other]);
    disk.clear_fault();
    assert_eq!(disk.faults_hit(), 1 + 1 + 2);
    assert_eq!(kind(disk.sync()), Ok(()));
    assert_eq!(disk.syncs(), 2, "a failed sync does not count");
    assert_eq!(kind(disk.set_length(u64::MAX)), full, "the disk has a size");
}
