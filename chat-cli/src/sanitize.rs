//! Sanitises text of peers, files and pastes for a terminal.
//!
//! Rule: only this file creates [`Clean`] strings, and output takes [`Clean`] strings. Characters
//! that move the cursor, change colours or the clipboard, reverse the reading direction or hide
//! text are shown as escapes such as `\u{202e}`; nothing is dropped silently. Joiners stay where
//! writing needs them: between letters of scripts that join, and in emoji.
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
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory as Category, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The widest nick, in terminal columns. Chosen: longer than usual names, and short enough for
/// lists.
pub const NICK_COLUMNS_MAX: usize = 32;
/// Characters of the author's key after each nick: 24 bits.
pub const KEY_CHARS: usize = 6;
/// The longest run of combining marks. Chosen: Vietnamese, Hebrew and Thai need up to three.
pub const MARKS_MAX: usize = 4;
/// Prevents that two letters join.
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
/// Joins two letters or emoji.
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// The combining class of viramas.
const VIRAMA: u8 = 9;

/// Text that is safe to show: it contains no control, hidden or reordering characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Clean(String);

impl Clean {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its width on a terminal, in columns.
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

/// Returns one line of at most `columns` columns: a newline becomes `⏎`, a cut end becomes `…`.
pub fn line(text: &str, columns: usize) -> Clean {
    Clean(truncate(clean(text, Newlines::Symbol), columns))
}

/// Returns the text of a JSON field: as [`line()`], but `\n` stays and nothing is cut.
pub fn json(text: &str) -> Clean {
    Clean(clean(text, Newlines::HistoryCommand))
}

/// Returns a text for a file, as it was sent: only control characters other than newline and tab,
/// and characters that reverse the reading direction, are escapes such as `\u{1b}`. A backslash
/// that would begin such an escape is `\u{5c}`, so the text can be restored.
///
/// ```
/// use multichat::sanitize;
/// let text = "a\tb \u{200d} C:\\dir \\u{1b} \u{1b}";
/// assert_eq!(sanitize::exact(text), "a\tb \u{200d} C:\\dir \\u{5c}u{1b} \\u{1b}");
/// ```
pub fn exact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\n' | '\t' => out.push(c),
            '\\' if text[at..].starts_with("\\u{") => escape(c, &mut out),
            c if is_control(c) => escape(c, &mut out),
            c => out.push(c),
        }
    }
    out
}

/// Escapes the same characters in a JSON document, in JSON's way: a parser returns the text as it
/// was sent.
pub fn json_document(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Every such character of a document is within a string, and none needs two units.
        if is_control(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns whether a character controls a terminal, or the direction of the text around it (the
/// property `Bidi_Control`).
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text in the form in which texts are compared: in NFC, with Unicode case folding.
///
/// ```
/// use multichat::sanitize::fold;
/// assert_eq!(fold("STRASSE"), fold("Straße"));
/// assert_eq!(fold("Cafe\u{301}"), fold("CAFÉ"));
/// ```
pub fn fold(text: &str) -> String {
    let text: String = text.nfc().collect();
    // Folding can give a decomposed letter.
    unicase::UniCase::unicode(text).to_folded_case().nfc().collect()
}

/// Splits a message at its newlines into lines of at most `columns` columns.
pub fn lines(text: &str, columns: usize) -> Vec<Clean> {
    let text = clean(text, Newlines::HistoryCommand);
    // A line may start with a combining mark that followed the newline, so clean it again.
    text.split('\n').map(|part| line(part, columns)).collect()
}

/// Returns a nick of at most [`NICK_COLUMNS_MAX`] columns, never empty.
///
/// A nick is its owner's claim. Show it with [`author`], which adds part of the key.
pub fn nick(text: &str) -> Clean {
    if !text.chars().any(|c| classify(c) == CharClass::Show && !is_space(c)) {
        return Clean("anonymous".into());
    }
    let words = clean(text, Newlines::Symbol);
    let words: Vec<&str> = words.split_whitespace().collect();
    // The dot separates nick and key, so a nick must not contain one or a similar character.
    let words: String = words.join(" ").chars().map(|c| if is_dot(c) { '.' } else { c }).collect();
    Clean(truncate(words, NICK_COLUMNS_MAX))
}

/// Returns the author as shown everywhere: `nick·ab12cd`, with the first characters of the feed's
/// key.
pub fn author(name: &str, key: &[u8; 32]) -> Clean {
    Clean(format!("{}·{}", nick(name), key_chars(key)))
}

/// Returns the author in at most `columns` columns; the characters of the key are always
/// complete.
pub fn author_within(name: &str, key: &[u8; 32], columns: usize) -> Clean {
    let nick = truncate(nick(name).0, columns.saturating_sub(KEY_CHARS + 1).max(1));
    Clean(format!("{nick}·{}", key_chars(key)))
}

/// Returns the skeleton of a nick: nicks that look alike have the same skeleton (Unicode
/// Technical Standard #39, section 4).
pub fn skeleton(nick: &str) -> String {
    // In both cases of letters: a capital may look like a letter that its lower case does not
    // resemble.
    let folded: String = unicode_security::skeleton(nick).collect::<String>().to_lowercase();
    unicode_security::skeleton(&folded).filter(|c| !c.is_whitespace() && !is_joiner(*c)).collect()
}

/// Returns the first characters of a key in hex.
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

/// How a character is shown in any position.
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
        // Most text is ASCII.
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

/// Returns whether a character is the middle dot or looks like it.
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

/// Returns whether an emoji or text selector has a meaning after this character.
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

fn is_joiner(c: char) -> bool {
    matches!(c, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER)
}

/// Returns whether a character is a letter or mark of a script that is written with joiners.
fn is_of_joining_script(c: char) -> bool {
    let is_joining = matches!(
        c,
        // Arabic, Syriac, N'Ko, Mandaic; the scripts of India and Sri Lanka; Myanmar, Khmer and
        // Mongolian; more Devanagari; Arabic shapes
        '\u{600}'..='\u{7ff}'
            | '\u{840}'..='\u{8ff}'
            | '\u{900}'..='\u{dff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{18af}'
            | '\u{a8e0}'..='\u{a8ff}'
            | '\u{fb50}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
    );
    let class = classify(c);
    let is_letter = class == CharClass::Show && c.is_alphabetic();
    is_joining && (is_letter || class == CharClass::CombiningMark)
}

fn is_emoji(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

/// Returns whether a joiner is part of the text: between letters that join, after a virama, or in
/// an emoji. Elsewhere it is invisible and could make two names look the same.
fn joins(joiner: char, before: Option<char>, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let is_between = |is_wanted: fn(char) -> bool| after.is_some_and(is_wanted);
    match joiner {
        ZERO_WIDTH_JOINER if canonical_combining_class(before) == VIRAMA => true,
        ZERO_WIDTH_JOINER if before == '\u{fe0f}' || is_emoji(before) => is_between(is_emoji),
        _ => is_of_joining_script(before) && is_between(is_of_joining_script),
    }
}

fn clean(text: &str, newlines: Newlines) -> String {
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut base = None;
    let mut marks = 0;
    // The last character, if it is shown as it is.
    let mut last = None;
    let mut chars = text.nfc().peekable();
    while let Some(c) = chars.next() {
        // Marks after the limit are not shown, so a joiner before one would join nothing.
        let is_shown = |after: &char| classify(*after) != CharClass::CombiningMark;
        let after = chars.peek().copied().filter(|after| marks < MARKS_MAX || is_shown(after));
        if is_joiner(c) && joins(c, last, after) {
            // It does not end a run of marks, which would have no limit then.
            out.push(c);
            (base, last) = (None, None);
            continue;
        }
        let verdict = classify(c);
        if verdict != CharClass::CombiningMark {
            marks = 0;
        }
        let before = base;
        base = None;
        last = match verdict {
            CharClass::Show => Some(c),
            CharClass::CombiningMark if marks < MARKS_MAX => Some(c),
            CharClass::Selector if before.is_some_and(accepts_selector) => Some(c),
            _ => None,
        };
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
    // Replaced spaces may now precede a combining mark, so normalise to NFC again.
    out.nfc().collect()
}

fn escape(c: char, out: &mut String) {
    out.extend(c.escape_unicode());
}

/// Adds the nth mark of a run. One escape stands for all marks above the limit.
fn mark(c: char, nth: usize, out: &mut String) {
    // A mark without a base would combine with the character before the text.
    if out.is_empty() || out.ends_with([' ', '\n']) {
        out.push('◌');
    }
    match nth {
        ..=MARKS_MAX => out.push(c),
        _ if nth == MARKS_MAX + 1 => out.push_str("\\u{…}"),
        _ => {}
    }
}

/// Returns the columns that each character adds. Their sum is the width on a terminal that does
/// not join emoji; others need less.
fn widths(text: &str) -> impl Iterator<Item = (char, usize)> {
    let mut last = 0;
    text.chars().map(move |c| {
        // An emoji selector makes a narrow symbol wide, but its own width is zero.
        let wide =
            if c == '\u{fe0f}' { 2usize.saturating_sub(last) } else { c.width().unwrap_or(0) };
        last = if c == '\u{fe0f}' { 2 } else { wide };
        (c, wide)
    })
}

/// Cuts to `columns` columns, with `…` at the end if something was cut.
fn truncate(text: String, columns: usize) -> String {
    if widths(&text).map(|(_, wide)| wide).sum::<usize>() <= columns {
        return text;
    }
    let mut kept = String::new();
    let mut width = 0;
    for (c, wide) in widths(&text) {
        if width + wide > columns.saturating_sub(1) {
            break;
        }
        width += wide;
        kept.push(c);
    }
    while kept.ends_with(is_joiner) {
        kept.pop();
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
