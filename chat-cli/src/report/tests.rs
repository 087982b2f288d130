use super::*;

fn checksum() -> Failure {
    let input = "mfchat:ybndrfg8ejkmcpqxot1uwisza345h769";
    Failure::new(ExitCode::BadInput, "ticket.checksum", "one character of this invite is wrong")
        .snippet(Snippet::at(input, 10, 1))
        .help("did you mean 'o'?")
        .help("retry with  multichat join --repair INVITE")
}

fn text(failure: &Failure) -> String {
    failure.report().expect("has a report").text(ColourMode::Plain)
}

#[test]
fn text_form_has_code_caret_and_help() {
    let expected = "error[ticket.checksum]: one character of this invite is wrong\n\
                    \x20  mfchat:ybndrfg8ejkmcpqxot1uwis…\n\
                    \x20           ^\n\
                    \x20 help: did you mean 'o'?\n\
                    \x20       retry with  multichat join --repair INVITE\n";
    assert_eq!(text(&checksum()), expected);
}

#[test]
fn json_form_is_one_line() {
    let json = checksum().report().expect("has a report").json();
    assert_eq!(
        json,
        "{\"v\":1,\"type\":\"error\",\"code\":\"ticket.checksum\",\
         \"message\":\"one character of this invite is wrong\",\
         \"help\":\"did you mean 'o'?\\nretry with  multichat join --repair INVITE\"}"
    );
    let bare = Report::new(Level::Note, "net.nobody", "nobody is here").json();
    assert_eq!(bare, r#"{"v":1,"type":"note","code":"net.nobody","message":"nobody is here"}"#);
}

#[test]
fn foreign_text_is_sanitised() {
    let failure =
        Failure::new(ExitCode::NotFound, "room.unknown", "no room \u{1b}]0;x\u{7}\nerror: y")
            .help("or \u{202e}evil")
            .snippet(Snippet::at("\u{1b}[2J日\nx", 6, 1));
    let shown = text(&failure);
    assert_eq!(
        shown,
        "error[room.unknown]: no room \\u{1b}]0;x\\u{7}⏎error: y\n\
         \x20  ·[2J· x\n\
         \x20       ^\n\
         \x20 help: or \\u{202e}evil\n"
    );
}

#[test]
fn snippet_shows_only_nearby_characters() {
    let input: String = ('a'..='z').cycle().take(200).collect();
    let [line, caret] = Snippet::at(&input, 100, 2).lines();
    assert_eq!(line.chars().count(), 2 * SNIPPET_SIDE_CHARS + 2 + 2);
    assert_eq!(line.chars().nth(caret.find('^').expect("a caret")), input.chars().nth(99));
    assert!(caret.ends_with("^^"));
}

#[test]
fn caret_outside_the_input_does_not_panic() {
    for position in [0, 1, 5, 1_000, usize::MAX] {
        let [line, _] = Snippet { caret: 0, ..Snippet::at("abc", position, 1) }.lines();
        assert!(line.chars().count() <= 4);
    }
}

#[test]
fn colour_appears_only_when_enabled() {
    let failure = checksum();
    let report = failure.report().expect("has a report");
    assert!(!report.text(ColourMode::Plain).contains('\u{1b}'));
    assert!(
        report.text(ColourMode::Colour).starts_with("\u{1b}[1;31merror[ticket.checksum]\u{1b}[0m")
    );
    let note = Report::new(Level::Note, "net.nobody", "x").text(ColourMode::Colour);
    assert!(note.starts_with("\u{1b}[1;36mnote[net.nobody]"));
}

#[test]
fn quiet_failure_prints_nothing() {
    let failure = Failure::quiet(ExitCode::Done).help("nobody reads this");
    assert_eq!(failure.report(), None);
    assert_eq!(failure.code(), "");
}

/// Collects the source of every file of the program except tests.
fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if !path.ends_with("tests.rs") && path.extension().is_some() {
            found.extend(std::fs::read_to_string(&path).ok());
        }
    }
}

/// Returns the exit and code of each report constructor call in the sources.
fn codes() -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let calls = files.iter().flat_map(|text| {
        ["Failure::new(", "Failure::note("].into_iter().flat_map(|call| text.split(call).skip(1))
    });
    let words = calls.filter_map(|call| {
        let mut words = call.split(',').map(str::trim);
        let exit = words.next()?.strip_prefix("ExitCode::")?;
        let code = words.next()?.strip_prefix('"')?.strip_suffix('"')?;
        Some((code.to_string(), exit.to_string()))
    });
    words.collect()
}

#[test]
fn each_error_code_has_one_form_and_one_exit_code() {
    let mut exits = std::collections::BTreeMap::new();
    let codes = codes();
    assert!(codes.len() > 50, "{codes:?}");
    for (code, exit) in codes {
        let is_plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        assert!(code.chars().all(is_plain) && code.matches('.').count() <= 1, "{code}");
        let known = exits.entry(code.clone()).or_insert(exit.clone());
        assert_eq!(*known, exit, "{code} ends in two ways");
    }
}

#[test]
fn each_error_has_help() {
    for (exit, code) in [(ExitCode::Failed, "store.stopped"), (ExitCode::Network, "net.listen")] {
        let failure = Failure::new(exit, code, "it did not work").with_default_help();
        assert!(text(&failure).contains("multichat doctor"), "{failure:?}");
    }
    assert!(!text(&checksum().with_default_help()).contains("doctor"));
    assert_eq!(Failure::quiet(ExitCode::Interrupted).with_default_help().report(), None);
}
