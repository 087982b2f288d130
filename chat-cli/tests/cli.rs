//! Tests the real program on real folders, without a network.

use std::path::Path;
use std::process::{Command, Output};

use multichat::invite::Invite;
use tempfile::TempDir;

/// Creates a command with its own folder and an empty environment.
fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_multichat"));
    command.env_clear().env("MULTICHAT_DATA_DIR", dir.join("data")).args(words);
    command
}

fn run(dir: &TempDir, words: &[&str]) -> (i32, String, String) {
    shown(command(dir.path(), words).output().expect("the program starts"))
}

fn shown(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

/// Two invites of one room may differ in their inviter.
fn assert_same_room(one: &str, other: &str) {
    let [one, other] = [one, other].map(|text| Invite::parse(text).expect("an invite"));
    assert_eq!(one.key(), other.key());
    assert_eq!(one.hints().name(), other.hints().name());
    assert_ne!(one.hints().inviter(), other.hints().inviter());
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn without_a_room_it_prints_two_lines_of_help() {
    let (code, out, err) = run(&folder(), &[]);
    assert_eq!((code, out.lines().count(), err.as_str()), (0, 2, ""));
    for word in ["multichat new", "multichat join", "multichat demo"] {
        assert!(out.contains(word), "{out}");
    }
}

#[test]
fn invite_of_one_profile_is_joined_by_another() {
    let (first, second) = (folder(), folder());
    let (code, out, err) = run(&first, &["new", "kitchen", "--no-open"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("created room \"kitchen\""), "{err}");
    assert!(err.contains("anyone with this invite can read the whole history"));
    let invite = out.trim();
    // Key, name and fingerprint; an address adds 11 characters. A QR code of it fits 80 by 24.
    assert!(invite.starts_with("mfchat:") && invite.len() <= 96, "{out}");
    assert_eq!(run(&first, &["invite", "kitchen"]).1, out);
    let reachable = run(&first, &["invite", "--listen", "192.0.2.7:4977"]).1;
    assert!(reachable.trim().len() <= 108, "{reachable}");
    // An address that other machines cannot dial is left out.
    assert_eq!(run(&first, &["invite", "--listen", "0.0.0.0:4977"]).1, out);
    assert_eq!(run(&first, &["invite", "-q"]).2, "");

    let (head, tail) = invite.split_at(30);
    let (code, out, err) = run(&second, &["join", head, &tail.to_uppercase(), "--no-open"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("joined room \"kitchen\""), "{err}");
    assert_same_room(&run(&second, &["invite"]).1, invite);
}

#[test]
fn mistyped_invite_is_reported_and_repaired() {
    let (first, second) = (folder(), folder());
    let invite = run(&first, &["new", "--no-open"]).1.trim().to_string();
    let right = &invite[22..23];
    let wrong = if right == "y" { "b" } else { "y" };
    let broken = format!("{}{wrong}{}", &invite[..22], &invite[23..]);
    let (code, _, err) = run(&second, &["join", &broken, "--no-open"]);
    assert_eq!(code, 4);
    assert!(err.starts_with("error[ticket.checksum]: one character"), "{err}");
    assert!(err.contains(&format!("character 23 = '{right}'")), "{err}");
    assert!(!second.path().join("data").exists(), "nothing is made for a bad invite");
    let (code, _, err) = run(&second, &["join", "--repair", &broken, "--no-open"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("note[ticket.repaired]: character 23"), "{err}");
    assert_same_room(&run(&second, &["invite"]).1, &invite);
}

#[test]
fn open_room_has_no_invite() {
    let dir = folder();
    assert_eq!(run(&dir, &["join", "--open", "foobar-123", "--no-open"]).0, 0);
    let (code, out, err) = run(&dir, &["invite"]);
    assert_eq!((code, out.trim()), (0, "multichat join --open foobar-123"));
    assert!(err.contains("anyone who knows its name"), "{err}");
}

#[test]
fn json_mode_prints_only_to_stdout() {
    let dir = folder();
    let (code, out, err) = run(&dir, &["new", "kitchen", "--no-open", "--json"]);
    assert_eq!((code, err.as_str(), out.lines().count()), (0, "", 1));
    let line: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&line["v"], &line["type"]), (&1.into(), &"room".into()));
    assert!(line["ticket"].as_str().expect("a ticket").starts_with("mfchat:"));
    for (words, code, name) in [
        (&["--json", "invite", "kichen"][..], 3, "room.unknown"),
        (&["join", "--no-open", "mfchat:abc", "--json"], 4, "ticket.length"),
        (&["--json", "--nonsense"], 2, "usage"),
    ] {
        let (exit, out, err) = run(&dir, words);
        assert_eq!((exit, err.as_str(), out.lines().count()), (code, "", 1), "{words:?}");
        let line: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((&line["type"], &line["code"]), (&"error".into(), &name.into()));
    }
}

#[test]
fn profiles_are_separate_and_ephemeral_ones_write_nothing() {
    let dir = folder();
    assert_eq!(run(&dir, &["new", "kitchen", "--no-open"]).0, 0);
    assert_eq!(run(&dir, &["-p", "work", "invite", "kitchen"]).0, 3);
    let before = std::fs::read_dir(dir.path().join("data")).expect("a folder").count();
    assert_eq!(run(&dir, &["-p", "gone", "--ephemeral", "new", "x", "--no-open"]).0, 0);
    let after = std::fs::read_dir(dir.path().join("data")).expect("a folder").count();
    assert_eq!(before, after);
}

#[test]
fn closed_stdout_is_not_an_error() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let dir = folder();
    let output = command(dir.path(), &["--help"]).stdout(writer).output().expect("it starts");
    assert_eq!(shown(output), (0, String::new(), String::new()));
}

#[cfg(unix)]
#[test]
fn files_are_private_under_any_umask() {
    use std::os::unix::fs::PermissionsExt;

    for umask in ["000", "022", "777"] {
        let dir = folder();
        let program = env!("CARGO_BIN_EXE_multichat");
        let script = format!("umask {umask}; exec \"$0\" new kitchen --no-open");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, program]).env("MULTICHAT_DATA_DIR", dir.path().join("a/b"));
        assert_eq!(shown(shell.output().expect("sh")).0, 0, "umask {umask}");
        let mut folders = vec![dir.path().join("a")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            let mode = |path: &Path| {
                std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
            };
            assert_eq!(mode(&folder), 0o700, "{} under {umask}", folder.display());
            for entry in std::fs::read_dir(&folder).expect("readable") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    assert_eq!(mode(&path), 0o600, "{} under {umask}", path.display());
                    files += 1;
                }
            }
        }
        assert_eq!(files, 5, "LOCK, identity.key, identity.pub, room.toml, last-room");
    }
}
