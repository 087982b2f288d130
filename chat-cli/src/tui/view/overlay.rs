//! Draws the overlay above the messages.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use textwrap::{Options, wrap};
use unicode_width::UnicodeWidthStr;

use super::layout::panes;
use super::people;
use crate::sanitize;
use crate::slash::COMMANDS;
use crate::transcript::plural;
use crate::tui::model::Model;
use crate::tui::model::overlay::{Invite, Overlay, Search};

/// The width of one of the two columns of the help: 1 + 15 + 2 + 21.
const HELP_COLUMNS: usize = 39;

const KEYS: [(&str, &str); 12] = [
    ("Enter", "send"),
    ("Alt-Enter", "new line"),
    ("Tab", "complete a word"),
    ("Up Down", "input history"),
    ("PgUp PgDn", "scroll"),
    ("Home End", "first, last message"),
    ("Alt-Up Alt-Down", "change the channel"),
    ("Alt-A", "next unread channel"),
    ("Alt-1 to Alt-9", "change the room"),
    ("Alt-P, Ctrl-F", "people, search"),
    ("Shift and mouse", "select text"),
    ("Ctrl-C twice", "quit"),
];

/// Draws the overlay, if one is open.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    // An invite gets all the space, so that its QR code can be scanned.
    let area = match model.overlay {
        Overlay::Invite(_) if panes(model).tabs.is_some() => {
            Rect { y: 0, height: area.bottom(), ..area }
        }
        _ => area,
    };
    let (title, lines) = match &model.overlay {
        Overlay::None => return,
        Overlay::Help(top) => (" help ", visible(help(area), *top, area)),
        Overlay::People(top) => (" people ", visible(people(model, area), *top, area)),
        Overlay::Search(search) => (" search ", found(model, search, area)),
        Overlay::Invite(invite) => (" invite ", invitation(invite, area)),
        Overlay::Paste(text) => (" paste ", paste_question(text, area)),
        Overlay::Unsent(command) => (" not sent ", unsent_question(command, area)),
    };
    let is_framed = has_frame(area) && !matches!(model.overlay, Overlay::Invite(_));
    let block = if is_framed { Block::bordered().title(title) } else { Block::new() };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// Returns whether the overlay has a frame. In the smallest windows it would leave no space.
fn has_frame(area: Rect) -> bool {
    area.height > 6
}

/// Returns how many lines the list in the overlay can scroll; 0 if it fits or there is none.
pub fn scroll_max(model: &Model) -> usize {
    let area = panes(model).chat;
    let lines = match &model.overlay {
        Overlay::Help(_) => help(area).len(),
        Overlay::People(_) => people(model, area).len(),
        _ => 0,
    };
    lines.saturating_sub(list_rows(area))
}

fn list_rows(area: Rect) -> usize {
    usize::from(area.height).saturating_sub(if has_frame(area) { 2 } else { 0 })
}

fn people(model: &Model, area: Rect) -> Vec<Line<'static>> {
    people::lines(model, usize::from(area.width).saturating_sub(2))
}

/// Returns the lines of a list from `top` on that fit. If more follow, the last row says so.
fn visible(mut lines: Vec<Line<'static>>, top: usize, area: Rect) -> Vec<Line<'static>> {
    let rows = list_rows(area);
    let mut shown = lines.split_off(top.min(lines.len().saturating_sub(rows)));
    if shown.len() > rows {
        shown.truncate(rows.saturating_sub(1));
        shown.push(Line::raw(" … ↓ PgDn: more"));
    }
    shown
}

/// Returns the help. With enough width it has two columns, so it fits in 24 rows.
fn help(area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width.saturating_sub(2));
    let columns = if width >= 2 * HELP_COLUMNS { 2 } else { 1 };
    let marks = [
        " ◌ only on this device    ●○○ on 1 of 3 other devices    ●●● on all of them",
        " ≈ another member's name looks the same: the key after the · tells them apart",
    ];
    let mut lines = in_columns(&COMMANDS, columns);
    lines.extend(in_columns(&KEYS, columns));
    lines.extend(marks.map(Line::raw));
    let wrapped = lines.iter().flat_map(|line| hanging(&line.to_string(), width));
    wrapped.collect()
}

/// Wraps a line of the help; further lines are indented.
fn hanging(line: &str, width: usize) -> Vec<Line<'static>> {
    if line.width() <= width {
        return vec![Line::raw(line.to_string())];
    }
    // The columns do not fit.
    let words: Vec<&str> =
        line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
    let words = words.join("  ");
    let options = Options::new(width.max(8)).initial_indent(" ").subsequent_indent("   ");
    let lines = wrap(&words, options).into_iter();
    lines.map(|line| Line::raw(line.into_owned())).collect()
}

/// Arranges pairs in columns that are read from top to bottom.
fn in_columns(pairs: &[(&str, &str)], columns: usize) -> Vec<Line<'static>> {
    let rows = pairs.len().div_ceil(columns);
    let cell = |(key, what): &(&str, &str)| format!(" {key:15}  {what:21}");
    let row = |at: usize| -> String { pairs.iter().skip(at).step_by(rows).map(cell).collect() };
    (0..rows).map(|at| Line::raw(row(at).trim_end().to_string())).collect()
}

fn paste_question(text: &str, area: Rect) -> Vec<Line<'static>> {
    let lines = plural(text.lines().count() as u64, "line");
    let paste_question = format!("Paste {lines} as one message?   y = yes   n = no");
    wrapped_lines(&paste_question, usize::from(area.width.saturating_sub(2)))
}

fn unsent_question(command: &str, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width.saturating_sub(2));
    let command = sanitize::line(command, width.saturating_sub(16).max(8));
    let texts = [
        format!("Not sent. Did you mean  {command} ?"),
        "/ = run the command   Enter = send it as a message   other keys = edit it".to_string(),
    ];
    texts.iter().flat_map(|text| wrapped_lines(text, width)).collect()
}

/// Wraps a text.
fn wrapped_lines(text: &str, width: usize) -> Vec<Line<'static>> {
    wrap(text, width.max(2)).into_iter().map(|line| Line::raw(line.into_owned())).collect()
}

fn found(model: &Model, search: &Search, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width.saturating_sub(2));
    let words = sanitize::line(&search.words, width.saturating_sub(10));
    let mut lines = vec![Line::raw(format!(" find: {words}▏"))];
    let Some(rows) = &search.rows else {
        lines.push(Line::styled(" Enter searches, Esc closes", model.theme.dim()));
        return lines;
    };
    if rows.is_empty() && search.is_finished {
        lines.push(Line::raw(" nothing found: no message contains all of these words"));
        return lines;
    }
    let count = plural(rows.len() as u64, "message");
    let more = if search.is_finished { "" } else { " so far" };
    let keys = format!(" {count}{more}: ↑ ↓ select, Enter opens");
    lines.push(Line::styled(keys, model.theme.dim()));
    let room = usize::from(area.height.saturating_sub(4)).max(1);
    let from = (search.chosen + 1).saturating_sub(room);
    for (at, row) in rows.iter().enumerate().skip(from).take(room) {
        let day = row.time.map_or(String::new(), |time| time.strftime("%d %b %H:%M").to_string());
        let author = sanitize::author_within(row.nick.as_str(), &row.position.block.feed, 16);
        let text = row.lines.first().map_or("", |line| line.as_str());
        let text = sanitize::line(&format!(" {day}{}{author}  {text}", row.kind_symbol), width);
        let style = if at == search.chosen { model.theme.selected() } else { model.theme.dim() };
        lines.push(Line::styled(text.to_string(), style));
    }
    lines
}

fn invitation(invite: &Invite, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let keys = "Enter = copy   Esc = close";
    let texts = [invite.text.as_str(), invite.warning, keys];
    let mut lines: Vec<_> = texts.iter().flat_map(|text| wrapped_lines(text, width)).collect();
    let rows = usize::from(area.height);
    let fits = lines.len() + invite.qr_lines.len() <= rows
        && invite.qr_lines.first().is_some_and(|line| line.chars().count() <= width);
    if fits {
        lines.extend(invite.qr_lines.iter().cloned().map(Line::raw));
    } else if !invite.qr_lines.is_empty() {
        lines.push(Line::raw("enlarge the window to see a QR code"));
    }
    lines
}
