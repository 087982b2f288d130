//! Draws the rooms and the channels of the open room.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use crate::sanitize::{self, Clean};
use crate::tui::model::Model;

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClickTarget {
    /// A room, by its index.
    Room(usize),
    /// A channel of the open room.
    Channel(Clean),
}

fn entries(model: &Model) -> Vec<ClickTarget> {
    let mut entries = Vec::new();
    for (at, room) in model.room_info.rooms.iter().enumerate() {
        entries.push(ClickTarget::Room(at));
        if *room == model.room_info.room {
            entries.extend(model.channels().into_iter().map(ClickTarget::Channel));
        }
    }
    entries
}

/// Draws the list.
pub fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let inner = Block::bordered().inner(area);
    let width = usize::from(inner.width);
    let lines = entries(model).into_iter().map(|entry| match entry {
        ClickTarget::Room(at) => {
            let name = &model.room_info.rooms[at];
            let mark = if *name == model.room_info.room { "▸" } else { " " };
            Line::raw(format!("{mark}{}", sanitize::line(name.as_str(), width.saturating_sub(1))))
        }
        ClickTarget::Channel(channel) => channel_line(model, &channel, width),
    });
    let list = Paragraph::new(lines.collect::<Vec<_>>());
    frame.render_widget(list.block(Block::bordered().title(" rooms ")), area);
}

fn channel_line(model: &Model, channel: &Clean, width: usize) -> Line<'static> {
    let unread = match model.log.unread(channel) {
        0 => String::new(),
        unread => format!(" {unread}"),
    };
    let room = width.saturating_sub(4 + unread.len());
    let name = sanitize::line(channel.as_str(), room);
    let gap = " ".repeat(room.saturating_sub(name.columns()));
    let style = match () {
        () if *channel == model.channel => model.theme.selected(),
        () if !unread.is_empty() => model.theme.highlight(),
        () => model.theme.dim(),
    };
    Line::styled(format!("   #{name}{gap}{unread}"), style)
}

/// Returns the entry at a position.
pub fn at(model: &Model, area: Rect, at: Position) -> Option<ClickTarget> {
    let inner = Block::bordered().inner(area);
    let row = at.y.checked_sub(inner.y)?;
    entries(model).into_iter().nth(row.into()).filter(|_| inner.contains(at))
}
