//! Tests that a backup restores the rooms but not the signing key.

use crate::program::TestDir;

#[test]
fn restored_profile_has_history_and_a_new_key() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run(&["send", "before"]).code, 0);
    let file = dir.path().join("rooms.tar");
    let file = file.to_str().expect("a path in UTF-8");
    let kept = a.run(&["backup", file]);
    assert_eq!(kept.code, 0, "{kept:?}");
    assert!(kept.err.contains("saved 1 room"), "{kept:?}");
    let again = a.run(&["backup", file]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("error[backup.write]"), "{again:?}");
    // If the restored copy could sign, it would write this block a second time.
    assert_eq!(a.run(&["send", "after"]).code, 0);

    let b = dir.home("restored");
    let restored = b.run(&["restore", file]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert_eq!(b.messages(), [("first".to_string(), "before".to_string())]);
    assert_eq!(b.run(&["send", "on the new disk"]).code, 0);
    let twice = b.run(&["restore", file]);
    assert_eq!(twice.code, 4, "{twice:?}");

    let (serving, addr) = a.serve(&[]);
    let synced = b.run(&["--peer", &addr, "sync", "--until", "all"]);
    assert_eq!(synced.code, 0, "{synced:?}");
    serving.kill();
    assert_eq!(b.texts(), ["before", "after", "on the new disk"]);
    assert_eq!(a.texts(), b.texts());
    assert_eq!(b.run(&["feeds"]).out.lines().count(), 2);
}

#[test]
fn invalid_backup_is_refused() {
    let dir = TestDir::new();
    let file = dir.path().join("rooms.tar");
    std::fs::write(&file, "no archive".repeat(100)).expect("a file");
    let home = dir.home("restored");
    let done = home.run(&["restore", file.to_str().expect("a path in UTF-8")]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.err.contains("error[backup.read]"), "{done:?}");
    assert_eq!(home.run(&["restore", "/nowhere"]).code, 4);
}
