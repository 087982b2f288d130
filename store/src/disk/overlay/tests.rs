use proptest::prelude::*;

use super::*;
use crate::sim_disk::SimDisk;
use crate::sim_disk::image::DiskImage;

/// A change of a medium.
#[derive(Clone, Debug)]
enum Change {
    Write(u16, Vec<u8>),
    SetLength(u16),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<u16>(), proptest::collection::vec(any::<u8>(), 1..9_000))
            .prop_map(|(at, bytes)| Change::Write(at, bytes)),
        any::<u16>().prop_map(Change::SetLength),
    ]
}

fn content(medium: &impl Medium) -> Vec<u8> {
    let mut bytes = vec![0; medium.length().unwrap() as usize];
    medium.read(0, &mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn overlay_reads_like_the_changed_medium_and_leaves_it_alone(
        start in proptest::collection::vec(any::<u8>(), 0..20_000),
        changes in proptest::collection::vec(change(), 0..12),
        at in any::<u16>(),
    ) {
        let below = SimDisk::new(DiskImage::default());
        below.set_length(start.len() as u64).unwrap();
        if !start.is_empty() {
            below.write(0, &start).unwrap();
        }
        let overlay = Overlay::new(below.clone()).unwrap();
        let mut expected = start.clone();
        for change in changes {
            match change {
                Change::Write(at, bytes) => {
                    // A write lies within the length.
                    let (at, end) = (usize::from(at), usize::from(at) + bytes.len());
                    if end <= expected.len() {
                        overlay.write(at as u64, &bytes).unwrap();
                        expected[at..end].copy_from_slice(&bytes);
                    }
                }
                Change::SetLength(length) => {
                    overlay.set_length(length.into()).unwrap();
                    expected.resize(length.into(), 0);
                }
            }
        }
        prop_assert_eq!(&content(&overlay), &expected);
        let at = usize::from(at).min(expected.len());
        let mut part = vec![0; expected.len() - at];
        overlay.read(at as u64, &mut part).unwrap();
        prop_assert_eq!(&part[..], &expected[at..]);
        prop_assert!(overlay.read(at as u64, &mut vec![0; part.len() + 1]).is_err());
        prop_assert_eq!(content(&below), start);
    }
}
