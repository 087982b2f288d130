//! Folders of the crate `hypercore` and of JavaScript, brought into a multifeed.

use std::fs;
use std::path::{Path, PathBuf};

use hypercore::{HypercoreBuilder, PartialKeypair, SigningKey, Storage};
use import_hypercore::{ImportError, Imported, Layout, Source, Target, adopt, copy};
use multifeed_core::{Config, FeedId, FeedKey, Group, KeyPair};
use multifeed_store::{MemoryStore, Store};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Holds the seed 07×32, as the cores of JavaScript do.
fn author() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

/// Writes a folder with the crate. Each batch is one append.
fn written(batches: &[Vec<Vec<u8>>]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().to_path_buf();
    runtime().block_on(async {
        let storage = Storage::new_disk(&path, true).await.expect("a storage");
        let secret = SigningKey::from_bytes(author().seed());
        let pair = PartialKeypair { public: secret.verifying_key(), secret: Some(secret) };
        let core = HypercoreBuilder::new(storage).key_pair(pair).build().await.expect("a core");
        for batch in batches {
            core.append_batch(batch).await.expect("it appends");
        }
    });
    folder
}

/// The folder of a core that JavaScript wrote.
fn javascript(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cores").join(name)
}

/// A block of those cores, as `generate.js` makes it.
fn block(index: u64) -> Vec<u8> {
    let text = format!("block {index} ").into_bytes();
    text.iter().copied().cycle().take(((index * 37) % 101) as usize).collect()
}

/// A copy of a core of JavaScript that may be damaged.
fn copied(name: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for file in ["oplog", "tree", "bitfield", "data"] {
        fs::copy(javascript(name).join(file), folder.path().join(file)).expect("it is there");
    }
    folder
}

fn config(seed: u8) -> Config {
    Config::new(Group::keyed([9; 32]), [seed; 32])
}

fn target() -> Target<MemoryStore> {
    Target::open(config(1), MemoryStore::new()).expect("an empty store")
}

fn find<S: Store>(target: &Target<S>, key: &FeedKey) -> FeedId {
    target.multifeed().find(key).expect("it was imported").id
}

/// All blocks of an imported feed.
fn blocks<S: Store>(target: &mut Target<S>, done: &Imported) -> Vec<Vec<u8>> {
    let feed = find(target, &done.key);
    let blocks = target.read(feed, 0, done.length).expect("they are held");
    blocks.iter().map(|block| block.to_vec()).collect()
}

#[track_caller]
fn refused(folder: &Path) -> ImportError {
    let refused = Source::open(folder).and_then(|mut source| {
        source.require_complete()?;
        adopt(&mut source, &mut target())
    });
    refused.expect_err("it cannot be imported")
}

#[test]
fn a_core_of_the_crate_is_adopted_with_its_key() {
    let batches: Vec<Vec<Vec<u8>>> = vec![vec![b"one".to_vec(), Vec::new()], vec![vec![5; 9_000]]];
    let folder = written(&batches);
    let mut source = Source::open(folder.path()).expect("a core");
    assert_eq!((source.length(), source.held(), source.fork()), (3, 3, 0));
    let mut target = target();
    let done = adopt(&mut source, &mut target).expect("signed blocks");
    let key = FeedKey(author().public_key().0);
    assert_eq!(done, Imported { key, length: 3, byte_length: 9_003, before: 0 });
    assert_eq!(blocks(&mut target, &done), batches.concat());
    // The store holds it: a multifeed that is opened later has it too.
    let mut again = Target::open(config(2), target.close()).expect("its store");
    assert_eq!(blocks(&mut again, &done), batches.concat());
    let done = adopt(&mut source, &mut again).expect("nothing to do");
    assert_eq!(done.before, 3);
}

#[test]
fn an_import_continues_when_the_core_has_grown() {
    let batches: Vec<Vec<Vec<u8>>> = (0..40).map(|byte| vec![vec![byte; 50]; 3]).collect();
    let mut target = target();
    for end in [10, 40] {
        let folder = written(&batches[..end]);
        let mut source = Source::open(folder.path()).expect("a core");
        let before = if end == 10 { 0 } else { 30 };
        let length = 3 * end as u64;
        let done = adopt(&mut source, &mut target).expect("signed blocks");
        assert_eq!((done.before, done.length), (before, length));
        assert_eq!(blocks(&mut target, &done), batches[..end].concat());
        let pair = KeyPair::from_seed(&[8; 32]);
        let done = copy(&mut source, &mut target, "old", pair).expect("signed blocks");
        assert_eq!((done.before, done.length), (before, length));
        assert_eq!(blocks(&mut target, &done), batches[..end].concat());
    }
}

#[test]
fn a_copy_can_be_continued() {
    let folder = written(&[vec![b"one".to_vec()], vec![b"two".to_vec()]]);
    let mut source = Source::open(folder.path()).expect("a core");
    let mut target = target();
    let pair = || KeyPair::from_seed(&[8; 32]);
    let done = copy(&mut source, &mut target, "old", pair()).expect("signed blocks");
    assert_ne!(done.key, source.key());
    assert!(target.multifeed().feed(find(&target, &done.key)).expect("a feed").is_writable);
    // A writer that holds other blocks is not continued.
    let other = written(&[vec![b"one".to_vec()], vec![b"other".to_vec()]]);
    let mut other = Source::open(other.path()).expect("a core");
    let conflict = copy(&mut other, &mut target, "old", pair()).expect_err("it differs");
    assert!(matches!(conflict, ImportError::Conflict { index: 1 }), "{conflict}");
}

#[test]
fn cores_of_javascript_are_adopted() {
    for (name, is_compat) in [("compat", true), ("manifest", false)] {
        let mut source = Source::open(javascript(name)).expect("a core");
        assert_eq!(source.public_key(), author().public_key(), "{name}");
        assert_eq!(source.key().0 == author().public_key().0, is_compat, "{name}");
        let mut target = target();
        let done = adopt(&mut source, &mut target).expect("signed blocks");
        assert_eq!((done.key, done.length), (source.key(), 13));
        let expected: Vec<_> = (0..13).map(block).collect();
        assert_eq!(blocks(&mut target, &done), expected, "{name}");
    }
}

#[test]
fn a_truncated_core_is_adopted_as_it_is_now() {
    let mut source = Source::open(javascript("truncated")).expect("a core");
    assert_eq!((source.length(), source.fork()), (7, 1));
    let mut target = target();
    let done = adopt(&mut source, &mut target).expect("signed blocks");
    let mut expected: Vec<_> = (0..5).map(block).collect();
    expected.extend([b"after".to_vec(), b"the cut".to_vec()]);
    assert_eq!(blocks(&mut target, &done), expected);
}

#[test]
fn a_core_with_cleared_blocks_is_imported_up_to_them() {
    let folder = javascript("cleared");
    let error = refused(&folder);
    assert!(matches!(error, ImportError::Incomplete { held: 4, length: 13 }), "{error}");
    let mut source = Source::open(folder).expect("a core");
    let mut target = target();
    let done = adopt(&mut source, &mut target).expect("signed blocks");
    assert_eq!(blocks(&mut target, &done), (0..4).map(block).collect::<Vec<_>>());
}

#[test]
fn other_folders_are_named() {
    for (files, expected) in [
        (vec!["CURRENT", "LOCK"], Layout::RocksDb),
        (vec!["key", "signatures", "tree"], Layout::Hypercore9),
        (vec!["cores"], Layout::Corestore),
        (vec!["notes"], Layout::Unknown),
    ] {
        let folder = TempDir::new().expect("a folder");
        for file in files {
            fs::write(folder.path().join(file), b"").expect("written");
        }
        match refused(folder.path()) {
            ImportError::Layout { layout, .. } => assert_eq!(layout, expected),
            error => panic!("{error}"),
        }
    }
    let missing = Path::new("no such folder");
    assert!(matches!(refused(missing), ImportError::Io { path, .. } if path == missing));
}

#[test]
fn every_damaged_byte_is_noticed() {
    // In the blocks and in the signed header, every byte counts.
    for (file, places) in [("data", 0..563), ("oplog", 0..312)] {
        for place in places.step_by(7) {
            let folder = copied("compat");
            let path = folder.path().join(file);
            let mut bytes = fs::read(&path).expect("read");
            bytes[place] ^= 0x10;
            // Without the second header, which is older.
            if file == "oplog" {
                bytes[4096..8192].fill(0);
            }
            fs::write(&path, bytes).expect("written");
            let error = refused(folder.path());
            let is_expected = match file {
                "data" => matches!(error, ImportError::Unsigned),
                _ => matches!(error, ImportError::Damaged { file: "oplog", .. }),
            };
            assert!(is_expected, "{file} at {place}: {error}");
        }
    }
}

#[test]
fn a_shortened_file_is_noticed() {
    for (file, length) in [("data", 500), ("data", 0), ("tree", 900), ("tree", 0), ("oplog", 200)] {
        let folder = copied("compat");
        let opened = fs::OpenOptions::new().write(true).open(folder.path().join(file));
        opened.and_then(|file| file.set_len(length)).expect("shortened");
        let error = refused(folder.path());
        let is_expected =
            matches!(error, ImportError::Damaged { .. } | ImportError::Incomplete { .. });
        assert!(is_expected, "{file}: {error}");
    }
}

#[test]
fn a_block_that_is_too_large_is_named() {
    let folder = written(&[vec![vec![1; 10]], vec![vec![2; 1_100_000]]]);
    let error = refused(folder.path());
    let expected = "block 1 has 1100000 bytes, and a multifeed accepts 1048576";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_folder_is_not_written_to() {
    let folder = copied("truncated");
    let read = || -> Vec<_> {
        let files = fs::read_dir(folder.path()).expect("a folder");
        let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        files.sort();
        files.into_iter().map(|path| (fs::read(&path).expect("read"), path)).collect()
    };
    let before = read();
    let mut source = Source::open(folder.path()).expect("a core");
    adopt(&mut source, &mut target()).expect("signed blocks");
    assert_eq!(read(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever was flushed when the program ended.
    #[test]
    fn any_core_of_the_crate_is_read(
        batches in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
            1..20,
        ),
    ) {
        let folder = written(&batches);
        let mut source = Source::open(folder.path()).expect("a core");
        let mut target = target();
        let done = adopt(&mut source, &mut target).expect("signed blocks");
        prop_assert_eq!(blocks(&mut target, &done), batches.concat());
    }

    /// Damage anywhere fails the import or changes nothing.
    #[test]
    fn no_damage_is_imported(
        file in 0..4_usize,
        place in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..40),
        name in prop::sample::select(vec!["compat", "manifest", "truncated"]),
    ) {
        let folder = copied(name);
        let path = folder.path().join(["oplog", "tree", "bitfield", "data"][file]);
        let mut content = fs::read(&path).expect("read");
        let at = place.index(content.len());
        let end = content.len().min(at + bytes.len());
        content[at..end].copy_from_slice(&bytes[..end - at]);
        fs::write(&path, content).expect("written");
        let mut target = target();
        let source = Source::open(folder.path());
        let done = source.and_then(|mut source| adopt(&mut source, &mut target));
        if let Ok(done) = done {
            let whole: Vec<_> = (0..13).map(block).collect();
            let mut cut: Vec<_> = (0..5).map(block).collect();
            cut.extend([b"after".to_vec(), b"the cut".to_vec()]);
            let held = blocks(&mut target, &done);
            prop_assert!(whole.starts_with(&held) || cut.starts_with(&held));
        }
    }
}
