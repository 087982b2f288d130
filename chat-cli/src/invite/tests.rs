use proptest::prelude::*;

use super::*;
use crate::exit::ExitCode;
use crate::report::Paint;

const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

fn bare() -> String {
    Ticket::new(KEY, Hints::default()).encode().to_string()
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
    Ticket::parse(input).expect_err(input).code()
}

#[test]
fn a_bare_invite_is_68_characters_that_never_change() {
    let text = bare();
    assert_eq!(text.len(), 68);
    assert_eq!(text, "mfchat:yrydycj1gc4dkptz8yhsnaudct1sccbtge3uepjsghhd1amncp1gk3omwdq56");
}

#[test]
fn a_seeders_invite_is_as_long_and_says_what_it_is() {
    let ticket = Ticket::of(Right::Seeder, KEY, Hints::default());
    let text = ticket.encode();
    assert_eq!(text.len(), 68);
    assert_eq!(*text, of_bytes(&[&[VERSION, FLAG_SEEDER], &KEY[..]].concat()));
    assert_eq!(*text, "mfchat:yredycj1gc4dkptz8yhsnaudct1sccbtge3uepjsghhd1amncp1gk3s1pxxy4");
    let read = Ticket::parse(&text).unwrap();
    assert_eq!((read.right(), read.key()), (Right::Seeder, &KEY));
    assert_ne!(read, Ticket::new(KEY, Hints::default()));
    // An older program refuses this flag, whatever low flags it knows.
    assert_eq!(FLAG_SEEDER & !FLAGS_CRITICAL, 0);
    let low = Ticket::parse(&of_bytes(&[&[VERSION, FLAG_SEEDER | 0x0f], &KEY[..]].concat()));
    assert_eq!(low.unwrap(), read);
}

#[test]
fn no_slip_makes_a_members_invite_of_a_seeders_or_the_other_way_round() {
    for right in [Right::Member, Right::Seeder] {
        let text = Ticket::of(right, KEY, Hints::default()).encode();
        for position in PREFIX.len() + 1..=text.len() {
            let symbol = text.chars().nth(position - 1).unwrap();
            for found in ALPHABET.chars().filter(|found| *found != symbol).take(2) {
                let error = Ticket::parse(&changed(&text, position, found)).unwrap_err();
                let repair = error.repair().expect("exactly one candidate");
                assert_eq!((repair.ticket.right(), repair.ticket.key()), (right, &KEY));
            }
        }
    }
}

#[test]
fn hints_come_through() {
    let hints = Hints::default()
        .with_name("kitchen")
        .with_address("127.0.0.1:4977".parse().unwrap())
        .with_address("[2001:db8::1]:4977".parse().unwrap())
        .with_inviter(*b"12345678");
    let ticket = Ticket::new(KEY, hints.clone());
    let read = Ticket::parse(&ticket.encode()).unwrap();
    assert_eq!(read.key(), &KEY);
    assert_eq!(read.hints(), &hints);
    assert_eq!(read.hints().name(), Some("kitchen"));
    assert_eq!(read.hints().addresses().len(), 2);
    assert_eq!(read.hints().inviter(), Some(*b"12345678"));
}

#[test]
fn the_largest_invite_is_bounded() {
    let hints = (1..9).fold(Hints::default().with_name(&"ž".repeat(20)), |hints, port| {
        hints.with_address(format!("[2001:db8::1]:{port}").parse().unwrap())
    });
    assert_eq!(hints.addresses().len(), ADDRESSES_MAX);
    assert_eq!(hints.name(), Some("ž".repeat(12).as_str()));
    let text = Ticket::new(KEY, hints.with_inviter([9; 8])).encode();
    assert!(text.len() <= 184, "{}", text.len());
    Ticket::parse(&text).unwrap();
}

#[test]
fn an_invite_is_read_however_it_was_pasted() {
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
        assert_eq!(Ticket::parse(&input).expect(&input).key(), &KEY);
        assert!(looks_like_ticket(&input), "{input}");
    }
}

#[test]
fn each_way_to_be_wrong_has_its_code() {
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
fn flags_that_need_not_be_understood_are_passed_over() {
    let text = of_bytes(&[&[1, 0x0f], &KEY[..]].concat());
    assert_eq!(Ticket::parse(&text).unwrap().key(), &KEY);
}

#[test]
fn hints_of_unknown_kind_are_passed_over_and_broken_ones_refused() {
    let unknown = [7 << 5 | 3, 1, 2, 3, 1 << 5 | 2, b'h', b'i', 0];
    assert_eq!(Ticket::parse(&with_hints(&unknown)).unwrap().hints().name(), Some("hi"));
    let twice = [1 << 5 | 1, b'a', 1 << 5 | 1, b'b'];
    assert_eq!(Ticket::parse(&with_hints(&twice)).unwrap().hints().name(), Some("a"));
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
fn trailing_bits_other_than_zero_are_refused() {
    let text = bare();
    let last = text.chars().last().unwrap();
    let value = ALPHABET.find(last).unwrap();
    let other = ALPHABET.chars().nth(value ^ 1).unwrap();
    let error = Ticket::parse(&changed(&text, 68, other)).unwrap_err();
    assert_eq!(error.code(), "ticket.canonical");
    let fix = error.repair().unwrap().fix;
    assert_eq!(fix, Fix::Replace { position: 68, found: other, right: last });
}

#[test]
fn every_single_wrong_symbol_is_found() {
    let text = bare();
    for position in PREFIX.len() + 1..=text.len() {
        let right = text.chars().nth(position - 1).unwrap();
        let found = if right == 'y' { 'b' } else { 'y' };
        let error = Ticket::parse(&changed(&text, position, found)).unwrap_err();
        let repair = error.repair().expect("exactly one candidate");
        assert_eq!(repair.fix, Fix::Replace { position, found, right });
        assert_eq!(repair.ticket.key(), &KEY);
        assert_eq!(error.position(), Some(position));
    }
}

#[test]
fn every_swap_of_different_neighbours_is_found() {
    let text = bare();
    let mut found = 0;
    for at in PREFIX.len()..text.len() - 1 {
        let mut bytes = text.clone().into_bytes();
        bytes.swap(at, at + 1);
        let swapped = String::from_utf8(bytes).unwrap();
        if swapped == text {
            continue;
        }
        let error = Ticket::parse(&swapped).unwrap_err();
        let fix = error.repair().expect("exactly one candidate").fix;
        assert_eq!(fix, Fix::Swap { position: at + 1, second: at + 2 });
        found += 1;
    }
    assert!(found > 50);
}

#[test]
fn two_wrong_symbols_are_never_guessed() {
    let text = bare();
    let wrong = changed(&changed(&text, 20, 'y'), 40, 'b');
    assert_ne!(wrong, text);
    let error = Ticket::parse(&wrong).unwrap_err();
    assert_eq!((error.code(), error.repair()), ("ticket.checksum", None));
    let foreign = changed(&changed(&text, 20, 'l'), 40, '0');
    assert_eq!(Ticket::parse(&foreign).unwrap_err().repair(), None);
}

#[test]
fn of_two_invites_that_would_fit_neither_is_taken() {
    let candidate = |key: u8, right| Repair {
        fix: Fix::Replace { position: 1, found: 'y', right },
        ticket: Ticket::new([key; 32], Hints::default()),
    };
    let (one, same, other) = (candidate(1, 'b'), candidate(1, 'n'), candidate(2, 'd'));
    assert_eq!(repair::only(std::iter::empty()), None);
    assert_eq!(repair::only([one.clone(), same].into_iter()), Some(one.clone()));
    assert_eq!(repair::only([one, other].into_iter()), None);
}

#[test]
fn positions_are_those_of_the_users_own_input() {
    let text = bare();
    let wrapped = format!("<{}\n  {}>", &text[..30], &text[30..]);
    let position = 1 + 30 + 3 + 10;
    let right = wrapped.chars().nth(position - 1).unwrap();
    let broken = changed(&wrapped, position, 'L');
    let error = Ticket::parse(&broken).unwrap_err();
    let TicketError::Symbol { found: 'l', position: at, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(at, position);
    let fix = error.repair().expect("one wrong character").fix;
    assert_eq!(fix, Fix::Replace { position, found: 'l', right });
}

#[test]
fn the_user_is_told_where_and_what() {
    let text = changed(&bare(), 19, 'l');
    let failure = Ticket::parse(&text).unwrap_err().into_failure(&text);
    assert_eq!(failure.exit(), ExitCode::BadInput);
    let shown = failure.report().unwrap().text(Paint::Plain);
    let right = bare().chars().nth(18).unwrap();
    assert!(shown.starts_with(
        "error[ticket.symbol]: 'l' at character 19 is not used in invites (often meant: 1 or i)\n"
    ));
    assert!(shown.contains(&format!("\n   {}^\n", " ".repeat(18))), "{shown}");
    assert!(shown.contains(&format!("help: did you mean: character 19 = '{right}' ?")), "{shown}");
    assert!(!shown.contains(&text), "the whole secret is on the screen");
}

#[test]
fn debug_output_holds_no_key() {
    let ticket = Ticket::new(KEY, Hints::default().with_name("kitchen"));
    let shown = format!("{ticket:?} {:?}", Ticket::parse(&changed(&bare(), 30, 'y')));
    assert!(shown.contains("kitchen"));
    assert!(!shown.contains("48, 49") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn room_names_and_commands_do_not_look_like_invites() {
    for word in ["", "kitchen", "send", "foobar-123", "a-room-with-a-really-long-name-that-goes-on"]
    {
        assert!(!looks_like_ticket(word), "{word}");
    }
    assert!(looks_like_ticket(&changed(&bare(), 30, 'l')));
    assert!(looks_like_ticket(&changed(&bare(), 30, 'l')[PREFIX.len()..]));
}

proptest! {
    #[test]
    fn what_was_encoded_is_read(
        key in any::<[u8; 32]>(),
        name in ".{0,30}",
        addresses in prop::collection::vec(any::<std::net::SocketAddr>(), 0..4),
        inviter in any::<Option<[u8; 8]>>(),
        right in prop::sample::select(vec![Right::Member, Right::Seeder]),
    ) {
        let hints = Hints::default().with_name(&name);
        let hints = addresses.into_iter().fold(hints, Hints::with_address);
        let hints = inviter.into_iter().fold(hints, Hints::with_inviter);
        let ticket = Ticket::of(right, key, hints);
        let text = ticket.encode();
        prop_assert!(text.len() <= PREFIX.len() + SYMBOLS_MAX);
        prop_assert_eq!(Ticket::parse(&text).unwrap(), ticket);
    }

    #[test]
    fn no_input_is_a_panic(
        input in "\\PC{0,90}|(mfchat:)?[ybndrfg8ejkmcpqxot1uwisza345h769l0 \n-]{55,75}",
    ) {
        if let Err(error) = Ticket::parse(&input) {
            error.into_failure(&input);
        }
        looks_like_ticket(&input);
    }

    #[test]
    fn any_hints_with_a_right_checksum_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        if let Ok(ticket) = Ticket::parse(&with_hints(&bytes)) {
            prop_assert_eq!(ticket.key(), &KEY);
            prop_assert!(ticket.hints().addresses().len() <= ADDRESSES_MAX);
            prop_assert_eq!(Ticket::parse(&ticket.encode()).unwrap(), ticket);
        }
    }
}
