use super::*;

fn text(text: &str) -> ParsedLine {
    ParsedLine::Text(text.into())
}

#[test]
fn text_is_sent_unchanged() {
    assert_eq!(parse("hello  there "), text("hello  there "));
    assert_eq!(parse(" /help"), text(" /help"));
    for nothing in ["", "  ", "\t"] {
        assert_eq!(parse(nothing), ParsedLine::Nothing);
    }
}

#[test]
fn double_slash_sends_a_single_slash() {
    assert_eq!(parse("//help"), text("/help"));
    assert_eq!(parse("///"), text("//"));
}

#[test]
fn commands_parse_by_name_and_short_form() {
    assert_eq!(parse("/HELP"), ParsedLine::Help);
    assert_eq!(parse("/q"), ParsedLine::Quit);
    assert_eq!(parse("/i"), ParsedLine::Invite);
    assert_eq!(parse("/nick  ada lovelace "), ParsedLine::Nick("ada lovelace".into()));
    for (usage, _) in COMMANDS {
        let is_text = matches!(parse(usage), ParsedLine::Text(_));
        assert_eq!(is_text, usage == "/me WORDS");
        assert!(!matches!(parse(usage), ParsedLine::Unknown(_)), "{usage}");
    }
}

#[test]
fn me_command_is_sent_as_text() {
    assert_eq!(parse("/me waves  twice"), text("/me waves  twice"));
    assert_eq!(parse("/ME waves"), text("/me waves"));
    assert!(matches!(parse("/me "), ParsedLine::Unknown(_)));
}

#[test]
fn queries_parse_with_their_arguments() {
    assert_eq!(parse("/who"), ParsedLine::Query(Query::Who));
    assert_eq!(parse("/who bob"), ParsedLine::Query(Query::Whois("bob".into())));
    assert_eq!(parse("/notify NONE"), ParsedLine::Notify(Notify::None));
    let set = Query::Set("peers".into(), "h:1 h:2".into());
    assert_eq!(parse("/set peers  h:1 h:2"), ParsedLine::Query(set));
    for (line, part) in [("/set nick", "theme"), ("/notify loud", "mentions"), ("/export", ".md")] {
        let ParsedLine::Unknown(what) = parse(line) else { panic!("{line}") };
        assert!(what.contains(part), "{what}");
    }
}

#[test]
fn unknown_command_suggests_the_closest() {
    let ParsedLine::Unknown(what) = parse("/pers now") else { panic!() };
    assert!(what.contains("no command /pers") && what.contains("/peers"), "{what}");
    let ParsedLine::Unknown(what) = parse("/xyzzy") else { panic!() };
    assert!(what.contains("/help") && what.contains("//"), "{what}");
    assert!(matches!(parse("/nick"), ParsedLine::Unknown(_)));
    assert!(matches!(parse("/"), ParsedLine::Unknown(_)));
}

#[test]
fn topic_command_shows_sets_and_clears() {
    assert_eq!(parse("/topic"), ParsedLine::Topic(None));
    assert_eq!(parse("/topic  soup at noon "), ParsedLine::Topic(Some("soup at noon".into())));
    assert_eq!(parse("/topic -"), ParsedLine::Topic(Some(String::new())));
    assert_eq!(parse("/topic - not none"), ParsedLine::Topic(Some("- not none".into())));
}

#[test]
fn command_without_its_slash_is_recognised() {
    for (line, command) in [
        ("nick anne", "/nick anne"),
        ("Help", "/Help"),
        (" /quit", "/quit"),
        ("  /nick anne ", "/nick anne"),
        ("topic soup at noon", "/topic soup at noon"),
        ("unblock bob", "/unblock bob"),
        ("invite", "/invite"),
    ] {
        assert_eq!(without_slash(line).as_deref(), Some(command), "{line}");
    }
    let texts =
        ["help me please", "who is there?", "me too", "nickname", "/nick anne", "nick\nanne", ""];
    for text in texts {
        assert_eq!(without_slash(text), None, "{text}");
    }
}
