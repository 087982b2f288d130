//! Tests the settings file, overridden by flags and environment, with the real program.

use std::fs;

use crate::program::{Finished, Home, TestDir, finish};

fn with_variable(home: &Home, (name, value): (&str, &str), words: &[&str]) -> Finished {
    finish(home.command(words).env(name, value).spawn().expect("the program starts"))
}

#[test]
fn environment_and_flags_override_settings() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    let nick = |done: Finished| done.lines()[0]["nick"].as_str().expect("a name").to_string();
    assert_eq!(nick(home.run(&["whoami", "--json"])), "ada");
    let set = home.run(&["config", "set", "nick", "carol"]);
    assert_eq!((set.code, set.out.as_str()), (0, ""), "{set:?}");
    assert_eq!(nick(home.run(&["whoami", "--json"])), "carol");
    let variable = ("MULTICHAT_NICK", "dave");
    assert_eq!(nick(with_variable(&home, variable, &["whoami", "--json"])), "dave");
    let words = ["whoami", "--json", "--nick", "erin"];
    assert_eq!(nick(with_variable(&home, variable, &words)), "erin");
    assert_eq!(home.run(&["config", "get", "nick"]).out, "carol\n");
    assert_eq!(home.run(&["config", "get", "theme"]).out, "dark\n");
    let path = home.run(&["config", "path"]).out;
    assert_eq!(path.trim(), home.data.join("config.toml").to_str().expect("UTF-8"));
    // An explicit file is used instead of the one beside the data.
    let own = dir.path().join("own.toml");
    fs::write(&own, "nick = \"frank\"").expect("written");
    let own = own.to_str().expect("UTF-8");
    assert_eq!(nick(home.run(&["--config", own, "whoami", "--json"])), "frank");
    assert_eq!(
        nick(with_variable(&home, ("MULTICHAT_CONFIG", own), &["whoami", "--json"])),
        "frank"
    );
}

#[test]
fn peers_from_the_file_are_dialled() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    assert_eq!(a.run(&["send", "hello"]).code, 0);
    let (_serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    assert_eq!(b.run(&["config", "set", "peers", &addr]).code, 0);
    let synced = b.run(&["sync"]);
    assert_eq!(synced.code, 0, "{synced:?}");
    assert_eq!(b.texts(), ["hello"]);
}

#[test]
fn invalid_settings_file_is_reported_with_its_line() {
    let dir = TestDir::new();
    let (home, _) = dir.host("ada");
    fs::write(home.data.join("config.toml"), "# mine\nthem = \"light\"\n").expect("written");
    let done = home.run(&["rooms"]);
    assert_eq!((done.code, done.out.as_str()), (4, ""));
    assert!(done.err.starts_with("error[config.key]"), "{done:?}");
    for part in ["line 2", "did you mean: theme ?", "multichat config edit"] {
        assert!(done.err.contains(part), "{part}: {done:?}");
    }
    let doctor = home.run(&["doctor"]);
    assert!(doctor.out.contains("config   fail  config.key"), "{doctor:?}");
    // An editor that fixes the file.
    let editor = ("EDITOR", "sed -i s/^them/theme/");
    let edited = with_variable(&home, editor, &["config", "edit"]);
    assert_eq!(edited.code, 0, "{edited:?}");
    assert_eq!(home.run(&["config", "get", "theme"]).out, "light\n");
    let text = fs::read_to_string(home.data.join("config.toml")).expect("a file");
    assert!(text.starts_with("# mine\n") && text.contains("# Dial these"), "{text}");
    for (words, code, what) in [
        (&["config", "get", "them"][..], 3, "did you mean: theme ?"),
        (&["config", "set", "notify", "loud"], 4, "use all, mentions, none"),
        (&["--config", "nowhere", "rooms"], 4, "there is no file nowhere"),
        (&["config", "edit"], 1, "EDITOR"),
    ] {
        let done = home.run(words);
        assert!(done.code == code && done.err.contains(what), "{words:?}: {done:?}");
    }
}

#[test]
fn rooms_of_one_name_are_distinguished_renamed_and_left() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run(&["send", "in the first"]).code, 0);
    let second = a.run(&["new", "kitchen", "--no-open"]);
    assert!(second.err.contains("note[room.same-name]: two rooms are called"), "{second:?}");
    let rooms = a.run(&["--json", "rooms"]).lines();
    let id = |at: usize| rooms[at]["id"].as_str().expect("an id").to_string();
    let both = [id(0), id(1)];
    assert_ne!(both[0], both[1]);
    let named = a.run(&["--room", "kitchen", "tail"]);
    assert_eq!(named.code, 3, "{named:?}");
    assert!(both.iter().all(|id| named.err.contains(id)), "{named:?}");
    let is_first = |id: &&String| a.run(&["--room", id, "tail"]).out.contains("in the first");
    let first = both.iter().find(is_first).expect("one of them");
    assert_eq!(a.run(&["--room", first, "rename", "old", "kitchen"]).code, 0);
    assert!(a.run(&["--room", "old kitchen", "tail"]).out.contains("in the first"));
    // Without a terminal no person can confirm.
    let kept = a.run(&["leave", "old kitchen"]);
    assert_eq!((kept.code, kept.err.contains("--yes")), (10, true), "{kept:?}");
    assert_eq!(a.run(&["leave", "old kitchen", "--yes"]).code, 0);
    assert_eq!(a.run(&["rooms"]).out.lines().count(), 1);
    assert_eq!(a.run(&["tail"]).code, 0);
    let folders = std::fs::read_dir(a.data.join("default/rooms")).expect("rooms");
    assert_eq!(folders.count(), 1);
}
