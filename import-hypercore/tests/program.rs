//! The program: its output, its errors and its exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn core(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cores").join(name)
}

/// Runs the program in a folder, on a core of JavaScript.
fn run(folder: &Path, name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_import-hypercore"));
    command.current_dir(folder).arg(core(name)).args(["--store", "feeds"]).args(arguments);
    command.output().expect("it starts")
}

#[track_caller]
fn assert_output(output: &Output, code: i32, expected: &str) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8(text).expect("text");
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_core_is_adopted_and_copied_into_a_store() {
    let folder = TempDir::new().expect("a folder");
    let group = ["--group-name", "kitchen"];
    let adopted = run(folder.path(), "compat", &group);
    assert_output(&adopted, 0, "13 of 13 blocks with 563 bytes adopted as ea4a6c63");
    let again = run(folder.path(), "compat", &group);
    assert_output(&again, 0, "13 of them were there before");
    let copy = [&group[..], &["--copy", "main", "--key-file", "main.key"]].concat();
    let copied = run(folder.path(), "compat", &copy);
    assert_output(&copied, 0, "13 of 13 blocks with 563 bytes copied to ");
    // The key pair is kept, so the copy continues.
    assert_output(&run(folder.path(), "compat", &copy), 0, "13 of them were there before");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = fs::metadata(folder.path().join("main.key")).expect("it was created");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_secret_group_is_read_from_a_file() {
    let folder = TempDir::new().expect("a folder");
    let arguments = ["--group-key-file", "group.key"];
    assert_output(&run(folder.path(), "compat", &arguments), 1, "group.key: ");
    fs::write(folder.path().join("group.key"), "not a key").expect("written");
    let error = "group.key does not contain 64 hexadecimal digits";
    assert_output(&run(folder.path(), "compat", &arguments), 1, error);
    fs::write(folder.path().join("group.key"), "07".repeat(32) + "\n").expect("written");
    assert_output(&run(folder.path(), "compat", &arguments), 0, "13 of 13 blocks");
    // The store belongs to that group now.
    let other = run(folder.path(), "compat", &["--group-name", "kitchen"]);
    assert_output(&other, 1, "the store belongs to another group");
}

#[test]
fn missing_blocks_are_an_error_unless_the_user_accepts_it() {
    let folder = TempDir::new().expect("a folder");
    let group = ["--group-name", "kitchen"];
    let error = "the folder holds the first 4 of 13 blocks";
    assert_output(&run(folder.path(), "cleared", &group), 1, error);
    let partial = [&group[..], &["--partial"]].concat();
    assert_output(&run(folder.path(), "cleared", &partial), 0, "4 of 13 blocks");
}

#[test]
fn wrong_arguments_have_their_own_exit_code() {
    let folder = TempDir::new().expect("a folder");
    assert_output(&run(folder.path(), "compat", &[]), 2, "--group-name");
    let copy = ["--group-name", "kitchen", "--copy", "main"];
    assert_output(&run(folder.path(), "compat", &copy), 2, "--key-file");
}
