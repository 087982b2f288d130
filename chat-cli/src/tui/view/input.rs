//! Draws the input line.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::sanitize;
use crate::tui::model::Model;

/// The most rows of the input line on the screen; a longer text scrolls. Chosen: leaves space for
/// messages.
const ROWS_MAX: u16 = 4;
/// The widest name before the input, in columns. Chosen: leaves space for the text.
const NICK_COLUMNS_MAX: usize = 12;

/// Returns how many rows the input needs.
pub fn rows(model: &Model, width: u16) -> u16 {
    let room = usize::from(width).saturating_sub(prompt(model).width() + 1).max(1);
    let rows: usize =
        model.input_line.text().split('\n').map(|line| 1 + line_columns(line) / room).sum();
    u16::try_from(rows).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX)
}

fn line_columns(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

fn prompt(model: &Model) -> Line<'static> {
    // In a narrow window the text needs the space.
    let columns = NICK_COLUMNS_MAX.min(usize::from(model.size.width) / 4);
    let nick = sanitize::line(model.room_info.nick.as_str(), columns);
    Line::styled(format!("{nick} › "), model.theme.author(&model.room_info.key))
}

/// Draws the input line.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let prompt = prompt(model);
    let width = u16::try_from(prompt.width()).unwrap_or(u16::MAX);
    let [left, right] =
        Layout::horizontal([Constraint::Length(width), Constraint::Min(1)]).areas(area);
    frame.render_widget(prompt, left);
    frame.render_widget(model.input_line.area(), right);
}
