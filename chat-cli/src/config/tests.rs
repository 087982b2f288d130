use super::file::{KeyChange, documented, text_of, write};
use super::*;
use crate::appearance::{Appearance, Notify, Timestamps};
use crate::args::Invocation;
use crate::args::parse::parse;
use crate::report::ColourMode;

fn read(text: &str) -> Result<Config, Failure> {
    Config::parse(text, Path::new("config.toml"))
}

fn refused(text: &str) -> (ExitCode, &'static str, String) {
    let failure = read(text).expect_err(text);
    let shown = failure.report().expect("a report").text(ColourMode::Plain);
    (failure.exit(), failure.code(), shown)
}

fn global(words: &str) -> Global {
    let words = std::iter::once("multichat").chain(words.split_whitespace());
    let Invocation { global, .. } = parse(words.map(Into::into)).expect("a command line");
    global
}

const ALL: &str = r#"
nick = "carol"
theme = "light"
notify = "all"
timestamps = "seconds"
ui = "line"
transport = ["tcp", "lan"]
listen = "127.0.0.1:4977"
peers = ["192.0.2.7:4977", "[2001:db8::7]:1"]
bootstrap = ["192.0.2.8:49737"]
"#;

#[test]
fn file_fills_values_without_a_flag() {
    let mut found = global("serve");
    read(ALL).unwrap().fill_defaults(&mut found);
    assert_eq!((found.nick.as_deref(), found.ui), (Some("carol"), Some(Ui::Line)));
    assert_eq!(found.listen, Some("127.0.0.1:4977".parse().unwrap()));
    assert_eq!(found.peers.iter().map(ToString::to_string).collect::<Vec<_>>().len(), 2);
    assert!(found.discovery.uses_lan() && found.discovery.uses_dht());
    let appearance = Appearance {
        theme: Some(Theme::Light),
        notify: Notify::All,
        timestamps: Timestamps::Seconds,
    };
    assert_eq!(found.appearance, appearance);
}

#[test]
fn flag_overrides_the_file() {
    let mut found = global(
        "--nick ada --ui tui --transport dht --listen 127.0.0.1:1 --peer h:2 --bootstrap h:3 serve",
    );
    let before = format!("{found:?}");
    read(&ALL.replace("light", "dark")).unwrap().fill_defaults(&mut found);
    found.appearance = Appearance::default();
    assert_eq!(format!("{found:?}"), before);
}

#[test]
fn empty_file_changes_nothing() {
    let mut found = global("serve");
    let before = format!("{found:?}");
    read("# nothing\n").unwrap().fill_defaults(&mut found);
    assert_eq!(format!("{found:?}"), before);
    assert!(!found.discovery.uses_discovery() && !found.discovery.is_offline());
}

#[test]
fn error_names_the_line() {
    let (exit, code, shown) = refused("nick = \"a\"\nnik = \"b\"\n");
    assert_eq!((exit, code), (ExitCode::BadInput, "config.key"));
    assert!(shown.contains("config.toml line 2: there is no setting 'nik'"), "{shown}");
    assert!(shown.contains("did you mean: nick ?"), "{shown}");
    let (_, code, shown) = refused("\ntheme = \"pink\"");
    assert_eq!(code, "config.value");
    assert!(shown.contains("line 2: theme: use dark, light or plain"), "{shown}");
    assert!(shown.contains("^^^^^^"), "{shown}");
    let (_, code, shown) = refused("nick = \"a\"\nnotify\n");
    assert_eq!(code, "config.syntax");
    assert!(shown.contains("line 2"), "{shown}");
}

#[test]
fn value_of_the_wrong_shape_is_refused() {
    for wrong in [
        "nick = 1",
        "nick = []",
        "nick = [\"a\", \"b\"]",
        "nick = \"\"",
        "peers = [1]",
        "peers = [\"here\"]",
        "listen = \"4977\"",
        "transport = [\"pigeon\"]",
        "notify = true",
        "bootstrap = {}",
        "timestamps = \"hours\"",
        "author-mib = \"0\"",
        "author-mib = \"1048577\"",
        "room-mib = \"1 GiB\"",
    ] {
        assert_eq!(refused(wrong).1, "config.value", "{wrong}");
    }
    assert_eq!(refused("[nick]\na = \"b\"").1, "config.value");
    assert_eq!(refused("nick = \"a\"\nnick = \"b\"").1, "config.syntax");
}

#[test]
fn new_file_documents_every_key_and_sets_none() {
    let text = documented(None);
    assert_eq!(read(&text), Ok(Config::default()));
    for key in Key::ALL {
        let example = format!("{} = {}", key.name(), key.example());
        assert!(text.contains(&format!("\n# {example}\n")), "{example}");
        assert!(read(&example).is_ok(), "{example}");
        let default = key.default().map(|word| vec![word.to_string()]);
        if let Some(words) = default {
            let mut config = Config::default();
            assert!(config.set(key, words).is_ok());
            assert_eq!(config.quota, Quota::default(), "the default of {example}");
        }
    }
    assert_eq!(documented(Some(&text)), text);
}

#[test]
fn change_keeps_the_rest_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/config.toml");
    let set = |key, word: &str| {
        let draft = KeyChange::new(&path, key, vec![word.into()])?;
        write(&path, &draft.text)?;
        Ok::<_, Failure>(draft.text)
    };
    let first = set(Key::Nick, "a \"quoted\" \u{e9}").unwrap();
    assert!(first.contains("# Your name, as others see it."), "{first}");
    let own = first.replace("nick = ", "  # mine\nnick   =  ") + "# the end\n";
    write(&path, &own).unwrap();
    let changed = set(Key::Nick, "carol").unwrap();
    assert_eq!(
        changed,
        own.replace("\"a \\\"quoted\\\" \u{e9}\"", "\"carol\"")
            .replace("'a \"quoted\" \u{e9}'", "\"carol\"")
    );
    let both = set(Key::Notify, "none").unwrap();
    assert!(both.contains("\nnotify = \"none\"\n") && both.contains("# the end"), "{both}");
    assert_eq!(set(Key::Notify, "loud").unwrap_err().code(), "config.value");
    assert_eq!(text_of(&path).unwrap(), Some(both));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        set(Key::Notify, "all").unwrap();
        assert_eq!(mode(&path), 0o640);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, &text_of(&path).unwrap().unwrap()).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink(), "the link stays one");
        set(Key::Notify, "none").unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(folder.path().join("new")).unwrap().collect();
    assert_eq!(left.len(), 1, "no draft is left over");
}

#[test]
fn change_without_a_place_in_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    // The only line that looks like an example is inside a string.
    write(&path, "nick = \"\"\"a\n# theme = \"dark\"\n\"\"\"\n").unwrap();
    let failure = KeyChange::new(&path, Key::Theme, vec!["light".into()]).err().unwrap();
    assert_eq!(failure.code(), "config.place");
}
