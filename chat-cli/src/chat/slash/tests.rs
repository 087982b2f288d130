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
        assert!(!matches!(read(usage), Typed::Unknown(_) | Typed::Text(_)), "{usage}");
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
