use std::fs;

use multifeed_core::{Config, Group, Input, Instant, Seed, record};

use super::*;

#[test]
fn a_recording_is_private_to_its_owner_and_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    let mut recorder = Recorder::create(&path).unwrap();
    let mut core = Multifeed::open_recorded(Config::new(Group::keyed([1; 32]), Seed::new([2; 32])));
    for _ in 0..3 {
        core.handle(Instant::ZERO, Input::Timeout);
        recorder.record_round(&mut core);
    }
    recorder.finish(&mut core);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let replayed = record::replay(&fs::read(&path).unwrap()).unwrap();
    assert_eq!((replayed.steps, replayed.states), (4, 1));
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    fs::write(&path, "mine").unwrap();
    assert!(Recorder::create(&path).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}
