//! Converts user input to symbols, each with its position in the input.

use zeroize::Zeroizing;

use super::error::InviteError;
use super::{ALPHABET, PREFIX, SYMBOLS_MAX, SYMBOLS_MIN};

/// The longest input that is parsed, in characters. Chosen: an invite in a wrapped and quoted
/// link fits easily.
pub(super) const INPUT_CHARS_MAX: usize = 2_048;

/// The body of an invite: normalised characters with their positions, counted from 1.
pub(super) struct Symbols {
    chars: Vec<(char, usize)>,
    /// The characters as bytes; 0 for those outside the alphabet.
    bytes: Zeroizing<Vec<u8>>,
}

impl Symbols {
    pub(super) fn read(input: &str) -> Result<Self, InviteError> {
        let chars = input.chars().count();
        if chars > INPUT_CHARS_MAX {
            return Err(InviteError::TooLong { chars });
        }
        let chars = body(normalise(input))?;
        if chars.is_empty() {
            return Err(InviteError::Empty);
        }
        let bytes = chars.iter().map(|(c, _)| if is_symbol(*c) { *c as u8 } else { 0 }).collect();
        Ok(Self { chars, bytes: Zeroizing::new(bytes) })
    }

    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    /// Returns the symbols to decode. Valid if [`invalid_symbols`](Self::invalid_symbols) is empty.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the position in the input of the symbol at an index, from 1.
    pub(super) fn position(&self, index: usize) -> usize {
        self.chars[index].1
    }

    pub(super) fn char(&self, index: usize) -> char {
        self.chars[index].0
    }

    /// Returns the index of the symbol at a position in the input.
    pub(super) fn index(&self, position: usize) -> Option<usize> {
        self.chars.iter().position(|(_, at)| *at == position)
    }

    /// Returns the characters outside the alphabet with their positions.
    pub(super) fn invalid_symbols(&self) -> impl Iterator<Item = (usize, char)> {
        self.chars.iter().filter(|(c, _)| !is_symbol(*c)).map(|(c, at)| (*at, *c))
    }
}

/// Returns whether a word is probably an invite, even a broken one.
pub fn looks_like_invite(word: &str) -> bool {
    if word.chars().count() > INPUT_CHARS_MAX {
        return false;
    }
    let folded: String = normalise(word).into_iter().map(|(c, _)| c).collect();
    if folded.starts_with(PREFIX) || folded.contains(&format!("#{PREFIX}")) {
        return true;
    }
    // A room name is not a single word of this length with hardly any other characters.
    let symbols = folded.chars().filter(|c| is_symbol(*c)).count();
    let chars = folded.chars().count();
    let long_enough = (SYMBOLS_MIN - 2..=SYMBOLS_MAX).contains(&chars);
    long_enough && chars - symbols <= 3 && !folded.contains(':')
}

fn is_symbol(c: char) -> bool {
    ALPHABET.contains(c)
}

/// Converts to lower case, and removes fillers and surrounding quotes.
fn normalise(input: &str) -> Vec<(char, usize)> {
    let mut chars: Vec<(char, usize)> = input
        .chars()
        .zip(1..)
        .filter(|(c, _)| !is_filler(*c))
        .map(|(c, at)| (c.to_ascii_lowercase(), at))
        .collect();
    let quotes = ['<', '>', '"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»'];
    while chars.last().is_some_and(|(c, _)| quotes.contains(c)) {
        chars.pop();
    }
    let start = chars.iter().take_while(|(c, _)| quotes.contains(c)).count();
    chars.drain(..start);
    chars
}

/// Returns whether a character is a space, a hyphen, or an invisible character from copying.
fn is_filler(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
    invisible || c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}')
}

/// Returns the characters after the prefix, or all of them if there is none.
fn body(mut chars: Vec<(char, usize)>) -> Result<Vec<(char, usize)>, InviteError> {
    let text: Vec<char> = chars.iter().map(|(c, _)| *c).collect();
    let prefix: Vec<char> = PREFIX.chars().collect();
    let skip = if text.starts_with(&prefix) {
        prefix.len()
    } else if starts_with(&text, "https://") {
        let mark: Vec<char> = format!("#{PREFIX}").chars().collect();
        let at = text.windows(mark.len()).position(|window| window == mark);
        at.ok_or(InviteError::Prefix)? + mark.len()
    } else if text.contains(&':') {
        return Err(InviteError::Prefix);
    } else {
        0
    };
    Ok(chars.split_off(skip))
}

fn starts_with(text: &[char], start: &str) -> bool {
    text.len() >= start.len() && text.iter().copied().zip(start.chars()).all(|(a, b)| a == b)
}
