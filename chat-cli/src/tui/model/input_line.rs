//! Implements the input line.

use ratatui_textarea::{CursorMove, Input, Key, TextArea, WrapMode};
use unicode_segmentation::UnicodeSegmentation;

use crate::sanitize;
use crate::slash::COMMANDS;

/// Input lines kept in the history, in memory only because they are private. Chosen: as many as a
/// person scrolls back.
const HISTORY_MAX: usize = 200;

/// A text editor with the lines sent before.
#[derive(Debug)]
pub struct InputLine {
    area: TextArea<'static>,
    history: Vec<String>,
    /// The position in the history, counted from its end; 0 is the new line.
    back: usize,
    /// The new line while an older one is shown.
    draft: String,
}

impl Default for InputLine {
    fn default() -> Self {
        Self { area: area(""), history: Vec::new(), back: 0, draft: String::new() }
    }
}

/// A change by one grapheme cluster.
#[derive(Clone, Copy)]
enum Step {
    DeleteBefore,
    DeleteAfter,
    Back,
    Forward,
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_string).collect());
    area.set_cursor_line_style(ratatui::style::Style::new());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

impl InputLine {
    /// Returns the editor for drawing.
    pub fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    /// Returns the text.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Returns whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        self.area = area(text);
    }

    /// Resets the scroll position after a change of the window's size.
    pub fn resize(&mut self) {
        let at = self.area.cursor();
        let row = u16::try_from(at.0).unwrap_or(u16::MAX);
        let column = u16::try_from(at.1).unwrap_or(u16::MAX);
        self.area = area(&self.text());
        self.area.move_cursor(CursorMove::Jump(row, column));
    }

    /// Removes the text, adds it to the history, and returns it.
    pub fn submit(&mut self) -> String {
        let text = self.text();
        self.set("");
        self.back = 0;
        if !text.trim().is_empty() && self.history.last() != Some(&text) {
            if self.history.len() == HISTORY_MAX {
                self.history.remove(0);
            }
            self.history.push(text.clone());
        }
        text
    }

    /// Applies a key. Keys for one character move over, or delete, what a user sees as one: a
    /// grapheme cluster.
    pub fn key(&mut self, input: Input) {
        let step = match input {
            Input { alt: true, .. } | Input { shift: true, .. } => None,
            Input { key: Key::Backspace, ctrl: false, .. }
            | Input { key: Key::Char('h'), ctrl: true, .. } => Some(Step::DeleteBefore),
            Input { key: Key::Delete, ctrl: false, .. }
            | Input { key: Key::Char('d'), ctrl: true, .. } => Some(Step::DeleteAfter),
            Input { key: Key::Left, ctrl: false, .. }
            | Input { key: Key::Char('b'), ctrl: true, .. } => Some(Step::Back),
            Input { key: Key::Right, ctrl: false, .. } => Some(Step::Forward),
            _ => None,
        };
        // As in a shell; the key of the editor for this, Ctrl-J, is Enter.
        if matches!(input, Input { key: Key::Char('u'), ctrl: true, alt: false, .. }) {
            self.area.delete_line_by_head();
            return;
        }
        // With a selection, the editor deletes or leaves all of it.
        match step.filter(|_| !self.area.is_selecting()) {
            Some(step) => self.step(step),
            None => _ = self.area.input(input),
        }
    }

    fn step(&mut self, step: Step) {
        let at = self.area.cursor();
        let line = self.area.lines().get(at.0).map_or("", String::as_str);
        let cursor = line.char_indices().nth(at.1).map_or(line.len(), |(index, _)| index);
        let (before, after) = line.split_at(cursor);
        let cluster = match step {
            Step::DeleteBefore | Step::Back => before.graphemes(true).next_back(),
            Step::DeleteAfter | Step::Forward => after.graphemes(true).next(),
        };
        // At the end of a line, the step goes over the line break.
        let chars = cluster.map_or(1, |cluster| cluster.chars().count());
        for _ in 0..chars {
            match step {
                Step::DeleteBefore => _ = self.area.delete_char(),
                Step::DeleteAfter => _ = self.area.delete_next_char(),
                Step::Back => self.area.move_cursor(CursorMove::Back),
                Step::Forward => self.area.move_cursor(CursorMove::Forward),
            }
        }
    }

    /// Adds a line break.
    pub fn newline(&mut self) {
        self.area.insert_newline();
    }

    /// Inserts pasted text; control characters are shown as escapes, as in the message.
    pub fn paste(&mut self, text: &str) {
        self.area.insert_str(sanitize::json(text).as_str());
    }

    /// Shows the previous line of the history.
    pub fn older(&mut self) {
        if self.back == 0 {
            self.draft = self.text();
        }
        if self.back < self.history.len() {
            self.back += 1;
            self.show_history_entry();
        }
    }

    /// Shows the next line of the history, and finally the new line.
    pub fn newer(&mut self) {
        if self.back > 0 {
            self.back -= 1;
            self.show_history_entry();
        }
    }

    fn show_history_entry(&mut self) {
        let text = match self.back {
            0 => self.draft.clone(),
            back => self.history[self.history.len() - back].clone(),
        };
        self.set(&text);
    }

    /// Completes the last word to a command or one of these names.
    pub fn complete(&mut self, names: &[String]) {
        let text = self.text();
        let start = text.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = text[start..].to_lowercase();
        let commands = COMMANDS.iter().filter_map(|(usage, _)| usage.split(' ').next());
        let commands = commands.filter(|_| start == 0).map(str::to_string);
        let names = names.iter().map(|name| format!("@{name}"));
        let mut fits = commands
            .chain(names)
            .filter(|whole| word.len() > 1 && whole.to_lowercase().starts_with(&word));
        if let Some(whole) = fits.next() {
            self.set(&format!("{}{whole} ", &text[..start]));
        }
    }
}
