//! The one sanitiser: what a peer (or a file, or a paste) said, made fit for a terminal.
//!
//! Rule: a [`Clean`] string comes from this file alone, and output takes [`Clean`] strings.
//! Whatever can move a cursor, change colours or clipboard, turn the reading direction round or
//! hide text is shown as a visible escape such as `\u{202e}`; nothing is dropped unseen.
//!
//! ```
//! use multichat::sanitize;
//! let line = sanitize::line("hi\u{1b}[2J\nthere", 40);
//! assert_eq!(line.as_str(), "hi\\u{1b}[2J⏎there");
//! assert_eq!(sanitize::author("alice", &[0xab; 32]).as_str(), "alice·ababab");
//! ```

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The widest nick that is shown, in terminal columns.
pub const NICK_COLUMNS_MAX: usize = 32;
/// How many characters of the author's key follow each nick.
pub const KEY_CHARS: usize = 6;
/// The longest run of marks on one letter. Vietnamese, Hebrew and Thai need up to three.
pub const MARKS_MAX: usize = 4;

/// Text that is safe to show: no control, no hidden and no reordering character is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Clean(String);

impl Clean {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its width on a terminal, in columns.
    pub fn columns(&self) -> usize {
        self.0.width()
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Clean {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Makes one line of at most `columns` columns: a newline becomes `⏎`, a cut end `…`.
pub fn line(text: &str, columns: usize) -> Clean {
    Clean(truncate(clean(text, Newlines::Symbol), columns))
}

/// Makes the text of a JSON field: as [`line()`], but `\n` stays and nothing is cut.
pub fn json(text: &str) -> Clean {
    Clean(clean(text, Newlines::HistoryCommand))
}

/// Splits a message into lines of at most `columns` columns each, at its newlines.
pub fn lines(text: &str, columns: usize) -> Vec<Clean> {
    let text = clean(text, Newlines::HistoryCommand);
    // A line of its own may start with a mark that stood behind the newline: clean it again.
    text.split('\n').map(|part| line(part, columns)).collect()
}

/// Makes a nick of at most [`NICK_COLUMNS_MAX`] columns, never empty.
///
/// A nick is what its owner claims. Show it with [`author`], which adds what cannot be claimed.
pub fn nick(text: &str) -> Clean {
    if !text.chars().any(|c| classify(c) == CharClass::Show && !is_space(c)) {
        return Clean("anonymous".into());
    }
    let words = clean(text, Newlines::Symbol);
    let words: Vec<&str> = words.split_whitespace().collect();
    // The dot divides nick and key characters, so no nick may hold one or its doubles.
    let words: String = words.join(" ").chars().map(|c| if is_dot(c) { '.' } else { c }).collect();
    Clean(truncate(words, NICK_COLUMNS_MAX))
}

/// The author as it is always shown: `nick·ab12cd`, the first characters of the feed's key.
pub fn author(name: &str, key: &[u8; 32]) -> Clean {
    Clean(format!("{}·{}", nick(name), key_chars(key)))
}

/// The author in at most `columns` columns, of which the characters of the key are always shown.
pub fn author_within(name: &str, key: &[u8; 32], columns: usize) -> Clean {
    let nick = truncate(nick(name).0, columns.saturating_sub(KEY_CHARS + 1).max(1));
    Clean(format!("{nick}·{}", key_chars(key)))
}

/// What a nick looks like, whatever letters it is made of: two nicks that may be taken for each
/// other have the same (Unicode Technical Standard #39, section 4).
pub fn skeleton(nick: &str) -> String {
    // Both ways round: a capital may look like a letter that its small form does not look like.
    let folded: String = unicode_security::skeleton(nick).collect::<String>().to_lowercase();
    unicode_security::skeleton(&folded).filter(|c| !c.is_whitespace()).collect()
}

/// The first characters of a key in hex.
pub fn key_chars(key: &[u8; 32]) -> Clean {
    let mut hex: String = key
        .iter()
        .take(KEY_CHARS.div_ceil(2))
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    hex.truncate(KEY_CHARS);
    Clean(hex)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Newlines {
    Symbol,
    HistoryCommand,
}

/// What becomes of a character, wherever it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CharClass {
    Show,
    Escape,
    Space,
    CombiningMark,
    Selector,
}

fn classify(c: char) -> CharClass {
    match c {
        // ASCII is nearly all of the traffic.
        ' '..='~' => CharClass::Show,
        '\t' => CharClass::Space,
        '\u{fe0e}' | '\u{fe0f}' => CharClass::Selector,
        // Letters and marks without a shape: Hangul fillers, the empty Braille cell, joiners,
        // Khmer inherent vowels, and the variation selectors that can carry hidden bytes.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' => CharClass::Escape,
        '\u{34f}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => CharClass::Escape,
        '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => CharClass::Escape,
        _ => match c.general_category() {
            Category::Control
            | Category::Format
            | Category::Surrogate
            | Category::PrivateUse
            | Category::Unassigned
            | Category::LineSeparator
            | Category::ParagraphSeparator => CharClass::Escape,
            Category::SpaceSeparator => CharClass::Space,
            Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark => {
                CharClass::CombiningMark
            }
            _ => CharClass::Show,
        },
    }
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || classify(c) == CharClass::Space
}

/// The middle dot and what looks like it.
fn is_dot(c: char) -> bool {
    matches!(
        c,
        '·' | '\u{387}'
            | '\u{2022}'
            | '\u{2027}'
            | '\u{2219}'
            | '\u{22c5}'
            | '\u{30fb}'
            | '\u{ff65}'
            | '\u{16eb}'
            | '\u{10101}'
            | '\u{2e31}'
            | '\u{a78f}'
    )
}

/// Whether an emoji or text selector has a meaning behind this character.
fn accepts_selector(c: char) -> bool {
    matches!(
        c.general_category(),
        Category::OtherSymbol
            | Category::MathSymbol
            | Category::ModifierSymbol
            | Category::DecimalNumber
            | Category::OtherPunctuation
            | Category::DashPunctuation
    )
}

fn clean(text: &str, newlines: Newlines) -> String {
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut base = None;
    let mut marks = 0;
    for c in text.nfc() {
        let verdict = classify(c);
        if verdict != CharClass::CombiningMark {
            marks = 0;
        }
        let before = base;
        base = None;
        match verdict {
            _ if c == '\n' && newlines == Newlines::HistoryCommand => out.push('\n'),
            _ if c == '\n' => out.push('⏎'),
            CharClass::Show => {
                out.push(c);
                base = Some(c);
            }
            CharClass::Space => out.push(' '),
            CharClass::Selector if before.is_some_and(accepts_selector) => out.push(c),
            CharClass::Selector | CharClass::Escape => escape(c, &mut out),
            CharClass::CombiningMark => {
                marks += 1;
                mark(c, marks, &mut out);
            }
        }
    }
    // Spaces that were of another kind may now stand before a mark: only NFC again is NFC.
    out.nfc().collect()
}

fn escape(c: char, out: &mut String) {
    out.extend(c.escape_unicode());
}

/// Adds the nth mark of a run: a marker stands for all that are too many.
fn mark(c: char, nth: usize, out: &mut String) {
    // A mark with nothing under it would climb onto our own column to the left.
    if out.is_empty() || out.ends_with([' ', '\n']) {
        out.push('◌');
    }
    match nth {
        ..=MARKS_MAX => out.push(c),
        _ if nth == MARKS_MAX + 1 => out.push_str("\\u{…}"),
        _ => {}
    }
}

/// Cuts to `columns`, with `…` as the last one where something was cut.
fn truncate(text: String, columns: usize) -> String {
    if text.width() <= columns {
        return text;
    }
    let mut kept = String::new();
    let mut width = 0;
    let mut last = 0;
    for c in text.chars() {
        // A selector makes a narrow symbol wide; its own width says nothing of that.
        let wide =
            if c == '\u{fe0f}' { 2usize.saturating_sub(last) } else { c.width().unwrap_or(0) };
        if width + wide > columns.saturating_sub(1) {
            break;
        }
        width += wide;
        last = if c == '\u{fe0f}' { 2 } else { wide };
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
