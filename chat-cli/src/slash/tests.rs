use super::*;

fn text(text: &str) -> Typed {
    Typed::Text(text.into())
}

#[test]
fn text_is_sent_as_it_was_typed() {
    assert_eq!(read("hello  there "), text("hello  there "));
    assert_eq!(read(" /help"), text(" /help"));
    for nothing in ["", "  ", "\t"] {
        assert_eq!(read(nothing), Typed::Nothing);
    }
}

#[test]
fn two_slashes_send_one() {
    assert_eq!(read("//help"), text("/help"));
    assert_eq!(read("///"), text("//"));
}

#[test]
fn commands_are_known_by_name_and_short_form() {
    assert_eq!(read("/HELP"), Typed::Help);
    assert_eq!(read("/q"), Typed::Quit);
    assert_eq!(read("/i"), Typed::Invite);
    assert_eq!(read("/nick  ada lovelace "), Typed::Nick("ada lovelace".into()));
    for (usage, _) in COMMANDS {
        let is_text = matches!(read(usage), Typed::Text(_));
        assert_eq!(is_text, usage == "/me WORDS");
        assert!(!matches!(read(usage), Typed::Unknown(_)), "{usage}");
    }
}

#[test]
fn what_somebody_does_is_a_message_like_others() {
    assert_eq!(read("/me waves  twice"), text("/me waves  twice"));
    assert_eq!(read("/ME waves"), text("/me waves"));
    assert!(matches!(read("/me "), Typed::Unknown(_)));
}

#[test]
fn questions_are_read_with_what_they_are_about() {
    assert_eq!(read("/who"), Typed::Ask(Ask::Who));
    assert_eq!(read("/who bob"), Typed::Ask(Ask::Whois("bob".into())));
    assert_eq!(read("/notify NONE"), Typed::Notify(Notify::None));
    let set = Ask::Set("peers".into(), "h:1 h:2".into());
    assert_eq!(read("/set peers  h:1 h:2"), Typed::Ask(set));
    for (line, part) in [("/set nick", "theme"), ("/notify loud", "mentions"), ("/export", ".md")] {
        let Typed::Unknown(what) = read(line) else { panic!("{line}") };
        assert!(what.contains(part), "{what}");
    }
}

#[test]
fn an_unknown_command_says_which_was_meant() {
    let Typed::Unknown(what) = read("/pers now") else { panic!() };
    assert!(what.contains("no command /pers") && what.contains("/peers"), "{what}");
    let Typed::Unknown(what) = read("/xyzzy") else { panic!() };
    assert!(what.contains("/help") && what.contains("//"), "{what}");
    assert!(matches!(read("/nick"), Typed::Unknown(_)));
    assert!(matches!(read("/"), Typed::Unknown(_)));
}

#[test]
fn a_topic_is_asked_for_set_and_taken_away() {
    assert_eq!(read("/topic"), Typed::Topic(None));
    assert_eq!(read("/topic  soup at noon "), Typed::Topic(Some("soup at noon".into())));
    assert_eq!(read("/topic -"), Typed::Topic(Some(String::new())));
    assert_eq!(read("/topic - not none"), Typed::Topic(Some("- not none".into())));
}
