//! Draws the channels in one line, in windows without a list.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::rooms::ClickTarget;
use crate::sanitize;
use crate::tui::model::Model;

/// With less space than this, a topic is left out. Chosen: fewer columns show no useful part.
const TOPIC_COLUMNS_MIN: usize = 8;

/// Returns the label of each channel.
fn labels(model: &Model) -> Vec<String> {
    let name = |at: usize, channel: &crate::sanitize::Clean| {
        let room = if at == 0 { model.room_info.room.as_str() } else { "" };
        match model.log.unread(channel) {
            0 => format!(" {room}#{channel} "),
            unread => format!(" {room}#{channel} {unread} "),
        }
    };
    model.channels().iter().enumerate().map(|(at, channel)| name(at, channel)).collect()
}

/// Draws the labels.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let channels = model.channels();
    let spans = labels(model).into_iter().zip(&channels).map(|(label, channel)| {
        let style = match channel {
            channel if *channel == model.channel => model.theme.selected(),
            channel if model.log.unread(channel) > 0 => model.theme.highlight(),
            _ => model.theme.dim(),
        };
        Span::styled(label, style)
    });
    let mut line = Line::from(spans.collect::<Vec<_>>());
    if let Some(topic) = topic(model, usize::from(area.width).saturating_sub(line.width())) {
        line.push_span(Span::raw(topic));
    }
    frame.render_widget(line, area);
}

/// Returns the channel at a position.
pub fn at(model: &Model, area: Rect, at: Position) -> Option<ClickTarget> {
    let mut column = usize::from(area.x);
    for (label, channel) in labels(model).iter().zip(model.channels()) {
        column += Span::raw(label).width();
        if usize::from(at.x) < column {
            return Some(ClickTarget::Channel(channel));
        }
    }
    None
}

/// Returns the topic in at most this many columns; `None` if hardly any of it fits.
pub fn topic(model: &Model, columns: usize) -> Option<String> {
    let columns = columns.checked_sub(3).filter(|columns| *columns >= TOPIC_COLUMNS_MIN)?;
    let topic = model.topic()?;
    Some(format!("─ {} ", sanitize::line(topic.as_str(), columns)))
}
