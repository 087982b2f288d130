//! The line that is being typed.

use ratatui_textarea::{CursorMove, Input, TextArea, WrapMode};

use crate::sanitize;
use crate::slash::COMMANDS;

/// Lines of the history that are kept, in memory alone: they are what people said.
const HISTORY_MAX: usize = 200;

/// An editor of some lines, with those that were sent before.
#[derive(Debug)]
pub struct InputLine {
    area: TextArea<'static>,
    history: Vec<String>,
    /// Where in the history we are, counted from its end; none is the line that is new.
    back: usize,
    /// The new line, while another one is looked at.
    draft: String,
}

impl Default for InputLine {
    fn default() -> Self {
        Self { area: area(""), history: Vec::new(), back: 0, draft: String::new() }
    }
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
    /// The editor, to be drawn.
    pub fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    /// What is written.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Writes something else.
    pub fn set(&mut self, text: &str) {
        self.area = area(text);
    }

    /// Forgets which rows of it were in view: the window has another size.
    pub fn resize(&mut self) {
        let at = self.area.cursor();
        let row = u16::try_from(at.0).unwrap_or(u16::MAX);
        let column = u16::try_from(at.1).unwrap_or(u16::MAX);
        self.area = area(&self.text());
        self.area.move_cursor(CursorMove::Jump(row, column));
    }

    /// Takes what is written, and keeps it in the history.
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

    /// Writes on as a key says.
    pub fn key(&mut self, input: Input) {
        self.area.input(input);
    }

    /// A line more.
    pub fn newline(&mut self) {
        self.area.insert_newline();
    }

    /// Puts in what was pasted: what it cannot show is shown by its number, as it is sent.
    pub fn paste(&mut self, text: &str) {
        self.area.insert_str(sanitize::json(text).as_str());
    }

    /// An older line.
    pub fn older(&mut self) {
        if self.back == 0 {
            self.draft = self.text();
        }
        if self.back < self.history.len() {
            self.back += 1;
            self.show_history_entry();
        }
    }

    /// A newer line, and the new one at last.
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

    /// Writes the last word to its end, if it is the start of a command or of one of these names.
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
