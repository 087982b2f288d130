//! Disks in memory, beside plain vectors.

use proptest::prelude::*;

use super::*;

/// A change: where, how many bytes, of what; or a length.
fn change() -> impl Strategy<Value = Op> {
    let write = (0u64..20_000, prop::collection::vec(any::<u8>(), 0..9_000));
    prop_oneof![
        4 => write.prop_map(|(offset, bytes)| Op::Write(offset, bytes.into())),
        1 => (0u64..30_000).prop_map(Op::Length),
    ]
}

fn apply(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(offset, data) => {
            let (start, end) = (*offset as usize, *offset as usize + data.len());
            bytes.resize(bytes.len().max(end), 0);
            bytes[start..end].copy_from_slice(data);
        }
        Op::Length(length) => bytes.resize(*length as usize, 0),
        Op::Sync => {}
    }
}

proptest! {
    #[test]
    fn an_image_is_a_vector_of_bytes(ops in prop::collection::vec(change(), 0..12)) {
        let (mut image, mut bytes) = (Image::default(), Vec::new());
        let mut before = image.clone();
        for op in &ops {
            before = image.clone();
            let earlier = bytes.clone();
            image.apply(op);
            apply(&mut bytes, op);
            prop_assert_eq!(image.length(), bytes.len() as u64);
            prop_assert_eq!(image.to_bytes(), &bytes[..]);
            let is_same = image.difference(&before) == before.difference(&before);
            prop_assert_eq!(is_same, bytes == earlier, "a difference is one of bytes");
            prop_assert_eq!(before.to_bytes(), earlier, "a clone is another image");
        }
        prop_assert_eq!(&Image::from(&bytes[..]).to_bytes(), &bytes);
        let used: u64 = image.used().map(|page| page.end - page.start).sum();
        prop_assert!(used <= image.length());
        drop(before);
    }
}

fn pending() -> [Op; 3] {
    let write = |offset, byte, count| Op::Write(offset, vec![byte; count].into());
    [write(0, 1, 1_024), Op::Length(4_096), write(2_048, 2, 1_024)]
}

#[test]
fn a_cut_leaves_what_it_says() {
    let synced = Image::from(&[9; 3_072][..]);
    let cut = Cut { synced: &synced, pending: &pending() };
    let at = |image: &Image, place: usize| image.to_bytes()[place];

    assert_eq!(cut.subset(|_| false), synced);
    let later = cut.subset(|place| place > 0);
    assert_eq!((at(&later, 0), at(&later, 2_048), later.length()), (9, 2, 4_096));

    let torn = |tear| cut.torn(tear, |_| true).unwrap();
    let around = |image: &Image| [2_048 + 511, 2_048 + 512].map(|place| at(image, place));
    assert_eq!(around(&torn(Tear::Front(512))), [2, 9]);
    assert_eq!(around(&torn(Tear::Zeroed(512))), [2, 0]);
    assert_eq!(around(&torn(Tear::Back(512))), [9, 2]);
    assert_eq!(Cut { pending: &[Op::Sync], ..cut }.torn(Tear::Front(1), |_| true), None);

    let mut asked = 0;
    let odd = cut.scattered(|| {
        asked += 1;
        asked % 2 == 1
    });
    assert_eq!(asked, 2 + 1 + 2, "two sectors, a length, two sectors");
    assert_eq!([0, 512, 2_048, 2_560].map(|place| at(&odd, place)), [1, 9, 9, 2]);
}

#[test]
fn a_write_is_torn_at_its_sectors_or_at_every_byte() {
    assert_eq!(Tear::all(4_096).count(), 7 * 3);
    assert_eq!(Tear::all(320).count(), 319 * 2);
    assert_eq!(Tear::all(0).chain(Tear::all(1)).count(), 0);
}

#[test]
fn a_fault_strikes_where_it_was_told_to() {
    let platter = Platter::recording(Image::from(&[7; 8][..]));
    let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
    let full = Err(io::ErrorKind::StorageFull);
    platter.fail(Fault { at: 1, kind: FaultKind::ShortWrite, stays: false });
    assert_eq!(kind(platter.write(0, &[1; 4])), Ok(()));
    assert_eq!(kind(platter.write(4, &[2; 4])), full, "the front of it is there");
    assert_eq!(kind(platter.write(0, &[3; 1])), Ok(()));
    assert_eq!(platter.image().to_bytes(), [3, 1, 1, 1, 2, 2, 7, 7]);
    assert_eq!((platter.log_length(), platter.operations()), (3, 3));

    platter.fail(Fault { at: 3, kind: FaultKind::ShortRead, stays: true });
    let mut out = [0; 4];
    assert_eq!(kind(platter.read(0, &mut out)), Err(io::ErrorKind::UnexpectedEof));
    assert_eq!(out, [3, 1, 0, 0]);
    assert_eq!(kind(platter.sync()), Ok(()), "no read");

    platter.fail(Fault { at: 4, kind: FaultKind::Error(io::ErrorKind::Other), stays: true });
    let other = Err(io::ErrorKind::Other);
    assert_eq!([kind(platter.sync()), kind(platter.set_length(1))], [other, other]);
    platter.heal();
    assert_eq!(platter.struck(), 1 + 1 + 2);
    assert_eq!(kind(platter.sync()), Ok(()));
    assert_eq!(platter.syncs(), 2, "one that fails counts for nothing");
    assert_eq!(kind(platter.set_length(u64::MAX)), full, "a disk ends somewhere");
}
