use proptest::prelude::*;
use unicode_normalization::is_nfc;

use super::*;

/// Hostile input, and how it is shown on one wide line.
const HOSTILE: &[(&str, &str)] = &[
    // terminal sequences
    ("\u{1b}[2J", "\\u{1b}[2J"),
    ("\u{1b}[31mred", "\\u{1b}[31mred"),
    ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
    ("\u{1b}]52;c;aGk=\u{1b}\\", "\\u{1b}]52;c;aGk=\\u{1b}\\"),
    ("\u{1b}P+q\u{1b}\\", "\\u{1b}P+q\\u{1b}\\"),
    ("\u{1b}c", "\\u{1b}c"),
    ("\u{9b}2J", "\\u{9b}2J"),
    ("\u{9d}0;x\u{9c}", "\\u{9d}0;x\\u{9c}"),
    ("\u{90}x\u{9c}", "\\u{90}x\\u{9c}"),
    ("\u{85}", "\\u{85}"),
    ("a\u{8}b", "a\\u{8}b"),
    ("\u{7f}", "\\u{7f}"),
    ("\0", "\\u{0}"),
    ("\u{7}\u{7}", "\\u{7}\\u{7}"),
    ("\u{b}\u{c}", "\\u{b}\\u{c}"),
    ("\u{e}\u{f}", "\\u{e}\\u{f}"),
    ("\u{5}", "\\u{5}"),
    ("\u{80}\u{9f}", "\\u{80}\\u{9f}"),
    // lines
    ("a\nb", "a⏎b"),
    ("a\r\nb", "a⏎b"),
    ("a\rb", "a\\u{d}b"),
    ("a\u{2028}b", "a\\u{2028}b"),
    ("a\u{2029}b", "a\\u{2029}b"),
    ("a\tb", "a b"),
    // reading direction
    ("\u{202a}x", "\\u{202a}x"),
    ("\u{202b}x", "\\u{202b}x"),
    ("\u{202c}x", "\\u{202c}x"),
    ("\u{202d}x", "\\u{202d}x"),
    ("\u{202e}exe.txt", "\\u{202e}exe.txt"),
    ("\u{2066}x", "\\u{2066}x"),
    ("\u{2067}x", "\\u{2067}x"),
    ("\u{2068}x", "\\u{2068}x"),
    ("\u{2069}x", "\\u{2069}x"),
    ("\u{200e}x", "\\u{200e}x"),
    ("\u{200f}x", "\\u{200f}x"),
    ("\u{61c}x", "\\u{61c}x"),
    // zero width
    ("al\u{200b}ice", "al\\u{200b}ice"),
    ("al\u{200c}ice", "al\\u{200c}ice"),
    ("al\u{200d}ice", "al\\u{200d}ice"),
    // joiners where nothing joins
    ("\u{200c}م", "\\u{200c}م"),
    ("می\u{200c}", "می\\u{200c}"),
    ("می\u{200c}\u{200c}خ", "می\\u{200c}\\u{200c}خ"),
    ("م\u{200d}a", "م\\u{200d}a"),
    ("👨\u{200d}", "👨\\u{200d}"),
    ("👨\u{200d}a", "👨\\u{200d}a"),
    ("👨\u{200c}👩", "👨\\u{200c}👩"),
    ("1\u{200d}2", "1\\u{200d}2"),
    ("al\u{2060}ice", "al\\u{2060}ice"),
    ("al\u{2061}ice", "al\\u{2061}ice"),
    ("al\u{2064}ice", "al\\u{2064}ice"),
    ("\u{feff}alice", "\\u{feff}alice"),
    ("al\u{ad}ice", "al\\u{ad}ice"),
    ("al\u{34f}ice", "al\\u{34f}ice"),
    ("\u{180e}x", "\\u{180e}x"),
    ("\u{115f}", "\\u{115f}"),
    ("\u{1160}", "\\u{1160}"),
    ("\u{3164}", "\\u{3164}"),
    ("\u{ffa0}", "\\u{ffa0}"),
    ("\u{2800}", "\\u{2800}"),
    ("\u{17b4}", "\\u{17b4}"),
    ("\u{206a}\u{206f}", "\\u{206a}\\u{206f}"),
    ("\u{fff9}a\u{fffb}", "\\u{fff9}a\\u{fffb}"),
    ("\u{1d173}", "\\u{1d173}"),
    // hidden text
    ("\u{e0001}\u{e0041}\u{e007f}", "\\u{e0001}\\u{e0041}\\u{e007f}"),
    ("a\u{fe0f}", "a\\u{fe0f}"),
    ("a\u{fe00}", "a\\u{fe00}"),
    ("☂\u{fe0f}\u{fe0f}", "☂\u{fe0f}\\u{fe0f}"),
    ("😀\u{e0100}\u{e01ef}", "😀\\u{e0100}\\u{e01ef}"),
    ("\u{180b}", "\\u{180b}"),
    // not characters
    ("\u{e000}", "\\u{e000}"),
    ("\u{f8ff}", "\\u{f8ff}"),
    ("\u{f0000}", "\\u{f0000}"),
    ("\u{10ffff}", "\\u{10ffff}"),
    ("\u{fdd0}", "\\u{fdd0}"),
    ("\u{fffe}", "\\u{fffe}"),
    ("\u{ffff}", "\\u{ffff}"),
    ("\u{378}", "\\u{378}"),
    // spaces and marks
    ("a\u{a0}b", "a b"),
    ("a\u{2003}b\u{3000}c", "a b c"),
    ("\u{301}x", "◌\u{301}x"),
    ("a\n\u{20dd}", "a⏎\u{20dd}"),
    ("z\u{333}\u{333}\u{333}\u{333}\u{333}\u{333}", "z\u{333}\u{333}\u{333}\u{333}\\u{…}"),
    ("e\u{301}", "é"),
    ("<\u{338}", "≮"),
];

/// Text that must stay unchanged.
const HARMLESS: &[&str] = &[
    "hello, world",
    "C:\\u{202e} is text",
    "žluťoučký kůň",
    "Việt Nam",
    "שלום",
    "مرحبا",
    "สวัสดีครับ",
    "नमस्ते",
    "日本語",
    "👍🏽 🎉",
    "❤\u{fe0f}",
    "1\u{fe0f}\u{20e3}",
    "🇨🇿",
    "~!@#$%^&*()_+`-={}[]|\\:\";'<>?,./",
    // joiners between letters: Persian, Hindi, Bengali, Sinhala, Malayalam
    "می\u{200c}خواهم",
    "क्\u{200d}ष",
    "र\u{200d}\u{94d}य",
    "র\u{200d}\u{9cd}য",
    "ශ්\u{200d}රී",
    "അവന്\u{200d} വന്നു",
    // joined emoji: a family, a person with a tone and a selector, a flag
    "👨\u{200d}👩\u{200d}👧",
    "👩🏽\u{200d}❤\u{fe0f}\u{200d}👨🏿",
    "🏳\u{fe0f}\u{200d}🌈",
    "🐈\u{200d}⬛",
];

#[test]
fn hostile_text_is_escaped() {
    assert!(HOSTILE.len() >= 60);
    for (input, shown) in HOSTILE {
        assert_eq!(line(input, 500).as_str(), *shown, "{}", input.escape_unicode());
    }
}

#[test]
fn ordinary_text_in_many_scripts_is_unchanged() {
    for text in HARMLESS {
        assert_eq!(line(text, 500).as_str(), *text);
        assert_eq!(json(text).as_str(), *text);
    }
}

#[test]
fn dangerous_ranges_are_escaped_completely() {
    let ranges = [
        0..=0x8,
        0xb..=0x1f,
        0x7f..=0x9f,
        0x200b..=0x200f,
        0x2028..=0x202e,
        0x2060..=0x206f,
        0xe000..=0xf8ff,
        0xe0000..=0xe01ef,
    ];
    for c in ranges.into_iter().flatten().filter_map(char::from_u32) {
        let shown = line(&format!("a{c}b"), 40);
        assert_eq!(shown.as_str(), format!("a\\u{{{:x}}}b", u32::from(c)));
    }
}

#[test]
fn json_keeps_newlines_and_escapes_other_controls() {
    assert_eq!(json("a\r\nb\n\u{1b}c\t").as_str(), "a\nb\n\\u{1b}c ");
    assert_eq!(json("a\n\u{301}").as_str(), "a\n◌\u{301}");
}

#[test]
fn message_splits_at_newlines() {
    let shown: Vec<String> =
        lines("one\ntwo\r\n\u{301}three", 4).iter().map(Clean::to_string).collect();
    assert_eq!(shown, ["one", "two", "◌\u{301}th…"]);
}

#[test]
fn long_line_is_truncated_with_an_ellipsis() {
    assert_eq!(line("abcdef", 6).as_str(), "abcdef");
    assert_eq!(line("abcdefg", 6).as_str(), "abcde…");
    assert_eq!(line("日本語", 5).as_str(), "日本…");
    assert_eq!(line("日本語", 4).as_str(), "日…");
    assert_eq!(line("❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}", 4).as_str(), "❤\u{fe0f}❤…");
    assert_eq!(line("abc", 0).as_str(), "");
}

#[test]
fn nick_is_never_empty_or_too_wide() {
    for text in ["", "  ", "\u{200b}", "\u{3000}\n", "\u{202e}\u{2066}", "\u{301}"] {
        assert_eq!(nick(text).as_str(), "anonymous", "{}", text.escape_unicode());
    }
    assert_eq!(nick("  bob   the \n builder ").as_str(), "bob the ⏎ builder");
    assert_eq!(nick(&"日".repeat(40)).columns(), 31);
    assert_eq!(nick(&"x".repeat(40)).columns(), NICK_COLUMNS_MAX);
}

#[test]
fn nick_cannot_imitate_a_key_suffix() {
    assert_eq!(author("alice·ab12cd", &[1; 32]).as_str(), "alice.ab12cd·010101");
    for dot in ["\u{387}", "•", "∙", "⋅", "・", "‧"] {
        let shown = author(&format!("alice{dot}ab12cd"), &[1; 32]);
        assert_eq!(shown.as_str(), "alice.ab12cd·010101");
    }
    assert_eq!(author("", &[0xfe; 32]).as_str(), "anonymous·fefefe");
}

fn assert_harmless(shown: &str) {
    for byte in shown.bytes() {
        assert!(byte >= 0x20 && byte != 0x7f, "{shown:?}");
    }
    for c in shown.chars() {
        assert!(!('\u{7f}'..='\u{9f}').contains(&c), "{shown:?}");
        assert!(classify(c) != CharClass::Escape || is_joiner(c), "{shown:?}");
    }
    let is_joined = |(at, c): (usize, char)| {
        let before = shown[..at].chars().next_back();
        joins(c, before, shown[at..].chars().nth(1))
    };
    assert!(shown.char_indices().filter(|(_, c)| is_joiner(*c)).all(is_joined), "{shown:?}");
}

#[test]
fn joiners_do_not_lift_the_limit_of_marks() {
    let text = format!("क{}", "\u{94d}\u{200d}".repeat(20));
    let marks = |text: &str| text.chars().filter(|c| *c == '\u{94d}').count();
    // A visible escape ends a run.
    assert_eq!(line(&text, 500).as_str().split('}').map(marks).max(), Some(MARKS_MAX));
}

#[test]
fn cut_text_ends_with_no_joiner() {
    assert_eq!(line("👨\u{200d}👩\u{200d}👧", 5).as_str(), "👨\u{200d}👩…");
    assert_eq!(line("👨\u{200d}👩\u{200d}👧", 6).as_str(), "👨\u{200d}👩\u{200d}👧");
    assert_eq!(line("می\u{200c}خواهم", 4).as_str(), "می\u{200c}خ…");
    assert_eq!(line("می\u{200c}خواهم", 3).as_str(), "می…");
}

#[test]
fn names_that_differ_in_joiners_look_the_same() {
    assert_eq!(skeleton("می\u{200c}خ"), skeleton("میخ"));
}

/// Generates strings of dangerous and harmless parts.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(HOSTILE).prop_map(|(input, _)| input.to_string()),
        prop::sample::select(HARMLESS).prop_map(str::to_string),
        "[\u{300}-\u{36f}]{1,9}",
        "[\u{1100}-\u{11ff}\u{591}-\u{5c7}]{1,4}",
        "[\u{200c}\u{200d}]{1,2}",
        "[\u{915}-\u{917}\u{94d}\u{200d}\u{627}-\u{62a}\u{64b}-\u{652}]{1,9}",
    ];
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_line_is_sanitised(text in nasty(), columns in 0usize..60) {
        let once = line(&text, columns);
        assert_harmless(once.as_str());
        prop_assert!(once.columns() <= columns, "{:?} is {} wide", once, once.columns());
        prop_assert_eq!(&line(once.as_str(), columns), &once);
    }

    #[test]
    fn sanitising_is_idempotent(text in nasty()) {
        let once = json(&text);
        assert_harmless(&once.as_str().replace('\n', ""));
        prop_assert!(is_nfc(once.as_str()), "{:?}", once);
        prop_assert_eq!(&json(once.as_str()), &once);
    }

    #[test]
    fn any_nick_is_short_and_not_empty(text in nasty()) {
        let once = nick(&text);
        assert_harmless(once.as_str());
        prop_assert!(!once.as_str().trim().is_empty());
        prop_assert!(once.columns() <= NICK_COLUMNS_MAX);
        prop_assert!(!once.as_str().chars().any(is_dot));
        prop_assert_eq!(&nick(once.as_str()), &once);
    }
}

/// Reverses [`exact`].
fn restored(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once("\\u{") {
        let (code, after) = escape.split_once('}').unwrap();
        out.push_str(before);
        out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        rest = after;
    }
    out + rest
}

proptest! {
    #[test]
    fn exact_text_can_be_restored_and_controls_nothing(
        parts in prop::collection::vec(
            prop_oneof![
                any::<char>().prop_map(String::from),
                "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{202e}]",
                Just("\\u{".to_string()),
                Just("\\u{1b}".to_string()),
                Just("\\".to_string()),
            ],
            0..12,
        ),
    ) {
        let text = parts.concat();
        let exact = exact(&text);
        prop_assert!(exact.chars().all(|c| matches!(c, '\n' | '\t') || !is_control(c)));
        prop_assert_eq!(restored(&exact), text.clone());
        let json = json_document(&serde_json::to_string(&text).unwrap());
        prop_assert!(!json.chars().any(is_control), "{}", json);
        prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}

#[test]
fn exact_text_keeps_tabs_joiners_and_backslashes() {
    let text = "a\tb می\u{200c}خواهم 👨\u{200d}👩\u{200d}👧 क्\u{200d}ष C:\\new e\u{301} \u{e0061}";
    assert_eq!(exact(text), text);
}

#[test]
fn fold_ignores_case_and_composition() {
    for (one, other) in [
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("Cafe\u{301}", "CAFÉ"),
        ("ÅNGSTRÖM", "a\u{30a}ngstro\u{308}m"),
        ("ﬁn", "FIN"),
    ] {
        assert_eq!(fold(one), fold(other), "{one} {other}");
    }
    assert_ne!(fold("a"), fold("á"));
}
