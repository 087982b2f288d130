//! Tests a relay: it stores and forwards a room that it cannot read.

use std::path::{Path, PathBuf};

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{FixedOutput, KeyInit, Update};
use multichat::args::{self, Global};
use multichat::invite::{Invite, Right, encode_symbols};
use multichat::message::{self, Draft};
use multichat::profile::Profile;
use multichat::session::Session;

use crate::program::{Home, Running, TestDir};

const TEXT: &str = "the soup is at noon";
const MARKER: &str = "(a message encrypted with another key)";

/// Returns every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

/// Returns the files of a member that contain these bytes.
fn holders(home: &Home, what: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).expect("readable");
        bytes.windows(what.len()).any(|part| part == what)
    };
    files(&home.data).into_iter().filter(holds).collect()
}

fn assert_holds_not(home: &Home, what: &[u8]) {
    let holders = holders(home, what);
    assert!(holders.is_empty(), "{} in {holders:?}", String::from_utf8_lossy(what));
}

fn content_key(secret: &[u8]) -> [u8; 32] {
    let mut hash = Blake2bMac::<U32>::new_from_slice(b"multichat/1/content").expect("a key");
    hash.update(secret);
    hash.finalize_fixed().into()
}

/// Creates a relay.
fn keeper(dir: &TestDir, host: &Home) -> Home {
    let invite = host.run(&["invite", "--seed"]);
    assert_eq!(invite.code, 0, "{invite:?}");
    assert!(invite.err.contains("sees who writes when and how much, and cannot read"));
    let keeper = dir.home("keeper");
    // Without `--no-open`: a relay opens no screen.
    let joined = keeper.run(&["join", invite.out.trim()]);
    assert_eq!((joined.code, joined.out.as_str()), (0, ""), "{joined:?}");
    assert!(joined.err.contains("multichat serve"), "{joined:?}");
    keeper
}

fn sync(home: &Home, addr: &str) {
    let synced = home.run(&["--peer", addr, "sync", "--until", "all"]);
    assert_eq!(synced.code, 0, "{synced:?}");
}

/// A room with a message, and a relay that has it from the room's creator.
struct Kept {
    a: Home,
    invite: String,
    b: Home,
    /// The creator's process and its address.
    serving: Running,
    addr: String,
}

fn kept(dir: &TestDir) -> Kept {
    let (a, invite) = dir.host("first");
    assert_eq!(a.run(&["send", TEXT]).code, 0);
    let b = keeper(dir, &a);
    let (serving, addr) = a.serve(&[]);
    sync(&b, &addr);
    Kept { a, invite, b, serving, addr }
}

/// Commands that read or write all end with the same error and help.
fn assert_sealed(home: &Home, words: &[&str]) {
    let done = home.run_with("hello\n", words);
    assert_eq!(done.code, 10, "{words:?}: {done:?}");
    assert!(done.err.starts_with("error[room.sealed]: "), "{words:?}: {done:?}");
    assert!(done.err.contains("multichat serve"), "{words:?}: {done:?}");
    assert!(done.err.contains("ask a member for an invite"), "{words:?}: {done:?}");
    assert_eq!(done.out, "", "{words:?}");
}

#[test]
fn seeder_stores_a_room_that_it_cannot_read() {
    let dir = TestDir::new();
    let Kept { a, invite, b, serving, .. } = kept(&dir);
    serving.stop("TERM");

    // The creator is offline; a member gets everything from the relay.
    let (serving, addr) = b.serve(&[]);
    let c = dir.joiner("third", &invite);
    sync(&c, &addr);
    assert_eq!(c.messages(), [("first".to_string(), TEXT.to_string())]);
    let sent = c.run(&["--peer", &addr, "send", "thanks", "--wait", "peer"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    // Handed to the serving process, which continues.
    assert_sealed(&b, &["send", "hello"]);
    let d = dir.joiner("fourth", &invite);
    sync(&d, &addr);
    assert_eq!(d.texts(), [TEXT, "thanks"]);
    assert_eq!(serving.stop("TERM").code, 143);

    // It reads all blocks to verify them.
    assert_eq!(b.run(&["doctor", "store"]).code, 0);
    assert_holds_nothing(&a, &b, &invite);
    let (serving, addr) = b.serve(&[]);
    sync(&a, &addr);
    serving.stop("TERM");
    assert_eq!(a.texts(), [TEXT, "thanks"]);

    // With a member's invite, the same folder becomes readable, in the same order as for others.
    let before = b.run(&["rooms"]).out;
    assert!(before.contains("(relay)"), "{before}");
    assert_eq!(b.run(&["rooms", "--json"]).lines()[0]["kept"], true);
    let joined = b.run(&["--nick", "second", "join", &invite, "--no-open"]);
    assert_eq!(joined.code, 0, "{joined:?}");
    assert_eq!(b.run(&["rooms", "--json"]).lines()[0]["kept"], serde_json::Value::Null);
    let after = b.run(&["rooms"]).out;
    assert_eq!((after.lines().count(), &after[..8]), (1, &before[..8]));
    assert!(!after.contains("(relay)"), "{after}");
    assert_eq!(b.messages(), a.messages());
    assert_eq!(b.run(&["send", "now I can read it"]).code, 0);
    assert_eq!(b.texts(), [TEXT, "thanks", "now I can read it"]);
    assert!(b.run(&["search", "soup"]).out.contains(TEXT));
}

/// Checks that nothing on a relay's disk helps a reader.
fn assert_holds_nothing(member: &Home, seeder: &Home, invite: &str) {
    let secret = *Invite::parse(invite).expect("an invite").key();
    let content = content_key(&secret);
    let hex = |key: &[u8]| data_encoding::HEXLOWER.encode(key);
    for key in [&secret, &content] {
        for form in [&key[..], encode_symbols(key).as_bytes(), hex(key).as_bytes()] {
            assert_holds_not(seeder, form);
        }
    }
    for known in [TEXT, "thanks", "kitchen", "chat-message", "nickname", "third"] {
        assert_holds_not(seeder, known.as_bytes());
    }
    // A relay has no index: the order of unreadable messages would be different.
    let is_index = |path: &PathBuf| path.ends_with("view.redb");
    assert!(!files(&seeder.data).iter().any(is_index) && files(&member.data).iter().any(is_index));
    // The search finds what it should: a member has the secret, a relay the group key, and both
    // have the encrypted messages.
    assert_eq!(holders(member, encode_symbols(&secret).as_bytes()).len(), 1);
    let seed = Invite::parse(&seeder.run(&["invite", "--seed"]).out).expect("an invite");
    assert_eq!(holders(seeder, encode_symbols(seed.key()).as_bytes()).len(), 1);
    assert_holds_not(member, TEXT.as_bytes());
}

#[test]
fn reading_or_writing_a_seeded_room_explains_itself() {
    let dir = TestDir::new();
    let Kept { a, b, serving, addr, .. } = kept(&dir);
    let peers = b.run(&["--peer", &addr, "peers"]);
    assert_eq!((peers.code, peers.out.lines().count()), (0, 1), "{peers:?}");
    serving.kill();
    for words in [
        &[][..],
        &["chat"],
        &["send", "hello"],
        &["send"],
        &["tail"],
        &["tail", "-f"],
        &["search", "soup"],
        &["export"],
        &["pipe"],
        &["channels"],
        &["invite"],
        &["invite", "--no-hints"],
        &["invite", "--qr"],
    ] {
        assert_sealed(&b, words);
    }
    for words in [["--json", "pipe"], ["--json", "invite"]] {
        let done = b.run(&words);
        assert_eq!((done.code, &done.lines()[0]["code"]), (10, &"room.sealed".into()), "{done:?}");
    }

    // Commands that concern the room and not its messages work.
    let status = b.run(&["status"]).out;
    assert!(status.contains("1 message of"), "{status}");
    let feeds = b.run(&["feeds"]).out;
    assert_eq!(feeds.lines().count(), 1, "{feeds}");
    let inspected = b.run(&["inspect", "feed", &feeds[..8]]);
    assert!(inspected.out.contains("unreadable  1"), "{inspected:?}");
    assert_eq!(b.run(&["doctor", "store", "--fix"]).code, 0);
    assert_eq!(b.run(&["whoami"]).code, 0);
    let [one, other] = [&a, &b].map(|home| {
        let bare = home.run(&["invite", "--seed", "--no-hints"]);
        assert_eq!((bare.code, bare.out.trim().len()), (0, 68), "{bare:?}");
        Invite::parse(&bare.out).expect("an invite")
    });
    assert_eq!(one, other);
    assert_eq!(one.right(), Right::Seeder);
}

#[test]
fn open_room_has_no_seeder_invite() {
    let dir = TestDir::new();
    let home = dir.home("first");
    assert_eq!(home.run(&["join", "--open", "foobar-123", "--no-open"]).code, 0);
    let done = home.run(&["invite", "--seed"]);
    assert_eq!((done.code, done.out.as_str()), (4, ""), "{done:?}");
    assert!(done.err.starts_with("error[room.open]: "), "{done:?}");
    assert!(done.err.contains("multichat join --open foobar-123"), "{done:?}");
    // Its messages have the workshop's format.
    assert_eq!(home.run(&["send", TEXT]).code, 0);
    assert_eq!(holders(&home, TEXT.as_bytes()), [home.store()]);
}

fn flags(home: &Home) -> Global {
    let folder = home.data.to_str().expect("a path in UTF-8");
    let words = ["multichat", "--nick", "first", "--data-dir", folder, "status"];
    args::parse::parse(words.map(Into::into)).expect("a command line").global
}

/// Opens the only room of a member without the program.
fn within<T>(home: &Home, work: impl AsyncFnOnce(&Session) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let global = flags(home);
        let profile = Profile::open(&global).expect("the profile");
        let room = profile.find(None).expect("the room");
        let session = Session::open(&global, profile, room).await.expect("the room opens");
        let done = work(&session).await;
        session.close().await;
        done
    })
}

/// Returns the last block of this member's feed.
async fn last_block(session: &Session) -> Vec<u8> {
    let feeds = session.node().feeds().await.expect("feeds");
    let own = feeds.iter().find(|feed| feed.id == session.feed()).expect("our own");
    let blocks = session.node().read(own.id, own.length - 1..own.length).await;
    blocks.expect("it is held")[0].to_vec()
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).expect("below"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("it is made");
        std::fs::copy(&path, &target).expect("it is copied");
    }
}

/// A copy of a profile encrypts another block for the same index. If the nonce depended on the
/// index, both blocks would reveal the difference of their texts.
#[test]
fn restored_copy_uses_a_new_nonce_for_the_same_index() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run(&["send", "before"]).code, 0);
    let feeds = a.store().parent().expect("a folder").to_path_buf();
    let kept = dir.path().join("copy");
    copy(&feeds, &kept);
    let texts = ["one text", "two text", "one text"];
    let sealed = texts.map(|text| {
        let (id, block) = within(&a, async |session| {
            let id = session.append("general", text).await.expect("it is stored");
            (id, last_block(session).await)
        });
        assert_eq!(id.index, 1);
        assert_eq!(a.texts(), ["before", text]);
        std::fs::remove_dir_all(&feeds).expect("it is removed");
        copy(&kept, &feeds);
        // A copy of the whole profile: it does not know what was signed since.
        std::fs::remove_dir_all(a.data.join("default/signed")).expect("it is removed");
        block
    });
    assert!(sealed.iter().all(|block| block.len() == sealed[0].len() && block[0] == 1));
    for (at, block) in sealed.iter().enumerate() {
        for other in &sealed[at + 1..] {
            assert_ne!(block[1..25], other[1..25], "the nonce");
            // About one in 256 random bytes is equal; with a reused nonce all would be.
            let alike = block[25..].iter().zip(&other[25..]).filter(|(one, two)| one == two);
            assert!(alike.count() < 16);
        }
    }
}

#[test]
fn seeder_can_neither_write_nor_republish_messages() {
    let dir = TestDir::new();
    let Kept { a, b, serving, .. } = kept(&dir);
    serving.kill();
    // It is a member of the multifeed and can sign any block.
    let now = "2026-11-22T08:26:14.138Z".parse().expect("a time");
    let plain = message::encode(&Draft::new("first", "send me money"), now).expect("it is short");
    within(&b, async |session| {
        let feeds = session.node().feeds().await.expect("feeds");
        let other = feeds.iter().find(|feed| feed.id != session.feed()).expect("of a member");
        let theirs = session.node().read(other.id, 0..1).await.expect("it is held")[0].to_vec();
        let forged = vec![plain, theirs];
        session.node().append(session.feed(), forged).await.expect("it is stored");
        assert!(session.append("general", "hello").await.is_err());
    });
    let (serving, addr) = b.serve(&[]);
    sync(&a, &addr);
    serving.kill();
    let lines = a.run(&["tail", "--json"]).lines();
    let read = lines.iter().filter(|line| line["unreadable"].is_null());
    assert_eq!(read.map(|line| &line["text"]).collect::<Vec<_>>(), [TEXT]);
    assert_eq!(lines.iter().filter(|line| line["unreadable"] == MARKER).count(), 2, "{lines:?}");
    assert_eq!(a.run(&["tail"]).out.matches(MARKER).count(), 2);
}
