use proptest::prelude::*;

use super::error::InviteError;
use super::fix::{Fix, Repair};
use super::hints::ADDRESSES_MAX;
use super::input::looks_like_invite;
use super::*;
use crate::exit::ExitCode;
use crate::report::ColourMode;

const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

fn bare() -> String {
    Invite::new(KEY, Hints::default()).encode().to_string()
}

/// Encodes an invite of any body with a valid checksum.
fn of_bytes(body: &[u8]) -> String {
    let bytes = [body, &crc32fast::hash(body).to_be_bytes()].concat();
    format!("{PREFIX}{}", CODEC.encode(&bytes))
}

fn with_hints(hints: &[u8]) -> String {
    of_bytes(&[&[VERSION, 0], &KEY[..], hints].concat())
}

/// Returns the invite with another character at a 1-based position.
fn changed(text: &str, position: usize, c: char) -> String {
    text.chars().zip(1..).map(|(old, at)| if at == position { c } else { old }).collect()
}

fn code(input: &str) -> &'static str {
    Invite::parse(input).expect_err(input).code()
}

#[test]
fn bare_invite_matches_its_68_golden_characters() {
    let text = bare();
    assert_eq!(text.len(), 68);
    assert_eq!(text, "mfchat:yrydycj1gc4dkptz8yhsnaudct1sccbtge3uepjsghhd1amncp1gk3omwdq56");
}

#[test]
fn seeder_invite_has_the_same_length_and_its_flag() {
    let invite = Invite::of(Right::Seeder, KEY, Hints::default());
    let text = invite.encode();
    assert_eq!(text.len(), 68);
    assert_eq!(*text, of_bytes(&[&[VERSION, FLAG_SEEDER], &KEY[..]].concat()));
    assert_eq!(*text, "mfchat:yredycj1gc4dkptz8yhsnaudct1sccbtge3uepjsghhd1amncp1gk3s1pxxy4");
    let read = Invite::parse(&text).unwrap();
    assert_eq!((read.right(), read.key()), (Right::Seeder, &KEY));
    assert_ne!(read, Invite::new(KEY, Hints::default()));
    // An older program refuses this flag, whatever low flags it knows.
    assert_eq!(FLAG_SEEDER & !FLAGS_CRITICAL, 0);
    let low = Invite::parse(&of_bytes(&[&[VERSION, FLAG_SEEDER | 0x0f], &KEY[..]].concat()));
    assert_eq!(low.unwrap(), read);
}

#[test]
fn no_typo_turns_a_seeder_invite_into_a_member_invite() {
    for right in [Right::Member, Right::Seeder] {
        let text = Invite::of(right, KEY, Hints::default()).encode();
        for position in PREFIX.len() + 1..=text.len() {
            let symbol = text.chars().nth(position - 1).unwrap();
            for found in ALPHABET.chars().filter(|found| *found != symbol).take(2) {
                let error = Invite::parse(&changed(&text, position, found)).unwrap_err();
                let repair = error.repair().expect("exactly one candidate");
                assert_eq!((repair.invite.right(), repair.invite.key()), (right, &KEY));
            }
        }
    }
}

#[test]
fn hints_survive_encoding() {
    let hints = Hints::default()
        .with_name("kitchen")
        .with_address("127.0.0.1:4977".parse().unwrap())
        .with_address("[2001:db8::1]:4977".parse().unwrap())
        .with_inviter(*b"12345678");
    let invite = Invite::new(KEY, hints.clone());
    let read = Invite::parse(&invite.encode()).unwrap();
    assert_eq!(read.key(), &KEY);
    assert_eq!(read.hints(), &hints);
    assert_eq!(read.hints().name(), Some("kitchen"));
    assert_eq!(read.hints().addresses().len(), 2);
    assert_eq!(read.hints().inviter(), Some(*b"12345678"));
}

#[test]
fn largest_invite_is_bounded() {
    let hints = (1..9).fold(Hints::default().with_name(&"ž".repeat(20)), |hints, port| {
        hints.with_address(format!("[2001:db8::1]:{port}").parse().unwrap())
    });
    assert_eq!(hints.addresses().len(), ADDRESSES_MAX);
    assert_eq!(hints.name(), Some("ž".repeat(12).as_str()));
    let text = Invite::new(KEY, hints.with_inviter([9; 8])).encode();
    assert!(text.len() <= 184, "{}", text.len());
    Invite::parse(&text).unwrap();
}

#[test]
fn invite_parses_in_all_pasted_forms() {
    let text = bare();
    let body = &text[PREFIX.len()..];
    let (head, tail) = text.split_at(30);
    let pasted = [
        text.to_uppercase(),
        body.to_string(),
        format!("  {text}\r\n"),
        format!("{head}\n{tail}"),
        format!("{head}-{tail}"),
        format!("{head}\u{200b} \u{ad}{tail}\u{feff}"),
        format!("<{text}>"),
        format!("\"{text}\""),
        format!("“'{text}'”"),
        format!("https://example.org/chat/#{text}"),
        format!("HTTPS://EXAMPLE.ORG/#{}", text.to_uppercase()),
    ];
    for input in pasted {
        assert_eq!(Invite::parse(&input).expect(&input).key(), &KEY);
        assert!(looks_like_invite(&input), "{input}");
    }
}

#[test]
fn each_invite_error_has_its_code() {
    let text = bare();
    let body = &text[PREFIX.len()..];
    assert_eq!(code(""), "ticket.empty");
    assert_eq!(code(" <\n> "), "ticket.empty");
    assert_eq!(code("mfchat:"), "ticket.empty");
    assert_eq!(code("https://example.org/"), "ticket.prefix");
    assert_eq!(code("cabal://1234"), "ticket.prefix");
    assert_eq!(code(&"y".repeat(3_000)), "ticket.length");
    assert_eq!(code(&text[..text.len() - 8]), "ticket.length");
    assert_eq!(code(&format!("{text}y")), "ticket.length");
    assert_eq!(code(&format!("{text}{body}{body}{body}{body}{body}")), "ticket.length");
    assert_eq!(code(&format!("{text}?")), "ticket.symbol");
    assert_eq!(code(&format!("{text}yyyyyyyy")), "ticket.checksum");
    assert_eq!(code(&of_bytes(&[&[2, 0], &KEY[..]].concat())), "ticket.version");
    for flags in [0x20, 0x30, 0x40, 0x80, 0x90, 0xf0] {
        // The meaning of flags from newer versions must not be guessed.
        let text = of_bytes(&[&[1, flags], &KEY[..]].concat());
        assert_eq!(code(&text), "ticket.version", "{flags:#x}");
    }
    assert_eq!(code(&with_hints(&[TYPE_NAME_OF_9, b'x'])), "ticket.hints");
}

/// A name with a length of nine bytes.
const TYPE_NAME_OF_9: u8 = 1 << 5 | 9;

#[test]
fn optional_flags_are_ignored() {
    let text = of_bytes(&[&[1, 0x0f], &KEY[..]].concat());
    assert_eq!(Invite::parse(&text).unwrap().key(), &KEY);
}

#[test]
fn unknown_hints_are_skipped_and_malformed_ones_refused() {
    let unknown = [7 << 5 | 3, 1, 2, 3, 1 << 5 | 2, b'h', b'i', 0];
    assert_eq!(Invite::parse(&with_hints(&unknown)).unwrap().hints().name(), Some("hi"));
    let twice = [1 << 5 | 1, b'a', 1 << 5 | 1, b'b'];
    assert_eq!(Invite::parse(&with_hints(&twice)).unwrap().hints().name(), Some("a"));
    for broken in [
        &[1 << 5 | 1, 0xff][..],
        &[2 << 5 | 5, 0, 0, 0, 0, 0],
        &[2 << 5 | 7, 0, 0, 0, 0, 0, 0, 0],
        &[3 << 5 | 6, 0, 0, 0, 0, 0, 0],
        &[4 << 5 | 7, 0, 0, 0, 0, 0, 0, 0],
        &[7 << 5 | 1],
    ] {
        assert_eq!(code(&with_hints(broken)), "ticket.hints", "{broken:?}");
    }
}

#[test]
fn nonzero_trailing_bits_are_refused() {
    let text = bare();
    let last = text.chars().last().unwrap();
    let value = ALPHABET.find(last).unwrap();
    let other = ALPHABET.chars().nth(value ^ 1).unwrap();
    let error = Invite::parse(&changed(&text, 68, other)).unwrap_err();
    assert_eq!(error.code(), "ticket.canonical");
    let fix = error.repair().unwrap().fix;
    assert_eq!(fix, Fix::Replace { position: 68, found: other, right: last });
}

#[test]
fn each_single_wrong_symbol_is_repaired() {
    let text = bare();
    for position in PREFIX.len() + 1..=text.len() {
        let right = text.chars().nth(position - 1).unwrap();
        let found = if right == 'y' { 'b' } else { 'y' };
        let error = Invite::parse(&changed(&text, position, found)).unwrap_err();
        let repair = error.repair().expect("exactly one candidate");
        assert_eq!(repair.fix, Fix::Replace { position, found, right });
        assert_eq!(repair.invite.key(), &KEY);
        assert_eq!(error.position(), Some(position));
    }
}

#[test]
fn each_swap_of_neighbours_is_repaired() {
    let text = bare();
    let mut found = 0;
    for at in PREFIX.len()..text.len() - 1 {
        let mut bytes = text.clone().into_bytes();
        bytes.swap(at, at + 1);
        let swapped = String::from_utf8(bytes).unwrap();
        if swapped == text {
            continue;
        }
        let error = Invite::parse(&swapped).unwrap_err();
        let fix = error.repair().expect("exactly one candidate").fix;
        assert_eq!(fix, Fix::Swap { position: at + 1, second: at + 2 });
        found += 1;
    }
    assert!(found > 50);
}

#[test]
fn two_wrong_symbols_are_not_repaired() {
    let text = bare();
    let wrong = changed(&changed(&text, 20, 'y'), 40, 'b');
    assert_ne!(wrong, text);
    let error = Invite::parse(&wrong).unwrap_err();
    assert_eq!((error.code(), error.repair()), ("ticket.checksum", None));
    let foreign = changed(&changed(&text, 20, 'l'), 40, '0');
    assert_eq!(Invite::parse(&foreign).unwrap_err().repair(), None);
}

#[test]
fn ambiguous_repair_is_refused() {
    let candidate = |key: u8, right| Repair {
        fix: Fix::Replace { position: 1, found: 'y', right },
        invite: Invite::new([key; 32], Hints::default()),
    };
    let (one, same, other) = (candidate(1, 'b'), candidate(1, 'n'), candidate(2, 'd'));
    assert_eq!(repair::only(std::iter::empty()), None);
    assert_eq!(repair::only([one.clone(), same].into_iter()), Some(one.clone()));
    assert_eq!(repair::only([one, other].into_iter()), None);
}

#[test]
fn positions_refer_to_the_users_input() {
    let text = bare();
    let wrapped = format!("<{}\n  {}>", &text[..30], &text[30..]);
    let position = 1 + 30 + 3 + 10;
    let right = wrapped.chars().nth(position - 1).unwrap();
    let broken = changed(&wrapped, position, 'L');
    let error = Invite::parse(&broken).unwrap_err();
    let InviteError::Symbol { found: 'l', position: at, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(at, position);
    let fix = error.repair().expect("one wrong character").fix;
    assert_eq!(fix, Fix::Replace { position, found: 'l', right });
}

#[test]
fn error_names_position_and_suggestion() {
    let text = changed(&bare(), 19, 'l');
    let failure = Invite::parse(&text).unwrap_err().into_failure(&text);
    assert_eq!(failure.exit(), ExitCode::BadInput);
    let shown = failure.report().unwrap().text(ColourMode::Plain);
    let right = bare().chars().nth(18).unwrap();
    assert!(shown.starts_with(
        "error[ticket.symbol]: 'l' at character 19 is not used in invites (often meant: 1 or i)\n"
    ));
    assert!(shown.contains(&format!("\n   {}^\n", " ".repeat(18))), "{shown}");
    assert!(shown.contains(&format!("help: did you mean: character 19 = '{right}' ?")), "{shown}");
    assert!(!shown.contains(&text), "the whole secret is on the screen");
}

#[test]
fn debug_output_hides_the_key() {
    let invite = Invite::new(KEY, Hints::default().with_name("kitchen"));
    let shown = format!("{invite:?} {:?}", Invite::parse(&changed(&bare(), 30, 'y')));
    assert!(shown.contains("kitchen"));
    assert!(!shown.contains("48, 49") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn room_names_and_commands_do_not_look_like_invites() {
    for word in ["", "kitchen", "send", "foobar-123", "a-room-with-a-really-long-name-that-goes-on"]
    {
        assert!(!looks_like_invite(word), "{word}");
    }
    assert!(looks_like_invite(&changed(&bare(), 30, 'l')));
    assert!(looks_like_invite(&changed(&bare(), 30, 'l')[PREFIX.len()..]));
}

proptest! {
    #[test]
    fn encoded_invite_parses(
        key in any::<[u8; 32]>(),
        name in ".{0,30}",
        addresses in prop::collection::vec(any::<std::net::SocketAddr>(), 0..4),
        inviter in any::<Option<[u8; 8]>>(),
        right in prop::sample::select(vec![Right::Member, Right::Seeder]),
    ) {
        let hints = Hints::default().with_name(&name);
        let hints = addresses.into_iter().fold(hints, Hints::with_address);
        let hints = inviter.into_iter().fold(hints, Hints::with_inviter);
        let invite = Invite::of(right, key, hints);
        let text = invite.encode();
        prop_assert!(text.len() <= PREFIX.len() + SYMBOLS_MAX);
        prop_assert_eq!(Invite::parse(&text).unwrap(), invite);
    }

    #[test]
    fn parsing_never_panics(
        input in "\\PC{0,90}|(mfchat:)?[ybndrfg8ejkmcpqxot1uwisza345h769l0 \n-]{55,75}",
    ) {
        if let Err(error) = Invite::parse(&input) {
            error.into_failure(&input);
        }
        looks_like_invite(&input);
    }

    #[test]
    fn any_hints_with_a_valid_checksum_parse_or_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        if let Ok(invite) = Invite::parse(&with_hints(&bytes)) {
            prop_assert_eq!(invite.key(), &KEY);
            prop_assert!(invite.hints().addresses().len() <= ADDRESSES_MAX);
            prop_assert_eq!(Invite::parse(&invite.encode()).unwrap(), invite);
        }
    }
}

#[test]
fn invite_without_its_end_may_be_incomplete() {
    let hints = Hints::default().with_name("kitchen").with_inviter([9; 8]);
    for text in [bare(), Invite::new(KEY, hints).encode().to_string()] {
        for length in (PREFIX.len()..text.len()).step_by(7) {
            let error = Invite::parse(&text[..length]).unwrap_err();
            assert!(error.may_be_incomplete(), "{length}: {error}");
        }
        assert!(!Invite::parse(&changed(&text, 20, '?')).unwrap_err().may_be_incomplete());
    }
}
