//! What lies over the messages.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use textwrap::wrap;

use super::layout::panes;
use super::people;
use crate::sanitize;
use crate::slash::COMMANDS;
use crate::transcript::plural;
use crate::tui::model::Model;
use crate::tui::model::overlay::{Invite, Overlay, Search};

/// One of the two columns of the help.
const HELP_COLUMNS: usize = 39;

const KEYS: [(&str, &str); 12] = [
    ("Enter", "send"),
    ("Alt-Enter", "a new line"),
    ("Tab", "complete a word"),
    ("Up Down", "what you sent before"),
    ("PgUp PgDn", "go through messages"),
    ("Home End", "the first, the last"),
    ("Alt-Up Alt-Down", "the next channel"),
    ("Alt-A", "the next with news"),
    ("Alt-1 to Alt-9", "another room"),
    ("Alt-P, Ctrl-F", "people, search"),
    ("Shift and mouse", "mark text"),
    ("Ctrl-C twice", "leave"),
];

/// Draws it, if there is any.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    // An invite is to be scanned: it takes all the room that there is.
    let area = match model.overlay {
        Overlay::Invite(_) if panes(model).tabs.is_some() => {
            Rect { y: 0, height: area.bottom(), ..area }
        }
        _ => area,
    };
    let (title, lines) = match &model.overlay {
        Overlay::None => return,
        Overlay::Help => (" help ", help(area)),
        Overlay::People => {
            (" people ", people::lines(model, usize::from(area.width).saturating_sub(2)))
        }
        Overlay::Search(search) => (" search ", found(model, search, area)),
        Overlay::Invite(invite) => (" invite ", invitation(invite, area)),
        Overlay::Paste(text) => (" paste ", question(text, area)),
    };
    // In the smallest windows a frame would leave nothing inside it.
    let has_frame = area.height > 6 && !matches!(model.overlay, Overlay::Invite(_));
    let block = if has_frame { Block::bordered().title(title) } else { Block::new() };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// In two columns where there is room for them, so that a terminal of 24 rows shows all of it.
fn help(area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width.saturating_sub(2));
    let columns = if width >= 2 * HELP_COLUMNS { 2 } else { 1 };
    let marks = [
        " ◌ stored here only    ●○○ held by 1 of 3 known peers    ●●● by all",
        " ≈ another member's name looks the same: the key behind the · tells them apart",
    ];
    let mut lines = in_columns(&COMMANDS, columns);
    lines.extend(in_columns(&KEYS, columns));
    lines.extend(marks.map(Line::raw));
    let rows = usize::from(area.height.saturating_sub(2));
    if lines.len() > rows {
        lines.truncate(rows.saturating_sub(1));
        lines.push(Line::raw(" … a larger window shows the rest"));
    }
    lines
}

/// Each column is read from its top to its end.
fn in_columns(pairs: &[(&str, &str)], columns: usize) -> Vec<Line<'static>> {
    let rows = pairs.len().div_ceil(columns);
    let cell = |(key, what): &(&str, &str)| format!(" {key:15}  {what:21}");
    let row = |at: usize| -> String { pairs.iter().skip(at).step_by(rows).map(cell).collect() };
    (0..rows).map(|at| Line::raw(row(at).trim_end().to_string())).collect()
}

fn question(text: &str, area: Rect) -> Vec<Line<'static>> {
    let lines = plural(text.lines().count() as u64, "line");
    let question = format!("Put {lines} into one message?  y = yes   any other key = no");
    wrapped_lines(&question, usize::from(area.width.saturating_sub(2)))
}

/// A text in as many lines as it needs.
fn wrapped_lines(text: &str, width: usize) -> Vec<Line<'static>> {
    wrap(text, width.max(2)).into_iter().map(|line| Line::raw(line.into_owned())).collect()
}

fn found(model: &Model, search: &Search, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width.saturating_sub(2));
    let words = sanitize::line(&search.words, width.saturating_sub(10));
    let mut lines = vec![Line::raw(format!(" find: {words}▏"))];
    let Some(rows) = &search.rows else {
        lines.push(Line::styled(" Enter looks for it, Esc closes", model.theme.dim()));
        return lines;
    };
    let count = plural(rows.len() as u64, "message");
    let more = if search.is_finished { "" } else { " so far" };
    let keys = format!(" {count}{more}: ↑ ↓ choose, Enter goes there");
    lines.push(Line::styled(keys, model.theme.dim()));
    let room = usize::from(area.height.saturating_sub(4)).max(1);
    let from = (search.chosen + 1).saturating_sub(room);
    for (at, row) in rows.iter().enumerate().skip(from).take(room) {
        let day = row.time.map_or(String::new(), |time| time.strftime("%d %b %H:%M").to_string());
        let author = sanitize::author_within(row.nick.as_str(), &row.position.block.feed, 16);
        let text = row.lines.first().map_or("", |line| line.as_str());
        let text = sanitize::line(&format!(" {day}{}{author}  {text}", row.kind_symbol), width);
        let style = if at == search.chosen { model.theme.chosen() } else { model.theme.dim() };
        lines.push(Line::styled(text.to_string(), style));
    }
    lines
}

fn invitation(invite: &Invite, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let keys = "c = to the clipboard   any other key = close";
    let texts = [invite.text.as_str(), invite.warning, keys];
    let mut lines: Vec<_> = texts.iter().flat_map(|text| wrapped_lines(text, width)).collect();
    let rows = usize::from(area.height);
    let fits = lines.len() + invite.qr_lines.len() <= rows
        && invite.qr_lines.first().is_some_and(|line| line.chars().count() <= width);
    if fits {
        lines.extend(invite.qr_lines.iter().cloned().map(Line::raw));
    } else if !invite.qr_lines.is_empty() {
        lines.push(Line::raw("a larger window shows it as a picture to scan"));
    }
    lines
}
