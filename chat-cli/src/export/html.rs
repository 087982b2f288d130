//! Exports a room as one self-contained HTML page: no scripts, images or links.
//!
//! Rule: names and messages pass through [`escaped`], and stand between tags only, never in an
//! attribute.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::ids::hex;
use crate::message::Content;
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::sanitize::{self, Clean};
use crate::timeline::Entry;

/// The start of the page. Its content security policy blocks everything but the page's own style,
/// in case text is ever interpreted as markup.
const BEFORE_TITLE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">"#;

/// The style: light or dark as in the reader's system, and a colour per author's key.
const STYLE: &str = "<style>
:root { color-scheme: light dark; --light: 33% }
@media (prefers-color-scheme: dark) { :root { --light: 72% } }
body { font-family: system-ui, sans-serif; line-height: 1.4; max-width: 50rem;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
h2 { font-size: 1rem; font-weight: normal; text-align: center; border-bottom: 1px solid }
article { margin: .7rem 0 }
p { margin: 0; white-space: pre-wrap }
b { color: hsl(var(--hue) 60% var(--light)) }
time, i { opacity: .75; font-style: normal }
.aside { opacity: .75; font-style: italic }
</style>";

/// Writes the page, message by message.
#[derive(Debug)]
pub(super) struct Page {
    room: Clean,
    zone: TimeZone,
    day: Option<Date>,
}

impl Page {
    /// Creates the page of a room, with times in this time zone.
    pub(super) fn new(room: &str, zone: TimeZone) -> Self {
        Self { room: sanitize::line(room, ROOM_NAME_COLUMNS_MAX), zone, day: None }
    }

    /// Returns the lines before the messages.
    pub(super) fn head(&self) -> Vec<String> {
        let room = escaped(self.room.as_str());
        let title = format!("<title>{room}</title>");
        let rest = ["</head>".into(), "<body>".into(), format!("<h1>{room}</h1>")];
        [BEFORE_TITLE.into(), title, STYLE.into()].into_iter().chain(rest).collect()
    }

    /// Returns the lines of a message, after a date line if the date changes.
    pub(super) fn lines(&mut self, entry: &Entry) -> Vec<String> {
        let chat = entry.content.chat();
        let nick = chat.and_then(|chat| chat.nickname.as_deref()).unwrap_or_default();
        let time = chat.and_then(|chat| chat.time).map(|time| time.to_zoned(self.zone.clone()));
        let mut lines = Vec::new();
        if let Some(time) = &time
            && self.day.replace(time.date()) != Some(time.date())
        {
            lines.push(format!("<h2>{}</h2>", time.strftime("%a %d %b %Y")));
        }
        let clock = time.map_or("--:--".into(), |time| time.strftime("%H:%M").to_string());
        let class = match &entry.content {
            Content::Chat(_) => "",
            Content::Topic(_) | Content::Unreadable(_) => " class=\"aside\"",
        };
        let (key, author) = (hex(&entry.id.feed), sanitize::author(nick, &entry.id.feed));
        // One byte gives 256 hues; people can tell only some of them apart.
        let hue = u32::from(entry.id.feed[0]) * 360 / 256;
        let channel = entry.content.channel();
        let (author, channel) = (escaped(author.as_str()), escaped(channel.as_str()));
        let kind_symbol = entry.content.kind_symbol();
        lines.push(format!(
            "<article><time>{clock}</time>{kind_symbol}<b style=\"--hue: {hue}\" title=\"{key}\">\
             {author}</b> <i>#{channel}</i>"
        ));
        let text = escaped(&entry.content.exact());
        lines.push(format!("<p{class}>{text}</p></article>"));
        lines
    }

    /// Returns the lines after the messages.
    pub(super) fn tail(&self) -> Vec<String> {
        vec!["</body>".into(), "</html>".into()]
    }
}

/// Escapes HTML markup. Control characters and those that reorder text were made visible before.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
