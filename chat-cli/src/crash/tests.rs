use std::process::Command;

use super::*;
use crate::output::install_panic_hook;

/// The variable that passes the folder to the crashing process.
const VARIABLE: &str = "MULTICHAT_TEST_CRASH";
const SECRET: &str = "meet me at noon";

/// Not an independent test: the next test runs it in its own process.
#[test]
fn crash_when_asked_to() {
    let Some(folder) = std::env::var_os(VARIABLE) else { return };
    set_folder(folder.into());
    install_panic_hook();
    panic!("{SECRET}");
}

#[test]
fn crash_file_holds_no_message_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("state/crash");
    let mut rerun = Command::new(std::env::current_exe().unwrap());
    rerun.args(["--exact", "crash::tests::crash_when_asked_to", "--nocapture"]);
    let done = rerun.env(VARIABLE, &folder).output().unwrap();
    assert!(!done.status.success());
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(stderr.contains("error[crash]: multichat crashed at "), "{stderr}");
    let path = files(&folder).unwrap().remove(0);
    assert!(stderr.contains(&*path.to_string_lossy()), "{stderr}");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("tests.rs:") && text.contains("crash_when_asked_to"), "{text}");
    assert!(!text.contains(SECRET) && !stderr.contains(SECRET), "{stderr}{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn oldest_crash_files_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..FILES_MAX {
        fs::write(folder.path().join(format!("20010101T00000{number}-1.txt")), "").unwrap();
    }
    fs::write(folder.path().join("of-somebody-else"), "").unwrap();
    let path = write_into(folder.path(), " at x.rs:1").unwrap();
    assert_eq!(count(folder.path()), FILES_MAX);
    let left = files(folder.path()).unwrap();
    assert!(left[0].ends_with("20010101T000001-1.txt") && left.contains(&path), "{left:?}");
    assert!(folder.path().join("of-somebody-else").exists());
}
