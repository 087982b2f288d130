//! Draws the messages, with lines at changes of the day and before new messages, and with notes.
//!
//! Rule: each line starts with our own text, so peer text cannot imitate another message or the
//! program.

use jiff::civil::Date;
use ratatui::text::{Line, Span};
use textwrap::{Options, wrap};

use super::layout::panes;
use crate::sanitize::{self, Clean};
use crate::timeline::index::MissingMessages;
use crate::timeline::key::TimelineKey;
use crate::transcript::plural;
use crate::tui::model::Model;
use crate::tui::model::log::Row;

/// From this width on, message texts are aligned in a column. Chosen: half of it remains for the
/// text.
const COLUMN_FROM: u16 = 60;
/// The widest author column. Chosen: a long name with its key characters.
const AUTHOR_COLUMNS_MAX: usize = 22;
/// Columns of the delivery mark at the right: two spaces and up to three characters.
const MARK_COLUMNS: usize = 5;
/// The most lines of one message; a longer one is cut. Chosen: 8 KiB of newlines must not fill
/// the screen.
const ROW_LINES_MAX: usize = 400;

/// Returns all lines of the channel, wrapped to the width of the messages.
pub fn lines(model: &Model) -> Vec<Line<'static>> {
    last_lines(model, usize::MAX, None).0
}

/// Returns the number of lines from a message on; 0 if it is not loaded.
pub fn lines_from(model: &Model, position: TimelineKey) -> usize {
    let (lines, start) = last_lines(model, usize::MAX, Some(position));
    start.map_or(0, |start| lines.len() - start)
}

/// Returns at least this many lines from the end, if available, and the first line of a message
/// among them. Only as many messages are wrapped as needed, because each has at least one line.
fn last_lines(
    model: &Model,
    max_lines: usize,
    wanted: Option<TimelineKey>,
) -> (Vec<Line<'static>>, Option<usize>) {
    let width = usize::from(panes(model).chat.width).max(model.appearance.timestamps.columns() + 4);
    let mut lines = Vec::new();
    let mut notes = model.log.notes.iter().peekable();
    let mut day = None;
    let mut first_unread = model.log.first_unread();
    let mut start = None;
    let mut above = model.log.rows().len().saturating_sub(max_lines);
    for row in model.log.rows() {
        let is_above = above > 0;
        above = above.saturating_sub(1);
        while let Some(note) = notes.next_if(|note| note.after.is_none_or(|at| at < row.position)) {
            if !is_above {
                lines.extend(note_lines(model, &note.text, width));
            }
        }
        let date = row.time.map(|time| time.date());
        let is_another_day = date.is_some() && day != date;
        day = date.or(day);
        let is_first_new = first_unread.is_some_and(|(position, _)| row.position >= position);
        let new = first_unread.take_if(|_| is_first_new);
        if is_above {
            continue;
        }
        if is_another_day {
            lines.push(separator(model, &day_words(date), width));
        }
        if let Some((_, count)) = new {
            let words = format!("new since you left ({count})");
            lines.push(separator(model, &words, width).style(model.theme.highlight()));
        }
        start = start.or((Some(row.position) == wanted).then_some(lines.len()));
        lines.extend(row_lines(model, row, width));
    }
    if model.log.is_empty() {
        lines.extend(welcome_lines(model));
    } else if model.log.rows().is_empty() {
        let words = format!("  no messages in #{} yet", model.channel);
        lines.push(Line::styled(words, model.theme.dim()));
    }
    for note in notes {
        lines.extend(note_lines(model, &note.text, width));
    }
    for MissingMessages { feed, count } in &model.people.missing {
        let nick = model.people.author(feed).map_or("", |author| author.nick.as_str());
        let who = sanitize::author(nick, feed);
        let words = format!("{} from {who} not here yet", plural(*count, "message"));
        lines.push(separator(model, &words, width).style(model.theme.waiting()));
    }
    (lines, start)
}

/// Returns the lines on the screen.
pub fn visible(model: &Model) -> Vec<Line<'static>> {
    let rows = usize::from(panes(model).chat.height);
    let (mut lines, _) = last_lines(model, rows.saturating_add(model.log.scroll), None);
    let max_lines = lines.len().saturating_sub(rows);
    let scroll = model.log.scroll.min(max_lines);
    lines.truncate(lines.len() - scroll);
    let from = lines.len().saturating_sub(rows);
    let mut shown = lines.split_off(from);
    if scroll > 0 || model.log.is_detached() {
        let below = match model.log.below {
            0 => "more below".to_string(),
            count => format!("{} below", plural(count, "new message")),
        };
        let width = usize::from(panes(model).chat.width);
        let hint = separator(model, &format!("{below}: press End"), width);
        if let Some(last) = shown.last_mut() {
            *last = hint.style(model.theme.waiting());
        }
    }
    shown
}

fn row_lines(model: &Model, row: &Row, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let key = &row.position.block.feed;
    let clock = model.appearance.timestamps.clock(row.time);
    let clock_columns = model.appearance.timestamps.columns();
    let is_column = panes(model).chat.width >= COLUMN_FROM;
    let columns = if is_column { AUTHOR_COLUMNS_MAX } else { AUTHOR_COLUMNS_MAX / 2 + 5 };
    let author = sanitize::author_within(row.nick.as_str(), key, columns);
    let lookalike = model.people.author(key).is_some_and(|author| author.has_lookalike);
    let lookalike_columns = 2 * usize::from(lookalike);
    let pad = columns.saturating_sub(author.columns() + lookalike_columns);
    let pad = if is_column { pad } else { 0 };
    let head = clock_columns + author.columns() + lookalike_columns + pad + 1;
    let hang = if is_column { head } else { clock_columns };
    let room = width.saturating_sub(MARK_COLUMNS).max(hang + 4);
    let texts = wrapped(&row.lines, room - head.min(room - 4), room - hang);
    let glyph = row.is_own.then(|| model.delivery.of(row.position.block.index).glyph());
    let text_style = match () {
        () if row.is_marker => theme.dim(),
        () if row.is_mention || model.log.found == Some(row.position) => theme.highlight(),
        () => ratatui::style::Style::new(),
    };
    let mut lines = Vec::with_capacity(texts.len());
    for (at, text) in texts.into_iter().enumerate() {
        let mut spans = match at {
            0 => {
                let mut spans =
                    vec![Span::styled(format!("{clock}{}", row.kind_symbol), theme.dim())];
                spans.push(Span::styled(author.to_string(), theme.author(key)));
                if lookalike {
                    spans.push(Span::styled(" ≈", theme.highlight()));
                }
                spans.push(Span::raw(" ".repeat(pad + 1)));
                spans
            }
            _ => vec![Span::styled(format!("{:>1$}", "│ ", hang), theme.dim())],
        };
        spans.push(Span::styled(text, text_style));
        let line = Line::from(spans);
        let gap = width.saturating_sub(line.width() + MARK_COLUMNS);
        lines.push(match (&glyph, at) {
            (Some(glyph), 0) => with_mark(line, gap, glyph, model),
            _ => line,
        });
    }
    lines
}

fn with_mark(mut line: Line<'static>, gap: usize, glyph: &str, model: &Model) -> Line<'static> {
    let style = if glyph == "◌" { model.theme.waiting() } else { model.theme.success() };
    line.push_span(" ".repeat(gap + 1));
    line.push_span(Span::styled(glyph.to_string(), style));
    line
}

/// Wraps lines; the first one has less space than the others.
fn wrapped(lines: &[Clean], first: usize, rest: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        // An indent shortens the first line and is removed afterwards.
        let indent = " ".repeat(if at == 0 { rest.saturating_sub(first) } else { 0 });
        let options = Options::new(rest.max(2)).initial_indent(&indent);
        for text in wrap(line.as_str(), options) {
            let text =
                if texts.is_empty() { text.get(indent.len()..).unwrap_or("") } else { &text };
            texts.push(text.to_string());
        }
        if texts.len() > ROW_LINES_MAX {
            texts.truncate(ROW_LINES_MAX);
            texts.push("(cut here: see the rest with  multichat tail)".into());
            break;
        }
    }
    texts
}

fn note_lines(model: &Model, text: &Clean, width: usize) -> Vec<Line<'static>> {
    let options = Options::new(width.max(8)).initial_indent("  · ").subsequent_indent("    ");
    let lines = wrap(text.as_str(), options).into_iter();
    lines.map(|line| Line::styled(line.into_owned(), model.theme.dim())).collect()
}

/// Returns a separator line with words in the middle.
fn separator(model: &Model, words: &str, width: usize) -> Line<'static> {
    let words = sanitize::line(words, width.saturating_sub(6));
    let left = width.saturating_sub(words.columns() + 2);
    let (before, after) = (left / 2, left - left / 2);
    let text = format!("{} {words} {}", "─".repeat(before), "─".repeat(after));
    Line::styled(text, model.theme.dim())
}

fn day_words(date: Option<Date>) -> String {
    date.map_or(String::new(), |date| date.strftime("%a %d %b %Y").to_string())
}

/// Returns the lines of a room without messages.
fn welcome_lines(model: &Model) -> Vec<Line<'static>> {
    let met = model.progress.peers > 0 || !model.people.authors().is_empty();
    let tick = |done: bool, what: &str| format!("  [{}] {what}", if done { 'x' } else { ' ' });
    [
        format!("  Welcome, {}. This is #{}.", model.room_info.nick, model.channel),
        String::new(),
        tick(true, "room ready, key saved"),
        tick(met, "/invite someone; they join"),
        tick(false, "first message: just write it"),
        tick(false, "delivered: ◌ turns to ●"),
    ]
    .into_iter()
    .map(Line::from)
    .collect()
}
