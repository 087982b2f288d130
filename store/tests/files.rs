//! The store's file: access mode, lock, creation, and files that are not stores.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use multifeed_store::{Check, DiskStore, FailureKind, Store};

const PATH_ENV: &str = "MULTIFEED_STORE_FILES_PATH";
const FILL_ENV: &str = "MULTIFEED_STORE_FILES_FILL";

fn key() -> StoreKey {
    StoreKey::from_bytes([1; 13])
}

fn kind_of_open(path: &Path) -> FailureKind {
    let failure = DiskStore::open(path, Check::Quick).unwrap_err();
    assert_eq!(failure.path(), Some(path), "{failure}");
    failure.kind()
}

/// Opens the store named by one variable, writes as many values as the other says, and prints the
/// result.
#[test]
#[ignore = "the child process of the tests below"]
fn child() {
    let Ok(path) = std::env::var(PATH_ENV) else {
        return;
    };
    let fill: u64 = std::env::var(FILL_ENV).map_or(0, |fill| fill.parse().unwrap());
    let result = DiskStore::open(path, Check::Quick).and_then(|mut store| {
        (0..fill).try_for_each(|index| {
            let mut key = [0; 13];
            key[..8].copy_from_slice(&index.to_be_bytes());
            let value = Bytes::from(vec![index as u8; 10_000]);
            let result = store.commit(&[&[Write::Put(StoreKey::from_bytes(key), value)]]);
            if result.is_err() {
                let next = store.commit(&[]).unwrap_err().kind();
                assert_eq!(next, FailureKind::Closed);
            }
            result
        })
    });
    // A panic message reaches the parent even if the test harness captures the output.
    panic!("result: {:?}", result.map_err(|failure| failure.kind()));
}

/// Runs the child from a shell command that ends with `exec "$@"`.
fn run(shell: &str, path: &Path, fill: u64) -> Output {
    let child = std::env::current_exe().unwrap();
    Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(child)
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(PATH_ENV, path)
        .env(FILL_ENV, fill.to_string())
        .output()
        .unwrap()
}

fn contains(output: &Output, text: &str) -> bool {
    [&output.stdout, &output.stderr].iter().any(|out| String::from_utf8_lossy(out).contains(text))
}

#[test]
fn the_file_is_private_to_its_owner_under_any_umask() {
    for umask in ["000", "022", "277", "777"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rooms/one/feeds");
        let output = run(&format!("umask {umask}; exec \"$@\""), &path, 0);
        assert!(contains(&output, "result: Ok"), "umask {umask}: {output:?}");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(&path), 0o600, "umask {umask}");
        assert_eq!(mode(path.parent().unwrap()), 0o700, "umask {umask}");
        assert_eq!(mode(&folder.path().join("rooms")), 0o700, "umask {umask}");
        let names = fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(names.count(), 1, "one file and nothing else");
    }
}

#[test]
fn a_second_open_fails_with_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feeds");
    let store = DiskStore::open(&path, Check::Quick).unwrap();
    assert_eq!(kind_of_open(&path), FailureKind::Locked);
    assert!(contains(&run("exec \"$@\"", &path, 0), "result: Err(Locked)"), "in another process");
    drop(store);
    DiskStore::open(&path, Check::Quick).unwrap();
    assert!(contains(&run("exec \"$@\"", &path, 0), "result: Ok"));
}

#[test]
fn a_store_opened_for_reading_is_read_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut store = DiskStore::open(at("feeds"), Check::Quick).unwrap();
    store.commit(&[&[Write::Put(key(), Bytes::from_static(b"value"))]]).unwrap();
    // As after a crash: the copy was not closed, so the engine repairs it when it is opened.
    fs::copy(at("feeds"), at("crashed")).unwrap();
    assert_eq!(
        DiskStore::open_read_only(at("feeds"), Check::Quick).unwrap_err().kind(),
        FailureKind::Locked
    );
    drop(store);
    for name in ["feeds", "crashed"] {
        let before = fs::read(at(name)).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o400)).unwrap();
        let mut store = DiskStore::open_read_only(at(name), Check::Quick).unwrap();
        let other = DiskStore::open_read_only(at(name), Check::Full).unwrap();
        let commit = store.commit(&[&[Write::Delete(key())]]);
        assert_eq!(commit.unwrap_err().kind(), FailureKind::ReadOnly);
        for store in [store, other] {
            assert_eq!(store.read(&[key()]).unwrap(), [Some(Bytes::from_static(b"value"))]);
        }
        assert_eq!(fs::read(at(name)).unwrap(), before, "{name}");
    }
    let missing = DiskStore::open_read_only(at("missing"), Check::Quick).unwrap_err();
    assert_eq!(missing.kind(), FailureKind::Io);
    assert!(!at("missing").exists());
}

#[test]
fn concurrent_creators_make_one_file() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/feeds");
        let open = || DiskStore::open(&path, Check::Quick);
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners = opened.iter().filter(|result| result.is_ok()).count();
        assert_eq!(winners, 1, "{opened:?}");
        let losers = opened.iter().filter_map(|result| result.as_ref().err());
        assert!(losers.into_iter().all(|failure| failure.kind() == FailureKind::Locked));
        drop(opened);
        open().unwrap();
    }
}

#[test]
fn a_leftover_of_a_crash_during_creation_is_not_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feeds");
    fs::write(folder.path().join("feeds.new"), [7; 100_000]).unwrap();
    let mut store = DiskStore::open(&path, Check::Quick).unwrap();
    store.commit(&[&[Write::Put(key(), Bytes::new())]]).unwrap();
    drop(store);
    let store = DiskStore::open(&path, Check::Full).unwrap();
    assert_eq!(store.read(&[key()]).unwrap(), [Some(Bytes::new())]);
    assert!(!folder.path().join("feeds.new").exists());
}

#[test]
fn a_file_that_is_not_a_store_is_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);

    fs::write(at("text"), "a letter").unwrap();
    assert_eq!(kind_of_open(&at("text")), FailureKind::Damaged);
    assert_eq!(fs::read(at("text")).unwrap(), b"a letter");

    fs::write(at("empty"), "").unwrap();
    assert_eq!(kind_of_open(&at("empty")), FailureKind::Damaged);
    assert_eq!(fs::metadata(at("empty")).unwrap().len(), 0);

    fs::create_dir(at("folder")).unwrap();
    assert_eq!(kind_of_open(&at("folder")), FailureKind::Io);
    assert_eq!(kind_of_open(&at("text/feeds")), FailureKind::Io);

    drop(DiskStore::open(at("feeds"), Check::Quick).unwrap());
    symlink(at("feeds"), at("link")).unwrap();
    assert_eq!(kind_of_open(&at("link")), FailureKind::Io);
    symlink(at("nowhere"), at("dangling")).unwrap();
    assert_eq!(kind_of_open(&at("dangling")), FailureKind::Io);
    symlink(at("text"), at("other.new")).unwrap();
    assert_eq!(kind_of_open(&at("other")), FailureKind::Io);
    assert_eq!(fs::read(at("text")).unwrap(), b"a letter");
}

/// Uses a file system of 3 MB in a separate mount namespace, which ends with the child.
#[test]
fn a_full_disk_fails_with_full() {
    let folder = tempfile::tempdir().unwrap();
    let shell =
        "mount -t tmpfs -o size=3m tmpfs \"${MULTIFEED_STORE_FILES_PATH%/*}\" && exec \"$@\"";
    let shell = format!("exec unshare --mount sh -c '{shell}' sh \"$@\"");
    let output = run(&shell, &folder.path().join("feeds"), 1_000);
    if !contains(&output, "result: ") {
        use std::io::Write as _;
        let reason = String::from_utf8_lossy(&output.stderr);
        writeln!(std::io::stderr(), "skipped: cannot mount a small file system: {reason}").unwrap();
        return;
    }
    assert!(contains(&output, "result: Err(Full)"), "{output:?}");
}
