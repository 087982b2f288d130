//! Draws a model.
//!
//! Rule: peer text reaches this module only as [`Clean`](crate::sanitize::Clean).

pub mod input;
pub mod layout;
pub mod log;
pub mod overlay;
pub mod people;
pub mod rooms;
pub mod status;
pub mod tabs;

use ratatui::Frame;
use ratatui::text::Span;
use ratatui::widgets::{Block, Paragraph};

use self::layout::panes;
use self::tabs::topic;
use super::model::Model;

/// Draws the whole screen.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let panes = panes(model);
    if let Some(area) = panes.rooms {
        rooms::draw(model, frame, area);
    }
    if let Some(area) = panes.tabs {
        tabs::draw(model, frame, area);
    }
    if let Some(area) = panes.around_chat {
        let mut title = format!(" {} #{} ", model.room_info.room, model.channel);
        let room = usize::from(area.width).saturating_sub(2 + Span::raw(&title).width());
        title.extend(topic(model, room));
        frame.render_widget(Block::bordered().title(title), area);
    }
    let lines = log::visible(model);
    frame.render_widget(Paragraph::new(lines), panes.chat);
    if let Some(area) = panes.people {
        people::draw(model, frame, area);
    }
    if let Some(area) = panes.status {
        status::draw(model, frame, area);
    }
    input::draw(model, frame, panes.input);
    overlay::draw(model, frame, panes.chat);
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
