//! Draws the authors and the connected peers.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use crate::sanitize;
use crate::tui::model::Model;

/// Draws them beside the messages.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let inner = Block::bordered().inner(area);
    let lines = lines(model, usize::from(inner.width));
    let title = format!(" people {} ", model.people.authors().len());
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
}

/// Returns the authors, then the peers. The peers do not show who wrote.
pub fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (key, author) in model.people.authors() {
        let is_own = *key == model.room_info.key;
        let suffix = match () {
            () if is_own => " you",
            () if author.has_lookalike => " ≈ same name",
            () => "",
        };
        let room = width.saturating_sub(1 + suffix.chars().count());
        let name = sanitize::author_within(author.nick.as_str(), key, room);
        lines.push(Line::from(vec![
            Span::raw(" "),
            Span::styled(name.to_string(), model.theme.author(key)),
            Span::styled(suffix, if is_own { model.theme.dim() } else { model.theme.highlight() }),
        ]));
    }
    lines.push(Line::default());
    let heading = match model.people.peers.len() {
        0 => " no one connected".to_string(),
        count => format!(" connected {count}"),
    };
    lines.push(Line::styled(heading, model.theme.dim()));
    for link in &model.people.peers {
        let (glyph, style, words) = if link.is_synced {
            ("●", model.theme.success(), "synced")
        } else {
            ("◐", model.theme.waiting(), "syncing")
        };
        let name = format!(" {} {words}", link.name);
        lines.push(Line::from(vec![Span::styled(format!(" {glyph}"), style), Span::raw(name)]));
    }
    lines
}
