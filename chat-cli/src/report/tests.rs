use super::*;

fn checksum() -> Failure {
    let input = "mfchat:ybndrfg8ejkmcpqxot1uwisza345h769";
    Failure::new(ExitCode::BadInput, "ticket.checksum", "one character of this invite is wrong")
        .snippet(Snippet::at(input, 10, 1))
        .help("did you mean 'o'?")
        .help("retry with  multichat join --repair TICKET")
}

fn text(failure: &Failure) -> String {
    failure.report().expect("has a report").text(Paint::Plain)
}

#[test]
fn people_see_code_caret_and_help() {
    let expected = "error[ticket.checksum]: one character of this invite is wrong\n\
                    \x20  mfchat:ybndrfg8ejkmcpqxot1uwis…\n\
                    \x20           ^\n\
                    \x20 help: did you mean 'o'?\n\
                    \x20       retry with  multichat join --repair TICKET\n";
    assert_eq!(text(&checksum()), expected);
}

#[test]
fn programs_see_one_json_line() {
    let json = checksum().report().expect("has a report").json();
    assert_eq!(
        json,
        "{\"v\":1,\"type\":\"error\",\"code\":\"ticket.checksum\",\
         \"message\":\"one character of this invite is wrong\",\
         \"help\":\"did you mean 'o'?\\nretry with  multichat join --repair TICKET\"}"
    );
    let bare = Report::new(Level::Note, "net.nobody", "nobody is here").json();
    assert_eq!(bare, r#"{"v":1,"type":"note","code":"net.nobody","message":"nobody is here"}"#);
}

#[test]
fn foreign_text_cannot_act() {
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
fn a_snippet_shows_only_what_is_near() {
    let input: String = ('a'..='z').cycle().take(200).collect();
    let [line, caret] = Snippet::at(&input, 100, 2).lines();
    assert_eq!(line.chars().count(), 2 * SNIPPET_SIDE_CHARS + 2 + 2);
    assert_eq!(line.chars().nth(caret.find('^').expect("a caret")), input.chars().nth(99));
    assert!(caret.ends_with("^^"));
}

#[test]
fn a_caret_far_outside_of_the_input_is_no_panic() {
    for position in [0, 1, 5, 1_000, usize::MAX] {
        let [line, _] = Snippet { caret: 0, ..Snippet::at("abc", position, 1) }.lines();
        assert!(line.chars().count() <= 4);
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let failure = checksum();
    let report = failure.report().expect("has a report");
    assert!(!report.text(Paint::Plain).contains('\u{1b}'));
    assert!(report.text(Paint::Colour).starts_with("\u{1b}[1;31merror[ticket.checksum]\u{1b}[0m"));
    let note = Report::new(Level::Note, "net.nobody", "x").text(Paint::Colour);
    assert!(note.starts_with("\u{1b}[1;36mnote[net.nobody]"));
}

#[test]
fn a_quiet_end_says_nothing() {
    let failure = Failure::quiet(ExitCode::Done).help("nobody reads this");
    assert_eq!(failure.report(), None);
    assert_eq!(failure.code(), "");
}
