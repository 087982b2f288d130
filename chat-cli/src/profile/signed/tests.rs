use std::fs;

use super::*;

const KEY: [u8; 32] = [7; 32];

fn open(folder: &Path) -> Result<SignedMark, Failure> {
    SignedMark::open(folder, "room", KEY)
}

#[test]
fn mark_keeps_the_greatest_length() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(open(dir.path()).unwrap().length(), Some(0));
    for length in [1, 2, 9, 4] {
        open(dir.path()).unwrap().raise(length).unwrap();
    }
    let mark = open(dir.path()).unwrap();
    assert_eq!(mark.length(), Some(9));
    mark.raise(10).unwrap();
    mark.raise(11).unwrap();
    assert_eq!(open(dir.path()).unwrap().length(), Some(11));
    let read_only = SignedMark::open_read_only(dir.path().join("room"), KEY).unwrap();
    assert_eq!(read_only.length(), Some(11));
}

#[test]
fn write_that_is_cut_off_keeps_the_length_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("room");
    for length in [1, 2, 3, 4] {
        let before = fs::read(&path).unwrap_or_default();
        open(dir.path()).unwrap().raise(length).unwrap();
        let after = fs::read(&path).unwrap();
        for cut in 0..after.len() {
            let mut torn = after.clone();
            torn[..cut].iter_mut().zip(&before).for_each(|(byte, old)| *byte = *old);
            fs::write(&path, &torn).unwrap();
            let found = open(dir.path()).unwrap().length();
            // Before the first write there is no other slot.
            assert!(found == Some(length) || found == Some(length - 1), "{length} {cut} {found:?}");
        }
        fs::write(&path, after).unwrap();
    }
}

#[test]
fn damaged_mark_is_unknown_until_it_is_raised() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("room");
    open(dir.path()).unwrap().raise(5).unwrap();
    for damaged in [vec![0; 564], vec![1; 10], vec![0xff; 52]] {
        fs::write(&path, damaged).unwrap();
        let mark = open(dir.path()).unwrap();
        assert_eq!(mark.length(), None);
        mark.raise(6).unwrap();
        assert_eq!(open(dir.path()).unwrap().length(), Some(6));
    }
    fs::write(&path, "").unwrap();
    assert_eq!(open(dir.path()).unwrap().length(), None);
}

#[test]
fn mark_of_another_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).unwrap().raise(5).unwrap();
    let failure = SignedMark::open(dir.path(), "room", [8; 32]).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (ExitCode::Damaged, "identity.changed"));
    let path = dir.path().join("room");
    assert!(SignedMark::open_read_only(path, [8; 32]).is_err());
    assert_eq!(open(dir.path()).unwrap().length(), Some(5));
}
