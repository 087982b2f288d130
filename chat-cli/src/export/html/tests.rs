use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ids::MessageId;
use crate::message::{self, Draft, Kind};
use crate::timeline::key::Hlc;

fn entry(kind: Kind, (nick, channel, time): (&str, &str, &str), text: &str) -> Entry {
    // Written by a peer that ignores our limits.
    let block = serde_json::json!({
        "type": match kind { Kind::Message => "chat-message", Kind::Topic => "chat-topic" },
        "nickname": nick, "channel": channel, "timestamp": time, "text": text,
    });
    Entry {
        id: MessageId { feed: [0xab; 32], index: 0 },
        hlc: Hlc::default(),
        content: message::decode(block.to_string().as_bytes()),
    }
}

fn page(room: &str, entries: &[Entry]) -> String {
    let mut page = Page::new(room, TimeZone::UTC);
    let mut lines = page.head();
    lines.extend(entries.iter().flat_map(|entry| page.lines(entry)));
    lines.extend(page.tail());
    lines.join("\n")
}

/// Splits a page into its tags and the unescaped text between them.
fn taken_apart(page: &str) -> (Vec<String>, String) {
    let (mut tags, mut text) = (Vec::new(), String::new());
    let mut rest = page;
    while let Some((before, behind)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, behind) = behind.split_once('>').expect("a tag has an end");
        assert!(!tag.contains('<'), "{tag}");
        tags.push(tag.to_string());
        rest = behind;
    }
    text.push_str(rest);
    let names = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
    let is_known = |(at, _): (usize, &str)| names.iter().any(|name| text[at..].starts_with(name));
    assert!(text.match_indices('&').all(is_known), "{text}");
    let plain = names.iter().zip(["&", "<", ">", "\"", "'"]).skip(1);
    let text = plain.fold(text, |text, (name, c)| text.replace(name, c)).replace("&amp;", "&");
    (tags, text)
}

const TIME: &str = "2026-11-22T08:26:14.138Z";

#[test]
fn page_has_days_channels_and_all_message_kinds() {
    let chat = |text| entry(Kind::Message, ("bob", "general", TIME), text);
    let topic = entry(Kind::Topic, ("bob", "lunch", "2026-11-23T09:00:00Z"), "soup");
    let broken = Entry { content: message::decode(b"x"), ..chat("") };
    let page = page("kitchen", &[chat("one\n two"), chat("/me waves"), topic, broken]);
    let body = page.split_once("<body>\n").expect("a body").1;
    let key = "ab".repeat(32);
    let author = format!("<b style=\"--hue: 240\" title=\"{key}\">bob·ababab</b>");
    let anonymous = author.replace("bob", "anonymous");
    let expected = [
        "<h1>kitchen</h1>".to_string(),
        "<h2>Sun 22 Nov 2026</h2>".into(),
        format!("<article><time>08:26</time> {author} <i>#general</i>"),
        "<p>one\n two</p></article>".into(),
        format!("<article><time>08:26</time>*{author} <i>#general</i>"),
        "<p>waves</p></article>".into(),
        "<h2>Mon 23 Nov 2026</h2>".into(),
        format!("<article><time>09:00</time>─{author} <i>#lunch</i>"),
        "<p class=\"aside\">set the topic: soup</p></article>".into(),
        format!("<article><time>--:--</time>?{anonymous} <i>#general</i>"),
        "<p class=\"aside\">(not a message)</p></article>".into(),
        "</body>\n</html>".into(),
    ];
    assert_eq!(body, expected.join("\n"));
}

#[test]
fn page_loads_nothing_and_runs_no_script() {
    let page = page("kitchen", &[entry(Kind::Message, ("bob", "general", TIME), "hi")]);
    for word in ["<script", "src=", "href", "url(", "@import", "http:", "https:", "<link", "onload"]
    {
        assert!(!page.contains(word), "{word} in {page}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn markup_in_messages_is_escaped() {
    let evil = "</p></article><script>alert(1)</script><img src=x onerror='a(\"b\")'>&lt;&#60;\u{0}\
                \u{202e}<!-- ]]> </title></style>";
    let entries = [Kind::Message, Kind::Topic].map(|kind| entry(kind, (evil, evil, TIME), evil));
    let (tags, text) = taken_apart(&page(evil, &entries));
    let calm = [Kind::Message, Kind::Topic].map(|kind| entry(kind, ("a", "b", TIME), "c"));
    assert_eq!(tags, taken_apart(&page("d", &calm)).0);
    assert!(text.contains("</p></article><script>alert(1)</script>"), "{text}");
    assert!(text.contains("&lt;&#60;\\u{0}\\u{202e}<!-- ]]>"), "{text}");
}

/// Generates text with parts that have a meaning in HTML.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => "[<>&\"'/=;#!-]{1,4}",
        1 => Just("<script>".to_string()),
        1 => Just("</p>".to_string()),
        1 => Just("]]>".to_string()),
        1 => Just("&lt".to_string()),
        1 => Just("/me ".to_string()),
        1 => Just("\n".to_string()),
        2 => any::<char>().prop_map(String::from),
        1 => "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{200f}]",
        1 => "[\u{202a}-\u{202e}\u{2066}-\u{2069}\u{feff}]",
        2 => "[a-z ]{1,6}",
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// Returns whether a character neither controls anything nor reorders text.
fn is_shown(c: char) -> bool {
    sanitize::exact(&c.to_string()) == c.to_string()
}

proptest! {
    #[test]
    fn no_peer_text_becomes_markup(
        room in texts(),
        nick in texts(),
        channel in texts(),
        text in texts(),
        topic in any::<bool>(),
    ) {
        let kind = if topic { Kind::Topic } else { Kind::Message };
        let chat = page(&room, &[entry(kind, (&nick, &channel, TIME), &text)]);
        let calm = page("a", &[entry(kind, ("b", "c", TIME), "d")]);
        let ((tags, shown), (calm, _)) = (taken_apart(&chat), taken_apart(&calm));
        prop_assert_eq!(tags, calm);
        // Nothing reorders text, and the only control characters are newline and tab.
        prop_assert!(shown.chars().all(is_shown), "{:?}", shown);
        if kind == Kind::Message {
            let entry = entry(kind, (&nick, &channel, TIME), &text);
            let text = entry.content.exact();
            prop_assert!(shown.contains(&text), "{:?} in {:?}", text, shown);
        }
    }
}

#[test]
fn own_text_is_shown_as_typed() {
    let now: Timestamp = TIME.parse().expect("a time");
    let draft = Draft::new("al & co", "1 < 2 && 3 > 2");
    let content = message::decode(&message::encode(&draft, now).expect("it is short"));
    let page = page("q&a", &[Entry { content, ..entry(Kind::Message, ("", "", TIME), "") }]);
    assert!(page.contains("<title>q&amp;a</title>"), "{page}");
    assert!(page.contains("<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>"), "{page}");
    assert!(page.contains(">al &amp; co·ababab</b>"), "{page}");
}
