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
fn cut_or_damaged_backup_leaves_nothing_behind() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run(&["send", "before"]).code, 0);
    let file = dir.path().join("rooms.tar");
    assert_eq!(a.run(&["backup", file.to_str().expect("a path in UTF-8")]).code, 0);
    let whole = std::fs::read(&file).expect("a backup");
    // The description of the room stands behind the name; this damages its text.
    let at = whole.windows(7).position(|window| window == b"version").expect("a description");
    let mut damaged = whole.clone();
    damaged[at] = b'?';
    let cut = |length: usize| whole[..length].to_vec();
    for (number, bytes) in
        [cut(600), cut(at + 10), cut(whole.len() / 2), damaged].iter().enumerate()
    {
        let broken = dir.path().join("broken.tar");
        std::fs::write(&broken, bytes).expect("writable");
        let home = dir.home(&format!("restored {number}"));
        let done = home.run(&["restore", broken.to_str().expect("a path in UTF-8")]);
        assert_ne!(done.code, 0, "{number}: {done:?}");
        let rooms = std::fs::read_dir(home.data.join("default/rooms"));
        assert_eq!(rooms.map_or(0, Iterator::count), 0, "{number}");
        assert!(!home.data.join("default/.restore").exists(), "{number}");
        // The good copy can be restored into the same profile.
        let done = home.run(&["restore", file.to_str().expect("a path in UTF-8")]);
        assert_eq!(done.code, 0, "{number}: {done:?}");
        assert_eq!(home.texts(), ["before"]);
    }
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
